"""Budgets: what is planned by category and month, and what is left of it."""
