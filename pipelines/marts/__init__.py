"""Marts: what dbt builds from the books, and what must hold of them as a whole."""
