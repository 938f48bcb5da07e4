"""Rates: what one currency was worth in another on a day, and amounts converted by it."""
