"""Insights: what the books say that is worth knowing, and what could be done about it, each with the rows behind it."""
