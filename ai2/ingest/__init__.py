"""Ingest: bytes in, statement lines out, and from there, once and once only, transactions.

Reading is pure: `read.statements` turns bytes into lines and rejected rows by a layout. Loading is one
database transaction a batch. Who wants a file imported calls `ai2.ingest.service`.
"""
