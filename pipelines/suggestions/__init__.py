"""Suggestions: the category that each new transaction probably has."""
