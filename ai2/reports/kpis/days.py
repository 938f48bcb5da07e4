"""Days: which a question is about, and what they are held against."""

from datetime import date

from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import Period, months
from ml.insights.span import Span

# Nobody reads more months than these beside each other; a report has no more columns either.
MOST_MONTHS = 120
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)


class DaysMissing(Invalid):
    """Name both days or neither."""


class TooManyMonths(Invalid):
    """These are more than 120 months; take fewer."""


def asked(start: date | None, end: date | None) -> Period | None:
    """The days that were named; none where none were."""
    if (start is None) != (end is None):
        missing = "start_date" if start is None else "end_date"
        raise DaysMissing(errors=(FieldError(missing, "is missing"),))
    if start is None or end is None:
        return None
    if end < start:
        raise Invalid(errors=(FieldError("end_date", "is not before start_date"),))
    if start < EARLIEST or end > LATEST:
        name = "start_date" if start < EARLIEST else "end_date"
        raise Invalid(errors=(FieldError(name, f"is from {EARLIEST} to {LATEST}"),))
    if months_of(start, end) > MOST_MONTHS:
        raise TooManyMonths(errors=(FieldError("start_date", "is at most 120 months before end_date"),))
    return Period(start, end)


def months_of(start: date, end: date) -> int:
    """How many months these days touch."""
    return (end.year - start.year) * 12 + end.month - start.month + 1


def months_back(day: date, number: int) -> date:
    """The first day of the month that lies so many months before; the first there is, where there is none."""
    index = max(day.year * 12 + day.month - 1 - number, 12)
    return date(index // 12, index % 12 + 1, 1)


def every_month(period: Period) -> list[Period]:
    """The months of a period; the first and the last of them perhaps cut short."""
    found, first = [], period.start
    for _ in range(months_of(period.start, period.end)):
        last = min(months(first, 1).end, period.end)
        found.append(Period(first, last))
        first = months_back(last, -1)
    return found


def last_months(known: Span | None, number: int, today: date) -> Period:
    """So many months up to the last that the books have; up to this one, where they have nothing."""
    last = known.last_on if known else today
    return Period(months_back(last, number - 1), months(last, 1).end)


def last_whole_month(known: Span | None, today: date) -> Period:
    """The last month of the books that is over; without one the month that they are in."""
    if known and known.whole:
        return months(known.whole[-1], 1)
    return months(known.last_on if known else today, 1)
