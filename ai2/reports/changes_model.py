"""What moved in a report: its cells, and the causes and transactions whose effects add up to each one's difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ai2.reports.changes_repository import Before

Reason = Literal[
    "new", "deleted", "undone", "restored", "status", "amount", "date", "account", "category", "split", "tags",
    "merchant", "description", "decided", "attributes", "rate", "assessed",
]  # fmt: skip
CauseKind = Literal[
    "rate", "balance_rate", "opening", "moved", "renamed", "budget", "carried", "confirmation", "receipt", "category",
    "profile", "rules", "together",
]  # fmt: skip
# What puts a transaction elsewhere in the ledger; in a custom report; and what the tax rules answer it by.
OF_PLACE: Mapping[str, Reason] = {
    "status": "status", "amount": "amount", "booked_on": "date", "account_id": "account", "splits": "split",
    "category_id": "category",
}  # fmt: skip
OF_SELECTION: Mapping[str, Reason] = {
    **OF_PLACE, "tags": "tags", "merchant_key": "merchant", "description": "description", "decided_by": "decided",
}  # fmt: skip
OF_ANSWER: Mapping[str, Reason] = {**OF_SELECTION, "attributes": "attributes"}


@dataclass(frozen=True)
class Effect:
    """By how much a cell moves; null where a rate is missing."""

    key: str
    difference: Decimal | None


@dataclass(frozen=True)
class CellChange:
    """A cell that is another now; null amounts are figures that cannot be had."""

    key: str
    label: str
    column: str
    currency: str
    amount_then: Decimal | None
    amount_now: Decimal | None
    difference: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What moves many cells at once, or is only called otherwise."""

    kind: CauseKind
    currency: str | None = None
    on: date | None = None
    account_id: UUID | None = None
    rate_then: Decimal | None = None
    rate_now: Decimal | None = None
    line: str | None = None
    label_then: str | None = None
    label_now: str | None = None
    # how many transactions it moves that nobody wrote since, where they are counted
    transactions: int | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class RowChange:
    """A transaction that was written since; what it was is null where it was not there."""

    transaction_id: UUID
    changed_at: datetime
    changed_by: str | None
    reasons: tuple[Reason, ...]
    before: dict[str, Any] | None
    after: dict[str, Any]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Changes:
    """What moved. Cells and causes come with the first page of the rows; `last` is where the next one begins."""

    report_id: UUID
    as_of: datetime
    now: datetime
    is_changed: bool
    cells: tuple[CellChange, ...]
    causes: tuple[Cause, ...]
    rows: tuple[RowChange, ...]
    last: Before | None


def effects_of(moved: Mapping[str, Decimal | None]) -> tuple[Effect, ...]:
    """Cells that move; those of which a part has no rate are null."""
    return tuple(Effect(key, amount) for key, amount in sorted(moved.items()) if amount is None or amount)
