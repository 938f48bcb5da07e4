"""The span: which months of the books are whole, and which is the first to forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ai2.kit.periods import ONE_DAY, months

# What lies further back teaches nothing of next month.
MOST_MONTHS = 60
# A month in which nothing was booked for so many days at its end may still be whole, however busy others were.
QUIET_DAYS = 3
JUDGED_BY = 6


@dataclass(frozen=True)
class Booked:
    """The first and the last day of a month on which anything was booked."""

    month: date
    first_on: date
    last_on: date


@dataclass(frozen=True)
class Span:
    """`whole` months from `first` on are history; the next, which may have begun up to `day`, is forecast first."""

    first: date
    whole: int
    day: int | None

    @property
    def next(self) -> date:
        """The first month to forecast."""
        return after(self.first, self.whole)


def after(month: date, count: int) -> date:
    """The month that is so many later."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def between(first: date, later: date) -> int:
    """How many months lie from one to another."""
    return (later.year - first.year) * 12 + later.month - first.month


def span(booked: Sequence[Booked], today: date) -> Span | None:
    """What the books cover, told by the days on which anything was booked; none where there is nothing.

    This month is never whole. Where the books end earlier, their last month is whole if the days without a booking at
    its end are no more than other months had: else the rest of it has not been imported yet.
    """
    if not booked:
        return None
    last = booked[-1]
    if last.month >= today.replace(day=1):
        next_month, day = last.month, max(today.day, last.last_on.day)
    elif _quiet_days(last) <= max([QUIET_DAYS, *(_quiet_days(each) for each in booked[-1 - JUDGED_BY : -1])]):
        next_month, day = after(last.month, 1), None
    else:
        next_month, day = last.month, last.last_on.day
    first = booked[0].month if booked[0].first_on.day <= QUIET_DAYS + 1 else after(booked[0].month, 1)
    whole = between(first, next_month)
    if whole > MOST_MONTHS:
        first, whole = after(next_month, -MOST_MONTHS), MOST_MONTHS
    return Span(min(first, next_month), max(whole, 0), day)


def _quiet_days(each: Booked) -> int:
    return (months(each.month, 1).end - each.last_on) // ONE_DAY
