"""Closing: what somebody should still look at before the period's books are closed. It closes nothing."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from ai2.books.periods import service as periods
from ai2.kit.database import Connection
from ml.review import repository as review
from ml.scope import Scope


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """What is left open: without a category, pending, or suggested and not answered."""
    if scope.period is None:
        raise ValueError("a close is of a period")
    left = asdict(await periods.left_open(db, organization_id, scope.period))
    left["to_review"] = await review.waiting(db, organization_id, scope.period)
    closed_through = await periods.closed_through(db, organization_id)
    return {
        **left,
        "is_ready": not any(left.values()),
        "closed_through": closed_through and closed_through.isoformat(),
    }
