"""Moments: what was known at one. Whoever was still writing then is not, however early they began."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Moment:
    """A time, and the database's snapshot that says who had ended by then.

    `own` is the asking transaction, whose own writes count too. Where `is_present`, nobody has written since: what is
    there is what was known. What is older than `settled_before` came with a backup, and is known by its times.
    """

    at: datetime
    snapshot: str
    settled_before: datetime | None = None
    own: str | None = None
    is_present: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What `seen` asks for."""
        return {"moment": self.at, "snapshot": self.snapshot, "own": self.own, "settled_before": self.settled_before}


def seen(writer: str, written_at: str) -> str:
    """The SQL that says whether what this transaction wrote was known at the moment."""
    return (
        f"books.was_seen({writer}, {written_at}, %(moment)s::timestamptz, %(snapshot)s::pg_snapshot, %(own)s::xid8, "
        "%(settled_before)s::timestamptz)"
    )
