"""Events: what happened in an organization, in order, for apps that ask now and then."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field, WithJsonSchema

from ai2.kit import events
from ai2.kit.events import KINDS
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/events", tags=["events"], route_class=Unit)

LAST = 2**63 - 1


def known(kind: str) -> str:
    """The kind, if events have it."""
    if kind not in KINDS:
        raise ValueError("is a kind of event: " + ", ".join(KINDS))
    return kind


Kind = Annotated[str, AfterValidator(known), WithJsonSchema({"type": "string", "enum": list(KINDS)})]


class EventQuery(PageQuery):
    """Which events, and which page of them."""

    after: int = Field(default=0, ge=0, le=LAST, description="The position of the last event that you have.")
    kind: Annotated[list[Kind], Field(max_length=len(KINDS))] = Field(
        default_factory=list, description="Only these; may be given several times."
    )


class EventOut(Out):
    """Something that happened. It may come twice: do nothing for an `event_id` that you have seen."""

    event_id: UUID
    position: int = Field(description="1, 2, 3 ... in the order in which things took effect.")
    kind: str
    payload: dict[str, Any] = Field(description="Ids and facts, by kind: docs/reference/events.md.")
    actor: str = Field(description="Who did it, as the history names them.")
    occurred_at: Instant


class Events(ListOf):
    """The next events, oldest first."""

    items: list[EventOut]


@router.get("", response_model=Events)
async def list_events(db: Db, who: Caller, wanted: Annotated[EventQuery, Query()]) -> dict[str, Any]:
    """What happened after a position, oldest first. Keep the last position, and ask again after it.

    Events are kept for some months: 410 where those that come next are forgotten.
    """
    after = read_cursor(wanted.cursor, _position) or wanted.after
    found = await events.after(db, who.organization_id, after, limit=wanted.limit + 1, kinds=wanted.kind)
    page = found[: wanted.limit]
    total = await events.count(db, who.organization_id, wanted.after, wanted.kind) if wanted.include else None
    following = write_cursor(page[-1].position if len(found) > wanted.limit else None)
    return {"items": page, "next_cursor": following, "total": total}


def _position(text: str) -> int:
    position = int(text)
    if not 0 < position <= LAST:
        raise ValueError
    return position
