"""Sessions: where you are signed in, and how to end it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.identity import sessions
from api.pages import WholeQuery, cut
from api.schemas import Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/sessions", tags=["sessions"], route_class=Unit)


class SessionOut(Out):
    """A session that has not ended."""

    session_id: UUID
    created_at: Instant
    refreshed_at: Instant = Field(description="When it was last given new tokens.")
    expires_at: Instant = Field(description="When it ends, unless it is refreshed before.")
    is_current: bool = Field(description="Whether this request belongs to it.")


class Sessions(ListOf):
    """Your sessions in this organization."""

    items: list[SessionOut]


@router.get("", response_model=Sessions)
async def list_sessions(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """Your sessions in this organization, oldest first. An API key has none."""
    return cut(await sessions.list_own(db, who), wanted, lambda session: session.session_id)


@router.delete("/{session_id}", status_code=204)
async def end_session(session_id: UUID, db: Db, who: Caller) -> Response:
    """End one of your sessions: its tokens open nothing any more."""
    await sessions.end_own(db, who, session_id)
    return Response(status_code=204)
