"""Connections: every source an asset, every connection a partition of it, kept in step whoever syncs it."""
