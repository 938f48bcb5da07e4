"""Receipts: mails and documents, what they say, and the transactions that they are of."""
