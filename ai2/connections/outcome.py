"""Outcomes: what a run's end makes of its connection, and whom it tells."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.connections import repository
from ai2.ingest.sources.model import Source
from ai2.ingest.sources.problems import Permanent
from ai2.kit import events
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from ai2.kit.masking import mask

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60, 6 * 3600
# A provider that did not answer so often is told of; before, it is only tried again.
TELL_FROM = 3
TRY_AGAIN = "Nothing: it is tried again by itself."


async def succeeded(
    database: Database, organization_id: UUID, connection_id: UUID, sync_id: UUID, source: Source
) -> None:
    """It is up to date; where it was not before, that is told."""
    now = datetime.now(UTC)
    async with database.transaction(organization_id) as db:
        row = await repository.get(db, organization_id, connection_id, lock=True)
        if row is None:
            return
        await repository.end_sync(db, organization_id, sync_id, "ok", None)
        await repository.update(
            db, organization_id, connection_id, state="connected", sync_id=None, leased_until=None, error=None,
            failures=0, last_success_at=now, next_run_at=now + _spread(source.every_minutes * 60),
        )  # fmt: skip
        if row["failures"] >= TELL_FROM:
            await events.emit(db, organization_id, "connection.recovered", {"connection_id": connection_id})


async def failed(
    database: Database, organization_id: UUID, connection_id: UUID, sync_id: UUID, source: Source, error: Exception
) -> None:
    """Why it is not up to date, and what is to be done. What is not a problem of ours is only named."""
    told = described(error)
    lasting = error if isinstance(error, Permanent) else None
    async with database.transaction(organization_id) as db:
        row = await repository.get(db, organization_id, connection_id, lock=True)
        if row is None:
            return
        failures = row["failures"] + 1
        pause_s = (error.retry_after_s if isinstance(error, Problem) else None) or pause(failures)
        await repository.end_sync(db, organization_id, sync_id, "failed", told)
        await repository.update(
            db, organization_id, connection_id, state=lasting.becomes if lasting else "error", sync_id=None,
            leased_until=None, error=Jsonb(told), failures=failures,
            next_run_at=None if lasting else datetime.now(UTC) + timedelta(seconds=pause_s),
        )  # fmt: skip
        if lasting or failures == TELL_FROM:
            kind = "connection.expired" if lasting and lasting.becomes == "expired" else "connection.failed"
            await events.emit(db, organization_id, kind, {"connection_id": connection_id, "code": told["code"]})


def described(error: Exception) -> dict[str, Any]:
    """The error as RFC 9457, with what to do. A message that is not ours may hold a secret, and is left out."""
    if isinstance(error, Problem):
        what_to_do = error.what_to_do if isinstance(error, Permanent) else TRY_AGAIN
        return {
            "code": error.code, "title": error.title, "detail": mask(error.detail), "what_to_do": what_to_do,
        }  # fmt: skip
    return {
        "code": "unexpected", "title": f"{type(error).__name__}; the worker's log says more", "what_to_do": TRY_AGAIN,
    }  # fmt: skip


def pause(failures: int) -> float:
    """How long to wait after the nth failure in a row, in seconds: twice as long each time, and not all at once."""
    longest: int = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 20), LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - a spread, no secret


def _spread(seconds: float) -> timedelta:
    """About so long, so that what was connected together is not due together for ever."""
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311
