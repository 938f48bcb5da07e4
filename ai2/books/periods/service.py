"""Periods: days up to which the books are closed. What counts in them stays as it is until they are reopened.

The database refuses every change of them, whoever writes. What is here closes and reopens, and tells machines
beforehand which days to leave alone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg import DatabaseError, errors

from ai2.books.periods import repository
from ai2.identity import organizations
from ai2.kit import events
from ai2.kit.database import REFUSALS, Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, Unavailable
from ai2.kit.ids import new_id
from ai2.kit.periods import Period

Act = Literal["closed", "reopened"]


class PeriodClosed(Conflict):
    """The books are closed for these days; an owner or admin reopens them: POST /api/core/periods/reopen."""


class AlreadyClosed(Conflict):
    """The books are closed through this day already."""


class NotClosed(Conflict):
    """The books are open from this day on already."""


class BooksAreWritten(Unavailable):
    """Something is being written into the books, an import perhaps; try again shortly."""


def _refused(error: DatabaseError) -> PeriodClosed:
    through = error.diag.message_detail
    return PeriodClosed(
        f"The books are closed through {through}. To change what lies there, an owner or admin reopens the period: "
        "POST /api/core/periods/reopen with its first day as `from`, and a reason.",
        closed_through=through,
    )


REFUSALS["AI001"] = _refused


@dataclass(frozen=True)
class PeriodAct:
    """A close or a reopening: through which day the books were closed before and after, who did it and why."""

    act_id: UUID
    act: Act
    day: date
    closed_before: date | None
    closed_after: date | None
    reason: str | None
    acted_by: str
    acted_at: datetime


@dataclass(frozen=True)
class LeftOpen:
    """What somebody may still want to look at in the days of a close."""

    uncategorized: int
    pending: int


@dataclass(frozen=True)
class Closed:
    """A close and what it left open."""

    act: PeriodAct
    left_open: LeftOpen


async def closed_through(db: Connection, organization_id: UUID) -> date | None:
    """Through which day the books are closed; nobody closes or reopens more of them until the transaction ends."""
    return await repository.closed_through(db, organization_id)


async def left_open(db: Connection, organization_id: UUID, period: Period) -> LeftOpen:
    """What of these days somebody may still want to look at before they are closed."""
    before = period.start - timedelta(days=1)
    return LeftOpen(**await repository.left_open(db, organization_id, after=before, through=period.end))


async def close(db: Connection, organization_id: UUID, through: date, *, closed_by: str) -> Closed:
    """Close the books through a day. Conversions of what is closed keep the rates as they are known now."""
    if through > datetime.now(UTC).date():
        raise Invalid(errors=(FieldError("through", "is not in the future"),))
    before = await _alone(db, organization_id)
    if before and through <= before:
        raise AlreadyClosed(f"The books are closed through {before} already.", closed_through=before)
    base_currency = (await organizations.get(db, organization_id)).base_currency
    await repository.insert(db, organization_id, through, base_currency=base_currency, closed_by=closed_by)
    act = await _remember(db, organization_id, "closed", through, before, None, closed_by)
    await events.emit(db, organization_id, "period.closed", {"through": through.isoformat()})
    left = await repository.left_open(db, organization_id, after=before, through=through)
    return Closed(act, LeftOpen(**left))


async def reopen(db: Connection, organization_id: UUID, first_day: date, *, reason: str, reopened_by: str) -> PeriodAct:
    """Open the books again from a day on; earlier days stay closed, with the rates that they were closed by."""
    before = await _alone(db, organization_id)
    if before is None or first_day > before:
        since = f"after {before}" if before else "on all days"
        raise NotClosed(f"The books are open {since}.", closed_through=before)
    await repository.cut(db, organization_id, first_day)
    await events.emit(db, organization_id, "period.reopened", {"from": first_day.isoformat()})
    return await _remember(db, organization_id, "reopened", first_day, before, reason, reopened_by)


async def history(
    db: Connection, organization_id: UUID, *, after: UUID | None = None, limit: int
) -> tuple[list[PeriodAct], UUID | None]:
    """Every close and reopening, newest first, and the last one's id where there are more."""
    found = await repository.acts(db, organization_id, after=after, limit=limit + 1)
    items = [PeriodAct(**row) for row in found[:limit]]
    return items, items[-1].act_id if len(found) > limit else None


async def count(db: Connection, organization_id: UUID) -> int:
    """How many closes and reopenings there were."""
    return await repository.count(db, organization_id)


async def _alone(db: Connection, organization_id: UUID) -> date | None:
    """Through which day the books are closed, once nobody else writes into them."""
    try:
        await repository.lock(db, organization_id)
    except errors.LockNotAvailable:
        raise BooksAreWritten from None
    return await repository.closed_through(db, organization_id)


async def _remember(
    db: Connection, organization_id: UUID, act: Act, day: date, before: date | None, reason: str | None, by: str
) -> PeriodAct:
    after = await repository.closed_through(db, organization_id)
    made = await repository.insert_act(
        db,
        organization_id=organization_id,
        act_id=new_id(),
        act=act,
        day=day,
        closed_before=before,
        closed_after=after,
        reason=reason,
        acted_by=by,
    )
    return PeriodAct(**made)
