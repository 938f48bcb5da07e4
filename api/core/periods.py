"""Periods: the books closed through a day, and opened again, with who did it and why."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from ai2.books.periods import service as periods
from ai2.books.periods.service import Act, Closed, PeriodAct
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Day, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/periods", tags=["periods"], route_class=Unit)

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Close(Body):
    """What to close."""

    through: Day = Field(description="The last day that is closed, with all days before it.")


class Reopen(Body):
    """What to open again."""

    from_: Day = Field(alias="from", description="The first day that is open again.")
    reason: Reason = Field(description="Why; it is kept for ever.")


class PeriodActOut(Out):
    """A close or a reopening."""

    act_id: UUID
    act: Act
    day: date = Field(description="Closed through this day, or reopened from it on.")
    closed_before: date | None = Field(description="Through which day the books were closed before.")
    closed_after: date | None = Field(description="And after.")
    reason: str | None
    acted_by: str
    acted_at: Instant


class LeftOpenOut(Out):
    """What was closed as it was."""

    uncategorized: int = Field(description="Transactions without a category.")
    pending: int = Field(description="Announced and not booked; they count nowhere.")


class ClosedOut(Out):
    """The close, and what somebody may still have wanted to look at."""

    act: PeriodActOut
    left_open: LeftOpenOut


class Periods(ListOf):
    """How far the books are closed, and how that came about, newest first."""

    closed_through: date | None = Field(description="The last closed day; null where all is open.")
    items: list[PeriodActOut]


@router.get("", response_model=Periods)
async def list_periods(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """How far the books are closed, and every close and reopening."""
    through = await periods.closed_through(db, who.organization_id)
    after = read_cursor(wanted.cursor, UUID)
    items, last = await periods.history(db, who.organization_id, after=after, limit=wanted.limit)
    total = await periods.count(db, who.organization_id) if wanted.include else None
    return {"closed_through": through, "items": items, "next_cursor": write_cursor(last), "total": total}


@router.post("/close", response_model=ClosedOut)
async def close_period(wanted: Close, db: Db, who: Caller) -> Closed:
    """Close the books through a day. What counts in them is refused every change (409 `period_closed`)."""
    return await periods.close(db, who.organization_id, wanted.through, closed_by=who.actor)


@router.post("/reopen", response_model=PeriodActOut)
async def reopen_period(wanted: Reopen, db: Db, who: Caller) -> PeriodAct:
    """Open the books again from a day on."""
    return await periods.reopen(db, who.organization_id, wanted.from_, reason=wanted.reason, reopened_by=who.actor)
