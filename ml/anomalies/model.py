"""An anomaly as it is told: what it is about, how sure it is, and what would have been normal."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ai2.kit.errors import NotFound

Kind = Literal["duplicate_charge", "unusual_amount", "new_merchant_large", "sign_flip", "missing_payment"]
State = Literal["open", "dismissed"]
VERSION = "anomalies-1"


class AnomalyNotFound(NotFound):
    """There is no such anomaly; GET /api/ai/anomalies lists yours."""


@dataclass(frozen=True)
class Normal:
    """What would have been normal, from how many rows.

    `low` to `high` is the range of amounts, signed as in the books, and `usual` its middle; `sign` is where money
    goes, `every_days` how often, `repeated_share` how often the like comes twice. What is not known is none.
    """

    rows: int
    low: Decimal | None = None
    high: Decimal | None = None
    usual: Decimal | None = None
    sign: Literal["in", "out"] | None = None
    every_days: int | None = None
    repeated_share: float | None = None
    due_on: date | None = None


@dataclass(frozen=True)
class Anomaly:
    """Something unlike the rest of the books. `related` are the transactions that it is like, or unlike."""

    anomaly_id: UUID
    kind: Kind
    transaction_id: UUID | None
    pattern_id: UUID | None
    booked_on: date
    amount: Decimal
    currency: str
    merchant: str
    score: float
    normal: Normal
    related: list[UUID]
    reasons: list[str]
    version: str
    found_at: datetime
    state: State
    dismissed_by: str | None
    dismissed_at: datetime | None
    note: str | None


def read(row: dict[str, Any]) -> Anomaly:
    """An anomaly from its row."""
    told = dict(row["normal"])
    for name in ("low", "high", "usual"):
        told[name] = Decimal(told[name]) if told.get(name) is not None else None
    told["due_on"] = date.fromisoformat(told["due_on"]) if told.get("due_on") else None
    return Anomaly(**{**row, "score": float(row["score"]), "normal": Normal(**told)})
