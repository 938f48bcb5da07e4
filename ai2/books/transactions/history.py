"""History: every version of a transaction, who made it, when it was known, and what it changed."""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.transactions import history_repository as repository
from ai2.books.transactions.service import TransactionNotFound
from ai2.kit.database import Connection

# When a version is known and by whom it was ended is told beside its fields.
ABOUT = frozenset({"version", "known_from", "known_to", "ended_by"})


@dataclass(frozen=True)
class Change:
    """A field of a transaction that a version changed."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Version:
    """A version. Nobody is named for a first one that no import brought: who wrote it down was not recorded."""

    version: int
    known_from: datetime
    known_to: datetime | None
    changed_by: str | None
    changes: list[Change]


async def page(
    db: Connection, organization_id: UUID, transaction_id: UUID, *, before: int | None = None, limit: int
) -> tuple[list[Version], int | None]:
    """Versions of a transaction, newest first, of a deleted one too; and the last one's number where there are more."""
    if not await repository.is_there(db, organization_id, transaction_id):
        raise TransactionNotFound
    found = await repository.page(db, organization_id, transaction_id, before=before, limit=limit + 1)
    items = [_version(row, former) for row, former in zip_longest(found, found[1:])][:limit]
    return items, items[-1].version if len(found) > limit else None


async def count(db: Connection, organization_id: UUID, transaction_id: UUID) -> int:
    """How many versions there are, the present one included."""
    return await repository.count(db, organization_id, transaction_id)


def _version(row: DictRow, former: DictRow | None) -> Version:
    return Version(
        version=row["version"],
        known_from=row["known_from"],
        known_to=row["known_to"],
        changed_by=former["ended_by"] if former else _brought_by(row),
        changes=_changes(former, row) if former else [],
    )


def _brought_by(first: DictRow) -> str | None:
    return f"batch:{first['batch_id']}" if first["batch_id"] else None


def _changes(former: DictRow, row: DictRow) -> list[Change]:
    return [
        Change(name, former[name], value) for name, value in row.items() if name not in ABOUT and former[name] != value
    ]
