"""Due: when a schedule is due by the clock on the wall, also where that is moved, and of which days its report is."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai2.kit.periods import Period
from ai2.reports.schedules.due import Every, When, all_due, next_due
from ai2.reports.schedules.relative import RelativePeriod, period_of

NIGHT: dict[str, Any] = {"every": "day", "time_zone": "Europe/Berlin", "hour": 2, "minute": 30}
NEW_YORK: dict[str, Any] = {"every": "day", "time_zone": "America/New_York", "hour": 8}
UTC_MONTH: dict[str, Any] = {"every": "month", "time_zone": "UTC"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "after", "due"),
    [
        # on 29 March 2026 the clock goes from 02:00 to 03:00: half past two is half past three, once
        (NIGHT, "2026-03-28T01:30", "2026-03-29T01:30"),
        (NIGHT, "2026-03-29T01:30", "2026-03-30T00:30"),
        # on 25 October 2026 it is half past two twice: the first is meant
        (NIGHT, "2026-10-24T00:30", "2026-10-25T00:30"),
        (NIGHT, "2026-10-25T00:30", "2026-10-26T01:30"),
        # the same hour of the day before and after 8 March 2026
        (NEW_YORK, "2026-03-07T13:00", "2026-03-08T12:00"),
        (NEW_YORK, "2026-03-06T13:00", "2026-03-07T13:00"),
        # a moment before it, and at it
        (NEW_YORK, "2026-06-01T11:59:59", "2026-06-01T12:00"),
        (NEW_YORK, "2026-06-01T12:00", "2026-06-02T12:00"),
        # it is tomorrow already in Auckland, and still yesterday in Honolulu
        ({"every": "day", "time_zone": "Pacific/Auckland", "hour": 6}, "2026-06-01T17:00", "2026-06-01T18:00"),
        ({"every": "day", "time_zone": "Pacific/Honolulu", "hour": 23}, "2026-06-01T08:59", "2026-06-01T09:00"),
        # half an hour's summer time, and zones of a quarter of an hour
        ({"every": "day", "time_zone": "Australia/Lord_Howe", "hour": 2}, "2026-10-02T15:30", "2026-10-03T15:30"),
        ({"every": "day", "time_zone": "Asia/Kathmandu", "hour": 0}, "2026-01-01T18:15", "2026-01-02T18:15"),
        # weeks
        ({"every": "week", "time_zone": "UTC", "day": 1}, "2026-11-28T12:00", "2026-11-30T06:00"),
        ({"every": "week", "time_zone": "UTC", "day": 7}, "2026-11-29T06:00", "2026-12-06T06:00"),
        ({"every": "week", "time_zone": "UTC", "day": 6}, "2026-11-28T05:59", "2026-11-28T06:00"),
        # the 31st is the last of a short month
        ({**UTC_MONTH, "day": 31}, "2026-01-31T06:00", "2026-02-28T06:00"),
        ({**UTC_MONTH, "day": 31}, "2026-02-28T06:00", "2026-03-31T06:00"),
        ({**UTC_MONTH, "day": 31}, "2026-03-31T06:00", "2026-04-30T06:00"),
        ({**UTC_MONTH, "day": 29}, "2028-02-01T00:00", "2028-02-29T06:00"),
        ({**UTC_MONTH, "day": 29}, "2026-02-01T00:00", "2026-02-28T06:00"),
        ({**UTC_MONTH, "day": 1}, "2026-12-01T06:00", "2027-01-01T06:00"),
        # the last of October in Berlin, after the clock was moved
        ({**UTC_MONTH, "time_zone": "Europe/Berlin", "day": 31}, "2026-09-30T04:00", "2026-10-31T05:00"),
        # quarters
        ({"every": "quarter", "time_zone": "UTC", "day": 5}, "2026-11-28T12:00", "2027-01-05T06:00"),
        ({"every": "quarter", "time_zone": "UTC", "day": 31, "month": 2}, "2026-11-28T12:00", "2026-11-30T06:00"),
        ({"every": "quarter", "time_zone": "UTC", "day": 31, "month": 2}, "2026-11-30T06:00", "2027-02-28T06:00"),
        ({"every": "quarter", "time_zone": "UTC", "day": 1, "month": 3}, "2026-12-01T06:00", "2027-03-01T06:00"),
    ],
)
def test_next_due(when: dict[str, Any], after: str, due: str) -> None:
    assert next_due(When(**when), at(after)) == at(due)


WHENS = st.builds(
    When,
    every=st.sampled_from(get_args(Every)),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    day=st.integers(1, 7),
    month=st.integers(1, 3),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)


@given(when=WHENS, minutes=st.integers(0, 15 * 365 * 24 * 60))
def test_each_time_comes_once_and_none_is_left_out(when: When, minutes: int) -> None:
    after = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    first = next_due(when, after)
    assert after < first
    second = next_due(when, first)
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92}[when.every]
    assert first < second <= first + timedelta(days=longest, hours=1)
    assert next_due(when, first - timedelta(seconds=1)) == first == next_due(when, after + (first - after) / 2)
    assert all_due(when, first, second) == [first, second]
    local = second.astimezone(ZoneInfo(when.time_zone))
    is_moved = local.replace(fold=0).utcoffset() != (local - timedelta(hours=3)).utcoffset()
    assert is_moved or (local.hour, local.minute) == (when.hour, when.minute)


SATURDAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("name", "today", "start", "end"),
    [
        ("yesterday", SATURDAY, "2026-11-27", "2026-11-27"),
        ("last_week", SATURDAY, "2026-11-16", "2026-11-22"),
        ("week_to_date", SATURDAY, "2026-11-23", "2026-11-28"),
        ("last_month", SATURDAY, "2026-10-01", "2026-10-31"),
        ("last_month", date(2026, 3, 31), "2026-02-01", "2026-02-28"),
        ("last_month", date(2026, 1, 1), "2025-12-01", "2025-12-31"),
        ("month_to_date", SATURDAY, "2026-11-01", "2026-11-28"),
        ("last_quarter", SATURDAY, "2026-07-01", "2026-09-30"),
        ("quarter_to_date", SATURDAY, "2026-10-01", "2026-11-28"),
        ("last_year", SATURDAY, "2025-01-01", "2025-12-31"),
        ("year_to_date", SATURDAY, "2026-01-01", "2026-11-28"),
        ("last_fiscal_year", SATURDAY, "2025-01-01", "2025-12-31"),
        ("last_30_days", SATURDAY, "2026-10-29", "2026-11-27"),
        ("last_12_months", SATURDAY, "2025-11-01", "2026-10-31"),
    ],
)
def test_days_of_a_period(name: RelativePeriod, today: date, start: str, end: str) -> None:
    assert period_of(name, today) == Period(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("name", "today", "begins", "start", "end"),
    [
        # the British tax year, and its quarters
        ("last_fiscal_year", date(2026, 4, 5), (4, 6), "2024-04-06", "2025-04-05"),
        ("last_fiscal_year", date(2026, 4, 6), (4, 6), "2025-04-06", "2026-04-05"),
        ("fiscal_year_to_date", date(2026, 4, 5), (4, 6), "2025-04-06", "2026-04-05"),
        ("last_quarter", date(2026, 7, 6), (4, 6), "2026-04-06", "2026-07-05"),
        ("quarter_to_date", date(2026, 7, 5), (4, 6), "2026-04-06", "2026-07-05"),
        # Australia's begins in July
        ("last_quarter", date(2026, 8, 1), (7, 1), "2026-04-01", "2026-06-30"),
        ("fiscal_year_to_date", date(2026, 6, 30), (7, 1), "2025-07-01", "2026-06-30"),
        # one whose first day not every quarter has
        ("last_quarter", date(2026, 7, 31), (1, 31), "2026-04-30", "2026-07-30"),
        # months and calendar years know nothing of it
        ("last_year", date(2026, 4, 5), (4, 6), "2025-01-01", "2025-12-31"),
        ("last_month", date(2026, 4, 5), (4, 6), "2026-03-01", "2026-03-31"),
    ],
)
def test_days_of_a_fiscal_period(
    name: RelativePeriod, today: date, begins: tuple[int, int], start: str, end: str
) -> None:
    assert period_of(name, today, begins) == Period(date.fromisoformat(start), date.fromisoformat(end))


@given(
    name=st.sampled_from(get_args(RelativePeriod)),
    today=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    begins=st.tuples(st.integers(1, 12), st.integers(1, 28)),
)
def test_every_period_ends_as_it_says(name: RelativePeriod, today: date, begins: tuple[int, int]) -> None:
    found = period_of(name, today, begins)
    assert found.end == today if name.endswith("_to_date") else found.end < today
    assert found.start <= found.end
