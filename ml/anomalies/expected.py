"""Expected: payments that a recurring pattern said would come, and that did not come by the last day they could."""

from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from ai2.kit.ids import new_id
from ai2.kit.periods import Period
from ml.anomalies.model import VERSION
from ml.recurring.service import Pattern


def missing(patterns: list[Pattern], period: Period) -> list[dict[str, Any]]:
    """What was due in a period and is missed, by patterns whose account's books have gone past that day."""
    return [
        _missing(pattern, due_on)
        for pattern in patterns
        for due_on in pattern.missed
        if period.start <= due_on <= period.end
    ]


def _missing(pattern: Pattern, due_on: date) -> dict[str, Any]:
    normal = {
        "rows": pattern.payments,
        "low": str(pattern.amount_low),
        "high": str(pattern.amount_high),
        "usual": str(pattern.amount),
        "sign": "in" if pattern.amount > 0 else "out",
        "due_on": due_on.isoformat(),
    }
    return {
        "anomaly_id": new_id(),
        "kind": "missing_payment",
        "subject": f"{pattern.pattern_id} {due_on}",
        "transaction_id": None,
        "pattern_id": pattern.pattern_id,
        "booked_on": due_on,
        "amount": pattern.amount,
        "currency": pattern.currency,
        "merchant_key": pattern.merchant_key,
        "score": round(Decimal(str(pattern.confidence)), 4),
        "normal": Jsonb(normal),
        "related": [],
        "reasons": [
            f"{pattern.payments} payments were {pattern.schedule or pattern.cadence}; none came for {due_on}",
            f"the account is known through {pattern.known_through}",
        ],
        "version": VERSION,
    }
