"""Due: when a schedule is due next, by the clock on the wall of its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ai2.kit.periods import months

Every = Literal["day", "week", "month", "quarter"]
MONTHS = {"month": 1, "quarter": 3}


@dataclass(frozen=True, kw_only=True)
class When:
    """At which time of which days. `day` is of the week from Monday (1), or of the month: a short one has its last.

    Quarters are the calendar's; `month` is which of the quarter's (1 to 3).
    """

    every: Every
    time_zone: str
    day: int = 1
    month: int = 1
    hour: int = 6
    minute: int = 0


def next_due(when: When, after: datetime) -> datetime:
    """The first time after this instant, in UTC.

    A time that the clock leaves out in spring is as much later as the clock was moved; of one that it shows twice in
    autumn the first is meant. So each day has one.
    """
    zone = ZoneInfo(when.time_zone)
    for day in _days(when, after.astimezone(zone).date() - timedelta(days=1)):
        due_at = datetime.combine(day, time(when.hour, when.minute), tzinfo=zone).astimezone(UTC)
        if due_at > after:
            return due_at
    raise AssertionError("days do not end")


def all_due(when: When, first: datetime, until: datetime) -> list[datetime]:
    """Every time from the first, which is one of them, up to this instant."""
    found = [first]
    while (following := next_due(when, found[-1])) <= until:
        found.append(following)
    return found


def day_of(when: When, due_at: datetime) -> date:
    """The day that it is at its place then."""
    return due_at.astimezone(ZoneInfo(when.time_zone)).date()


def _days(when: When, first: date) -> Iterator[date]:
    """The days on which it is due, from this one on."""
    if when.every in ("day", "week"):
        step = 1 if when.every == "day" else 7
        day = first if when.every == "day" else first + timedelta(days=(when.day - first.isoweekday()) % 7)
        while True:
            yield day
            day += timedelta(days=step)
    length = MONTHS[when.every]
    index = first.year * 12 + first.month - 1
    index += (when.month - 1 - index % length) % length if when.every == "quarter" else 0
    while True:
        last = months(date(index // 12, index % 12 + 1, 1), 1).end
        day = last.replace(day=min(when.day, last.day))
        if day >= first:
            yield day
        index += length
