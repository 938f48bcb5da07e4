"""Expected: payments that a recurring pattern said would come, and that did not."""

import importlib
import importlib.util
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit.database import Connection
from ai2.kit.ids import new_id
from ai2.kit.periods import Period
from ml.anomalies.model import VERSION

RECURRING = "ml.recurring.service"
# A day late is late by its own interval already; each week more makes it surer.
SURER_DAYS = 7


class Upcoming(Protocol):
    """A payment that a recurring pattern expects."""

    pattern_id: UUID
    merchant: str
    due_on: date
    latest_on: date
    amount: Decimal
    low: Decimal
    high: Decimal
    currency: str


class Patterns(Protocol):
    """Who knows what is expected."""

    async def upcoming(self, db: Connection, organization_id: UUID, until: date) -> Sequence[Upcoming]:
        """What is due until a day, what should have come before today and did not among it."""
        ...


def patterns() -> Patterns | None:
    """The room of recurring patterns, where it is built."""
    if importlib.util.find_spec("ml.recurring") is None or importlib.util.find_spec(RECURRING) is None:
        return None
    found: Patterns = importlib.import_module(RECURRING)  # type: ignore[assignment]
    return found


async def missing(db: Connection, organization_id: UUID, period: Period, last_day: date) -> list[dict[str, Any]]:
    """What was due in a period and did not come by the last day of its interval, which the books have reached."""
    known = patterns()
    if known is None:
        return []
    due = await known.upcoming(db, organization_id, period.end)
    return [
        _missing(each, last_day)
        for each in due
        if period.start <= each.due_on <= period.end and each.latest_on < last_day
    ]


def _missing(each: Upcoming, last_day: date) -> dict[str, Any]:
    late = last_day - each.latest_on
    score = 1 - 0.5 ** (1 + late / timedelta(days=SURER_DAYS))
    low, high = sorted((each.low, each.high))
    normal = {"rows": 0, "low": str(low), "high": str(high), "usual": str(each.amount)}
    return {
        "anomaly_id": new_id(),
        "kind": "missing_payment",
        "subject": f"{each.pattern_id} {each.due_on}",
        "transaction_id": None,
        "pattern_id": each.pattern_id,
        "booked_on": each.due_on,
        "amount": each.amount,
        "currency": each.currency,
        "merchant_key": each.merchant,
        "score": round(Decimal(score), 4),
        "normal": Jsonb({**normal, "sign": "in" if each.amount > 0 else "out", "due_on": each.due_on.isoformat()}),
        "related": [],
        "reasons": [f"due on {each.due_on}, {each.latest_on} at the latest; nothing like it is booked by {last_day}"],
        "version": VERSION,
    }
