"""The span of the books: which whole months they have, and what the last day is that they know of."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from ai2.kit.database import Connection
from ai2.kit.periods import Period, months
from ml.insights import repository


@dataclass(frozen=True)
class Span:
    """The whole months that are over, the last day that anything was booked on, and the month a year back.

    The first month of the books may have begun before they did, and does not count; a month is over when the
    calendar says so and the books have reached its end, or a later month.
    """

    whole: list[date]
    last_on: date
    year_back: date

    @property
    def period(self) -> Period | None:
        return Period(self.whole[0], self.whole[-1]) if self.whole else None


async def span(db: Connection, organization_id: UUID, today: date) -> Span | None:
    """The span of an organization's books; none where they have nothing."""
    found = await repository.span(db, organization_id)
    if not found or found["first_month"] is None or found["last_on"] is None:
        return None
    last_on: date = found["last_on"]
    return Span(_whole(found["first_month"], min(last_on, today)), last_on, _year_back(today))


def _whole(first_month: date, until: date) -> list[date]:
    found = []
    month = months(first_month, 1).end + timedelta(days=1)
    while (end := months(month, 1).end) <= until:
        found.append(month)
        month = end + timedelta(days=1)
    return found


def _year_back(today: date) -> date:
    index = today.year * 12 + today.month - 12
    return date(index // 12, index % 12 + 1, 1)
