"""Accounts: what money lies in, and how it began."""
