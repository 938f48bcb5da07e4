"""Dagster and nothing else: what is made from what, what must hold of it, and when it is made again."""
