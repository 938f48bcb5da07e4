"""Rates: what currencies are worth, as it is published for everybody."""
