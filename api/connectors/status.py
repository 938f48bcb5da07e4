"""Where every connection stands, and what its owner has to do."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.connections import service
from ai2.connections.model import State, Status, Sync
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/connectors/sync-status", tags=["connectors"], route_class=Unit)


class SyncRows(Out):
    """Rows that a run brought; all that came in are one of the others."""

    in_: int = Field(serialization_alias="in")
    loaded: int
    duplicate: int
    quarantined: int


class LastSync(Out):
    """The last run that ended. Put off: the provider's limit was used up, and it comes again by itself."""

    sync_id: UUID
    outcome: Literal["ok", "failed", "put_off", "cut_off"]
    rows: SyncRows
    mails: int
    started_at: Instant
    finished_at: Instant


class SyncStatusOut(Out):
    """A connection as it stands."""

    connection_id: UUID
    name: str
    provider: str
    kind: Literal["bank", "email", "third_party"]
    state: State
    what_to_do: str = Field(description="What somebody has to do so that it stays, or comes, in step.")
    is_in_step: bool = Field(description="Whether the books have what the provider had not long ago.")
    last_success_at: Instant | None
    rows_loaded: int = Field(description="New transactions that it brought, in all.")
    last_sync: LastSync | None
    cursor_at: Instant | None = Field(description="When it came further last.")
    cursor_age_s: int | None = Field(description="For how many seconds it stands there.")
    consent_expires_at: Instant | None
    next_run_at: Instant | None = Field(description="Null: it is being synced, or waits for somebody.")
    error: dict[str, Any] | None
    notices: list[str] = Field(description="What you should know though it is in step.")
    failures: int = Field(description="How many runs in a row failed.")


class SyncStatuses(ListOf):
    """One page, the newest connections first."""

    items: list[SyncStatusOut]


@router.get("", response_model=SyncStatuses)
async def list_sync_status(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """How each connection is: in step or not, since when, until when, and what to do about it."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.statuses(db, who.organization_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    now = datetime.now(UTC)
    return {
        "items": [_out(each, now) for each in items],
        "next_cursor": write_cursor(items[-1].connection.connection_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id) if wanted.include else None,
    }


def _out(status: Status, now: datetime) -> dict[str, Any]:
    known, last = status.connection, status.last_sync
    return {
        **vars(known),
        "what_to_do": status.what_to_do,
        "is_in_step": status.is_in_step,
        "last_sync": {**vars(last), "rows": _rows(last)} if last else None,
        "cursor_age_s": int((now - known.cursor_at).total_seconds()) if known.cursor_at else None,
    }


def _rows(last: Sync) -> dict[str, int]:
    return {
        "in_": last.rows_in, "loaded": last.rows_loaded, "duplicate": last.rows_duplicate,
        "quarantined": last.rows_quarantined,
    }  # fmt: skip
