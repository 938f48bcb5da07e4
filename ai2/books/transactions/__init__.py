"""Transactions: written, found, split, receipted, decided, and every version kept."""
