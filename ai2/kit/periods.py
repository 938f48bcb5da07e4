"""Periods: stretches of calendar days, both ends included, as people write them."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from ai2.kit.errors import FieldError, Invalid

EXPECTED = "is YYYY, YYYY-Q1, YYYY-MM, YYYY-MM-DD..YYYY-MM-DD, this_month, last_30_days or last_12_months"


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

    def whole_months(self) -> tuple[date, date]:
        """The first day of its first whole month and the last day of its last one.

        Where it holds no whole month, its first day and the day before that: an empty stretch.
        """
        first = self.start if self.start.day == 1 else _next_month(self.start)
        after = _next_month(self.end) if (self.end + timedelta(days=1)).day == 1 else self.end.replace(day=1)
        if first >= after:
            return self.start, self.start - timedelta(days=1)
        return first, after - timedelta(days=1)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


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
