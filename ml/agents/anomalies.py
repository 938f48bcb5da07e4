"""Anomalies: judges the period's rows, or those of the months in which anything was written since the last look."""

from collections import Counter
from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml.anomalies import service as anomalies
from ml.anomalies.service import Filter
from ml.scope import Scope

MOST = 1000


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """How many are open in the scope, of each kind: see GET /api/ai/anomalies."""
    if scope.period:
        found = await anomalies.find(db, organization_id, scope.period)
    else:
        await anomalies.catch_up(db, organization_id)
        every = await anomalies.surest(db, organization_id, Filter(), limit=MOST)
        wanted = set(scope.transaction_ids or ())
        found = [each for each in every if each.transaction_id in wanted]
    return {"open": len(found), "by_kind": dict(Counter(each.kind for each in found))}
