"""Upkeep: which rules a person has to read again: those read long ago, and those of which no figure was published."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from ai2.kit.database import Database
from ml.tax import repository
from ml.tax.rows import Row


@dataclass(frozen=True)
class Due:
    """A rule in force to be read again, and why."""

    rule_id: str
    rule_version: str
    why: Literal["read_long_ago", "not_published"]
    read_on: str
    source_url: str
    note: str | None


def due(rows: Iterable[Row], today: date | None = None) -> list[Due]:
    """What is due: of the rows in force today those read over 12 months ago, and those without a figure."""
    today = today or datetime.now(UTC).date()
    since = _a_year_before(today)
    found = []
    for row in rows:
        if not row.covers(today) or (row.is_published and row.read_on >= since):
            continue
        why: Literal["read_long_ago", "not_published"] = "read_long_ago" if row.is_published else "not_published"
        found.append(Due(row.rule_id, row.name, why, row.read_on.isoformat(), row.source_url, row.note))
    return sorted(found, key=lambda each: (each.why, each.rule_id))


def _a_year_before(today: date) -> date:
    try:
        return today.replace(year=today.year - 1)
    except ValueError:  # 29 February
        return today.replace(year=today.year - 1, day=28)


async def known(pipeline: Database) -> list[Row]:
    """The rules as they are loaded."""
    async with pipeline.transaction() as db:
        return await repository.all_rules(db)
