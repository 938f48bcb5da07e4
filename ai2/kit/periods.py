"""Periods: stretches of calendar days, both ends included, as people write them."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from ai2.kit.errors import FieldError, Invalid

EXPECTED = "is YYYY, YYYY-Q1, YYYY-MM, YYYY-MM-DD..YYYY-MM-DD, this_month, last_30_days or last_12_months"


ONE_DAY, MIDDLE = timedelta(days=1), 15


class UnknownPeriod(Invalid):
    """The period cannot be read."""


@dataclass(frozen=True)
class Period:
    """From `start` to `end`, both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise UnknownPeriod(errors=(FieldError("period", "ends before it starts"),))

    def in_months(self) -> tuple[tuple[date, date], list[tuple[date, date, int]]]:
        """The first and the last day between which its months begin, and the days that make the difference.

        A month of which it has but some days counts whole, and the others are taken out again (-1), where these are
        fewer; else its days are added (1). Of what lies in one month nothing counts whole, and the days are the wrong
        way round.
        """
        first, last = self.start.replace(day=1), months(self.end, 1).end
        if (self.start, self.end) == (first, last):
            return (first, last), []
        if first == self.end.replace(day=1):
            return (first + ONE_DAY, first), [(self.start, self.end, 1)]
        edges = []
        if self.start > first:
            if self.start.day <= MIDDLE:
                edges.append((first, self.start - ONE_DAY, -1))
            else:
                end_of_first = months(first, 1).end
                edges.append((self.start, end_of_first, 1))
                first = end_of_first + ONE_DAY
        if self.end < last:
            if self.end.day >= MIDDLE:
                edges.append((self.end + ONE_DAY, last, -1))
            else:
                start_of_last = self.end.replace(day=1)
                edges.append((start_of_last, self.end, 1))
                last = start_of_last - ONE_DAY
        return (first, last), edges


def read_period(text: str, today: date) -> Period:
    """The period that a person means by `2026`, `2026-Q3`, `2026-11`, `2026-01-01..2026-01-15`, `last_12_months`..."""
    named = _named(text, today)
    if named:
        return named
    try:
        return _written(text)
    except ValueError:
        raise UnknownPeriod(errors=(FieldError("period", EXPECTED),)) from None


def months(first: date, count: int) -> Period:
    """`count` whole months from the month of `first`."""
    index = first.year * 12 + first.month - 1 + count - 1
    year, month = divmod(index, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return Period(first.replace(day=1), date(year, month + 1, last_day))


def _named(text: str, today: date) -> Period | None:
    if text == "this_month":
        return months(today, 1)
    if text == "last_30_days":
        return Period(today - timedelta(days=29), today)
    if text == "last_12_months":
        index = today.year * 12 + today.month - 12
        return Period(date(index // 12, index % 12 + 1, 1), today)
    return None


def _written(text: str) -> Period:
    if match := re.fullmatch(r"(\d{4})", text):
        return months(date(int(match[1]), 1, 1), 12)
    if match := re.fullmatch(r"(\d{4})-Q([1-4])", text):
        return months(date(int(match[1]), int(match[2]) * 3 - 2, 1), 3)
    if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
        return months(date(int(match[1]), int(match[2]), 1), 1)
    start, _, end = text.partition("..")
    return Period(date.fromisoformat(start), date.fromisoformat(end))
