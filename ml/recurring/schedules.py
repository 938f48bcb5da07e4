"""Schedules: on which days something falls due, by the calendar. A day is its ordinal; 1 is a Monday."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Cadence = Literal[
    "weekly", "fortnightly", "four_weekly", "semi_monthly", "monthly", "quarterly", "half_yearly", "yearly"
]
# interval: every so many days, to the day. month_day: a day of the month, 31 being the last. month_weekday: the nth
# weekday of the month, 5 being the last. floating: about so many days after the one before.
Kind = Literal["interval", "month_day", "month_weekday", "floating"]
# Where a day that is no working day is moved to.
Shift = Literal["none", "next", "previous"]

MEAN_MONTH = 365.2425 / 12
DAYS: dict[Cadence, float] = {
    "weekly": 7, "fortnightly": 14, "four_weekly": 28, "semi_monthly": MEAN_MONTH / 2, "monthly": MEAN_MONTH,
    "quarterly": 3 * MEAN_MONTH, "half_yearly": 6 * MEAN_MONTH, "yearly": 12 * MEAN_MONTH,
}  # fmt: skip
MONTHS: dict[Cadence, int] = {"semi_monthly": 1, "monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}
LAST_DAY, LAST_WEEK = 31, 5
# Books of other centuries have no bills that go on.
FIRST_YEAR, LAST_YEAR = 1940, 2200
_FIRSTS = [date(year, month, 1).toordinal() for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something falls due. Slots are counted; `due` says on which day each lies.

    `start` is the day of slot 0 (interval, floating) or the month of slot 0, counted from `FIRST_YEAR`.
    """

    cadence: Cadence
    kind: Kind
    start: int
    # of an interval or a floating one
    days: int = 0
    # of a calendar one
    months: int = 0
    on: tuple[int, ...] = ()
    shift: Shift = "none"
    weekday: int = 0

    @property
    def period(self) -> float:
        """How many days lie between two of them, on average."""
        return self.days or DAYS[self.cadence]

    def due(self, slot: int) -> int:
        """The day of a slot."""
        if self.days:
            return self.start + slot * self.days
        if self.kind == "month_weekday":
            return _nth_weekday(self.start + slot * self.months, self.weekday, self.on[0])
        which, at = divmod(slot, len(self.on))
        return working(_day_of(self.start + which * self.months, self.on[at]), self.shift)

    def dues(self, first: int, until: int) -> list[int]:
        """The days of the slots from `first` to the one that reaches `until`; the common kinds at little cost."""
        if self.days:
            begin = self.due(first)
            return list(range(begin, max(until, begin) + self.days, self.days))
        if self.kind == "month_day" and len(self.on) == 1 and self.shift == "none":
            start, until_month = self.start + first * self.months, month_of(until) + self.months + 1
            return [_day_of(month, self.on[0]) for month in range(start, until_month, self.months)]
        found = [self.due(first)]
        while found[-1] < until:
            found.append(self.due(first + len(found)))
        return found

    def slot_of(self, day: int) -> int:
        """The slot whose day is nearest."""
        if self.days:
            return round((day - self.start) / self.days)
        guess = (month_of(day) - self.start) // self.months * max(len(self.on), 1)
        near = range(guess - 1, guess + len(self.on) + 2)
        return min(near, key=lambda slot: abs(self.due(slot) - day))

    def after(self, day: int) -> Iterator[int]:
        """The days after this one on which it falls due, for ever."""
        slot = self.slot_of(day)
        while self.due(slot) > day:
            slot -= 1
        while True:
            slot += 1
            due = self.due(slot)
            if due > day:
                yield due

    def described(self) -> str:
        """As a person would say it: monthly on the 5th, or the next working day."""
        name = self.cadence.replace("_", "-")
        if self.kind == "floating":
            return f"about every {self.days} days"
        if self.kind == "interval":
            return f"{name} on {_WEEKDAYS[(self.start - 1) % 7]}"
        if self.kind == "month_weekday":
            nth = ("first", "second", "third", "fourth", "last")[self.on[0] - 1]
            return f"{name} on the {nth} {_WEEKDAYS[self.weekday]}"
        days = " and the ".join("last day" if day >= LAST_DAY else _ordinal(day) for day in self.on)
        moved = {"none": "", "next": ", or the next working day", "previous": ", or the working day before"}
        return f"{name} on the {days}{moved[self.shift]}"

    def written(self) -> dict[str, Any]:
        """For a row of the database."""
        return {
            "cadence": self.cadence, "kind": self.kind, "start": self.start, "days": self.days, "months": self.months,
            "on": list(self.on), "shift": self.shift, "weekday": self.weekday,
        }  # fmt: skip


def read_schedule(written: dict[str, Any]) -> Schedule:
    """What `written` wrote."""
    return Schedule(**{**written, "on": tuple(written["on"])})


def month_of(day: int) -> int:
    """Which month a day lies in, counted from January of `FIRST_YEAR`."""
    return bisect_right(_FIRSTS, day) - 1


def day_in_month(day: int) -> int:
    return day - _FIRSTS[month_of(day)] + 1


def days_of_month(month: int) -> int:
    return _FIRSTS[month + 1] - _FIRSTS[month]


def first_of(month: int) -> int:
    return _FIRSTS[month]


def working(day: int, shift: Shift) -> int:
    """The day itself, or the working day after or before it.

    Of holidays only those are known that every country has which we have rules for; others are a day's lateness.
    """
    step = {"none": 0, "next": 1, "previous": -1}[shift]
    while step and (day % 7 in (6, 0) or _is_holiday(day)):
        day += step
    return day


def _is_holiday(day: int) -> bool:
    """The first of January and the 25th of December."""
    month = month_of(day)
    place = day - _FIRSTS[month]
    return (place == 0 and month % 12 == 0) or (place == 24 and month % 12 == 11)


def _day_of(month: int, day: int) -> int:
    return _FIRSTS[month] + min(day, days_of_month(month)) - 1


def _nth_weekday(month: int, weekday: int, nth: int) -> int:
    if nth >= LAST_WEEK:
        last = _FIRSTS[month + 1] - 1
        return last - (last - 1 - weekday) % 7
    first = _FIRSTS[month]
    return first + (weekday - (first - 1)) % 7 + (nth - 1) * 7


def _ordinal(number: int) -> str:
    if 11 <= number % 100 <= 13:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
