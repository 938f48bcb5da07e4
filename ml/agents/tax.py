"""Tax: what of the scope is deductible, confirmed and possible apart."""

from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml.scope import Scope
from ml.tax import service


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """What it comes to: POST /api/ai/tax-analysis has each row, with its rule."""
    items = None if scope.transaction_ids is None else [service.stored(each) for each in scope.transaction_ids]
    found = await service.analyse(db, organization_id, items, period=scope.period)
    sums = {
        name: str(getattr(found.totals, name))
        for name in ("confirmed", "possible", "disallowed", "recoverable_confirmed", "recoverable_possible")
    }
    return {
        "jurisdiction": found.jurisdiction,
        "currency": found.totals.currency,
        "answers": len(found.items),
        **sums,
        "unknown": found.totals.unknown,
        "by_answer": found.totals.by_answer,
    }
