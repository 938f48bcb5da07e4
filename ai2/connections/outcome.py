"""Outcomes: what a run's end makes of its connection, and whom it tells."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.connections import repository
from ai2.connections.telling import goes_on
from ai2.connections.turns import Turns
from ai2.ingest.sources.model import Source
from ai2.ingest.sources.problems import Permanent, PutOff
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Problem
from ai2.kit.masking import mask

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60, 6 * 3600
# A provider that did not answer so often is told of; before, it is only tried again.
TELL_FROM = 3
TRY_AGAIN = "Nothing: it is tried again by itself."
FREE: dict[str, Any] = {"sync_id": None, "leased_until": None, "asked_at": None}


@dataclass(frozen=True)
class Ran:
    """A run that ends. `was_due_at`: when its connection was due before it; it goes over past days alone."""

    organization_id: UUID
    connection_id: UUID
    sync_id: UUID
    source: Source
    is_backfill: bool
    was_due_at: datetime | None


async def succeeded(turns: Turns, ran: Ran) -> None:
    """It is up to date; where it was not before, that is told. A run that lost its lease says nothing of it."""
    now = datetime.now(UTC)
    async with turns.transaction(ran.organization_id) as db:
        row = await repository.mine(db, ran.organization_id, ran.connection_id, ran.sync_id)
        if row is None:
            await repository.end_sync(db, ran.organization_id, ran.sync_id, "cut_off", None)
            return
        await repository.end_sync(db, ran.organization_id, ran.sync_id, "ok", None)
        ended = {"state": "connected", "error": None, "failures": 0, "next_run_at": _next(ran, row, now)}
        if not ran.is_backfill:
            ended["last_success_at"] = now
        await repository.update(db, ran.organization_id, ran.connection_id, **FREE, **ended)
        if _is_told(row):
            await events.emit(db, ran.organization_id, "connection.recovered", {"connection_id": ran.connection_id})


async def failed(turns: Turns, ran: Ran, error: Exception) -> None:
    """Why it is not up to date, and what is to be done. What is not a problem of ours is only named."""
    told = described(error)
    goes_on_at = _later(error.retry_after_s or 60) if isinstance(error, PutOff) else None
    if goes_on_at:
        told["what_to_do"] = goes_on(goes_on_at, is_backfill=ran.is_backfill)
    async with turns.transaction(ran.organization_id) as db:
        row = await repository.mine(db, ran.organization_id, ran.connection_id, ran.sync_id)
        outcome = "put_off" if goes_on_at else "failed"
        await repository.end_sync(db, ran.organization_id, ran.sync_id, outcome if row else "cut_off", told)
        if row is None:
            return
        if goes_on_at:
            await _put_off(db, ran, row, goes_on_at)
        elif isinstance(error, Permanent):
            await _stopped(db, ran, row, error, told)
        else:
            await _tried(db, ran, row, error, told)


async def cut_off(turns: Turns, ran: Ran) -> None:
    """The run was told to end, as its process does: another may go on at once."""
    async with turns.transaction(ran.organization_id) as db:
        row = await repository.mine(db, ran.organization_id, ran.connection_id, ran.sync_id)
        await repository.end_sync(db, ran.organization_id, ran.sync_id, "cut_off", None)
        if row is not None:
            await repository.update(
                db, ran.organization_id, ran.connection_id, **FREE, state=_state(row), next_run_at=datetime.now(UTC)
            )


async def _put_off(db: Connection, ran: Ran, row: DictRow, goes_on_at: datetime) -> None:
    """Our own limit is no failure of anybody's."""
    await repository.update(
        db, ran.organization_id, ran.connection_id, **FREE, state=_state(row), next_run_at=goes_on_at
    )


async def _stopped(db: Connection, ran: Ran, row: DictRow, error: Permanent, told: dict[str, Any]) -> None:
    """It is not tried again before somebody has done something."""
    await repository.update(
        db, ran.organization_id, ran.connection_id, **FREE, state=error.becomes, error=Jsonb(told),
        failures=row["failures"] + 1, next_run_at=None,
    )  # fmt: skip
    if not ((row["error"] or {}).get("is_lasting") and row["error"]["code"] == told["code"]):
        await _tell(db, ran, "connection.expired" if error.becomes == "expired" else "connection.failed", told)


async def _tried(db: Connection, ran: Ran, row: DictRow, error: Exception, told: dict[str, Any]) -> None:
    """It is tried again by itself, later each time."""
    failures = row["failures"] + 1
    asked_for_s = error.retry_after_s if isinstance(error, Problem) else None
    await repository.update(
        db, ran.organization_id, ran.connection_id, **FREE, state="error", error=Jsonb(told), failures=failures,
        next_run_at=_later(asked_for_s) if asked_for_s else datetime.now(UTC) + timedelta(seconds=pause(failures)),
    )  # fmt: skip
    if failures == TELL_FROM and not _is_told(row):
        await _tell(db, ran, "connection.failed", told)


async def _tell(db: Connection, ran: Ran, kind: str, told: dict[str, Any]) -> None:
    await events.emit(db, ran.organization_id, kind, {"connection_id": ran.connection_id, "code": told["code"]})


def described(error: Exception) -> dict[str, Any]:
    """The error as RFC 9457, with what to do. A message that is not ours may hold a secret, and is left out."""
    if isinstance(error, Problem):
        lasting = error if isinstance(error, Permanent) else None
        return {
            "code": error.code, "title": error.title, "detail": mask(error.detail),
            "what_to_do": lasting.what_to_do if lasting else TRY_AGAIN, "is_lasting": lasting is not None,
        }  # fmt: skip
    return {
        "code": "unexpected", "title": f"{type(error).__name__}; the worker's log says more", "what_to_do": TRY_AGAIN,
        "is_lasting": False,
    }  # fmt: skip


def pause(failures: int) -> float:
    """How long to wait after the nth failure in a row, in seconds: twice as long each time, and not all at once."""
    longest: int = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 20), LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - a spread, no secret


def _is_told(row: DictRow) -> bool:
    """Whether somebody knows by an event that it is not in step."""
    return bool(row["failures"] >= TELL_FROM or (row["error"] or {}).get("is_lasting"))


def _state(row: DictRow) -> str:
    """Where it stood before the run."""
    return "error" if row["error"] else "connected"


def _next(ran: Ran, row: DictRow, now: datetime) -> datetime:
    """When it is due again: at once where that was asked for meanwhile; past days change nothing of it."""
    if row["asked_at"]:
        return now
    if ran.is_backfill and ran.was_due_at:
        return ran.was_due_at
    # about so long, so that what was connected together is not due together for ever
    return now + timedelta(seconds=ran.source.every_minutes * 60 * random.uniform(0.9, 1.1))  # noqa: S311


def _later(seconds: float) -> datetime:
    """After so long, and not all who were told so at once."""
    return datetime.now(UTC) + timedelta(seconds=seconds + random.uniform(0, min(seconds / 4, 300)))  # noqa: S311
