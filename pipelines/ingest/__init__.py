"""Ingest: a statement file becomes statement lines and transactions, whichever way it came in."""
