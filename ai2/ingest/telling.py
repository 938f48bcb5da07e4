"""Telling: the events of imports, one for each act, however many rows it has."""

from typing import Any
from uuid import UUID

from ai2.ingest import repository
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Problem


async def completed(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """A batch ended, as its row says: loaded, or held."""
    batch = await _batch(db, organization_id, batch_id)
    told = {
        "batch_id": batch_id,
        "account_id": batch["account_id"],
        "rows_in": batch["rows_in"],
        "loaded": batch["rows_loaded"],
        "duplicate": batch["rows_duplicate"],
        "quarantined": batch["rows_quarantined"],
        "status": batch["status"],
        "source": batch["source"],
    }
    await events.emit(db, organization_id, "import.completed", told)


async def refused(db: Connection, organization_id: UUID, batch_id: UUID, problem: Problem, *, asks: bool) -> None:
    """A file could not be loaded, or waits for an answer."""
    whose = {"batch_id": batch_id, "account_id": (await _batch(db, organization_id, batch_id))["account_id"]}
    if asks:
        await events.emit(db, organization_id, "import.needs_answer", whose)
    else:
        await events.emit(db, organization_id, "import.failed", {**whose, "code": problem.code})


async def _batch(db: Connection, organization_id: UUID, batch_id: UUID) -> dict[str, Any]:
    return await repository.batch(db, organization_id, batch_id) or {}
