"""Nightly: what is made once a day, when nobody waits."""
