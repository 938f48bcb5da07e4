"""Mending: what can be done with a batch once it is there: undo it, read it again, correct what was rejected."""
