"""Connections: what there is, syncing one now, its history, and parting from it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.connections import service
from ai2.connections.model import State, Trigger
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Day, Instant, ListOf, Out
from api.unit import Caller, Db, Outside, Pool, Unit

units = APIRouter(prefix="/api/connectors/connections", tags=["connectors"], route_class=Unit)
outside = APIRouter(prefix="/api/connectors/connections", tags=["connectors"], route_class=Outside)


class LinkedAccountOut(Out):
    """A provider's account, and which of yours it is; null: it is left out."""

    account_key: str
    account_id: UUID | None
    name: str
    currency: str | None
    kind: str
    number: str | None


class ConnectionOut(Out):
    """A connection. Its credentials are never told."""

    connection_id: UUID
    provider: str
    kind: Literal["bank", "email", "third_party"]
    name: str
    state: State
    settings: dict[str, Any]
    consent_expires_at: Instant | None
    next_run_at: Instant | None
    last_success_at: Instant | None
    error: dict[str, Any] | None = Field(description="Why it is not up to date, and what to do.")
    notices: list[str] = Field(description="What you should know though it is, as of the last sync.")
    version: int
    created_by: str
    created_at: Instant
    updated_at: Instant


class ConnectionDetails(ConnectionOut):
    """A connection with its accounts."""

    accounts: list[LinkedAccountOut]


class Connections(ListOf):
    """One page."""

    items: list[ConnectionOut]


class SyncOut(Out):
    """One run. Without an outcome it runs."""

    sync_id: UUID
    trigger: Trigger
    since: date | None
    until: date | None
    outcome: Literal["ok", "failed", "put_off", "cut_off"] | None
    pages: int
    rows_in: int
    rows_loaded: int
    rows_duplicate: int
    rows_quarantined: int
    mails: int
    batches: list[UUID]
    error: dict[str, Any] | None
    started_at: Instant
    finished_at: Instant | None


class Syncs(ListOf):
    """One page."""

    items: list[SyncOut]


class SyncWanted(Body):
    """From which day on to fetch again; by default what is new."""

    start_date: Day | None = None
    end_date: Day | None = None


class LinkWanted(Body):
    """Which account of yours a provider's account is."""

    account_key: Annotated[str, Field(max_length=500)] = Field(description="As the connection lists it.")
    account_id: UUID | None = Field(description="In the same currency; null: what it brings is left out.")


class SyncQueued(Out):
    """The job that syncs."""

    job_id: UUID


@units.get("", response_model=Connections)
async def list_connections(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Your connections, newest first."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": items,
        "next_cursor": write_cursor(items[-1].connection_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id) if wanted.include else None,
    }


@units.get("/{connection_id}", response_model=ConnectionDetails)
async def get_connection(connection_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """A connection and its accounts."""
    found = await service.get(db, who.organization_id, connection_id)
    return {**vars(found), "accounts": await service.accounts(db, who.organization_id, connection_id)}


@units.put("/{connection_id}/accounts", response_model=ConnectionDetails)
async def link_account(connection_id: UUID, wanted: LinkWanted, db: Db, who: Caller) -> dict[str, Any]:
    """Let a provider's account be one of yours, or leave it out; what it brought before stays where it is.

    To have that too, undo the imports that brought it and sync again with a `start_date`.
    """
    await service.link_account(db, who.organization_id, connection_id, wanted.account_key, wanted.account_id)
    return await get_connection(connection_id, db, who)


@outside.delete("/{connection_id}", status_code=204)
async def delete_connection(connection_id: UUID, database: Pool, who: Caller) -> Response:
    """End a connection: its credentials are destroyed; what it brought stays in the books."""
    await service.disconnect(database, who.organization_id, connection_id, actor=who.actor)
    return Response(status_code=204)


@units.post("/{connection_id}/sync", status_code=202, response_model=SyncQueued)
async def sync_connection(connection_id: UUID, wanted: SyncWanted, db: Db, who: Caller) -> dict[str, Any]:
    """Sync now, or fetch days again that are past."""
    job_id = await service.ask_for_sync(
        db, who.organization_id, connection_id, since=wanted.start_date, until=wanted.end_date
    )
    return {"job_id": job_id}


@units.get("/{connection_id}/history", response_model=Syncs)
async def list_syncs(connection_id: UUID, db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Every run of a connection, newest first."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.history(db, who.organization_id, connection_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": items,
        "next_cursor": write_cursor(items[-1].sync_id if len(found) > wanted.limit else None),
        "total": await service.count_history(db, who.organization_id, connection_id) if wanted.include else None,
    }
