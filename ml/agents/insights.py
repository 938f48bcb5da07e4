"""Insights: trends, anomalies, the forecast and the runway, as they are after what the steps before did."""

from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml.insights import service
from ml.scope import Scope


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """How much there is to tell: GET /api/ai/insights tells it, with the rows behind each."""
    found = await service.insights(db, organization_id, period=scope.period)
    return {
        "as_of": found.as_of.isoformat(),
        "books_through": found.books_through and found.books_through.isoformat(),
        "trends": len(found.trends),
        "anomalies": len(found.anomalies),
        "runways": len(found.runways),
        "has_forecast": found.forecast is not None,
        "forecast_reason": found.forecast_reason,
    }
