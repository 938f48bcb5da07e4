"""Periods: books that are closed through a day, and opened again."""
