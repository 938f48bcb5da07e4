"""Relative periods: which days a scheduled report is of, seen from the day on which it is due."""

import calendar
from datetime import date, timedelta
from typing import Literal

from ai2.kit.periods import Period, months

RelativePeriod = Literal[
    "yesterday", "last_week", "last_month", "last_quarter", "last_fiscal_year", "last_year",
    "week_to_date", "month_to_date", "quarter_to_date", "fiscal_year_to_date", "year_to_date",
    "last_30_days", "last_12_months",
]  # fmt: skip
ONE_DAY = timedelta(days=1)


def period_of(name: RelativePeriod, today: date, fiscal_year: tuple[int, int] = (1, 1)) -> Period:
    """The days that are meant. `fiscal_year` is the month and the day on which it begins; quarters are its quarters.

    What is to date includes today; every other period is over.
    """
    monday = today - timedelta(days=today.weekday())
    of_days = {
        "yesterday": (today - ONE_DAY, today - ONE_DAY),
        "last_30_days": (today - timedelta(days=30), today - ONE_DAY),
        "last_week": (monday - timedelta(days=7), monday - ONE_DAY),
        "week_to_date": (monday, today),
    }
    if name in of_days:
        return Period(*of_days[name])
    if name == "last_12_months":
        return months(_first_of_month(today, -12), 12)
    length, begins = {
        "month": (1, (1, 1)),
        "quarter": (3, fiscal_year),
        "fiscal_year": (12, fiscal_year),
        "year": (12, (1, 1)),
    }[name.removeprefix("last_").removesuffix("_to_date")]
    start = _start(today, length, begins)
    if name.endswith("_to_date"):
        return Period(start, today)
    return Period(_start(start - ONE_DAY, length, begins), start - ONE_DAY)


def _start(day: date, length: int, begins: tuple[int, int]) -> date:
    """The first day of the stretch of so many months in which a day lies; one begins on this day of the year."""
    into = (day.month - begins[0]) % length
    start = _on(_first_of_month(day, -into), begins[1])
    return start if start <= day else _on(_first_of_month(day, -into - length), begins[1])


def _on(first: date, day: int) -> date:
    return first.replace(day=min(day, calendar.monthrange(first.year, first.month)[1]))


def _first_of_month(day: date, number: int) -> date:
    """The first of the month that is so many months from a day's."""
    index = day.year * 12 + day.month - 1 + number
    return date(index // 12, index % 12 + 1, 1)
