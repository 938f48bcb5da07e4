"""Moments of reports: when they were made or first asked for, and who had ended then. One is the same for ever."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.reports import moments_repository as repository


@dataclass(frozen=True)
class Known:
    """A moment, and the month in which the organization's fiscal year began then."""

    moment: Moment
    fiscal_year_start: int


async def present(db: Connection, organization_id: UUID) -> Known:
    """This moment, not kept yet."""
    return _known(await repository.present(db, organization_id), is_present=True)


async def past(db: Connection, organization_id: UUID, at: datetime) -> Known:
    """A moment that is over. Who asks first decides: whoever is still writing then is not in it, now or later."""
    kept = await repository.get(db, organization_id, at)
    if kept is None:
        if at > await repository.clock(db):
            raise Invalid(errors=(FieldError("as_of", "is not in the future"),))
        await repository.decide(db, organization_id, at)
        kept = await repository.get(db, organization_id, at)
    assert kept is not None  # noqa: S101 - it was just written, or another wrote it while this waited
    return _known(kept)


async def keep(db: Connection, organization_id: UUID, known: Known) -> None:
    """Keep a moment of which a report was given out."""
    await repository.insert(db, organization_id, known.moment, known.fiscal_year_start)


async def of_report(
    db: Connection, organization_id: UUID, as_of: datetime, *, was_asked_for: bool = False
) -> Moment | None:
    """The moment of a report that was given out; none where moments were not kept yet.

    One that was asked for may have been decided later: who wrote in between had ended by its snapshot.
    """
    kept = await repository.get(db, organization_id, as_of)
    if kept is None:
        return None
    moment = _known(kept).moment
    is_present = not was_asked_for and not await has_moved(db, organization_id, moment)
    return replace(moment, is_present=is_present)


async def has_moved(db: Connection, organization_id: UUID, moment: Moment) -> bool:
    """Whether others have written into the books since."""
    return await repository.has_moved(db, organization_id, moment)


def _known(row: DictRow, *, is_present: bool = False) -> Known:
    moment = Moment(row["as_of"], row["snapshot"], row["settled_before"], row["own"], is_present)
    return Known(moment, row["fiscal_year_start"])
