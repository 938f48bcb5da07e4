"""Ids: UUIDv7, made by us, so they sort by the time they were made."""

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["UUID", "new_id"]


def new_id() -> UUID:
    """A fresh id, unique, later ones sorting after earlier ones."""
    return uuid7()
