"""Exports: the books as files that programs read, whole, exact, and each with a manifest that says what is in it."""
