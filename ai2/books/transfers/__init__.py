"""Transfers: two transactions that are one movement between own accounts."""
