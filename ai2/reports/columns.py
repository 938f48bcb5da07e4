"""Columns: the days that a report's figures are of, and what they are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import Period, months
from ai2.reports.model import Asked, Column, GroupBy

MOST = 400
_LENGTHS: dict[GroupBy, int] = {"month": 1, "quarter": 3, "year": 12}
_NAMES = {"previous_period": "Previous period", "previous_year": "Previous year", "budget": "Budget"}


class TooManyColumns(Invalid):
    """A report has at most 400 columns; take a shorter period or longer columns."""


def columns(asked: Asked, fiscal_year_start: int = 1, *, is_balance: bool = False) -> tuple[Column, ...]:
    """The columns of a report. Years and quarters are those of the fiscal year that begins in this month."""
    period = Period(asked.start_date, asked.end_date)
    pieces = list(_cut(period, asked.group_by, fiscal_year_start))
    if len(pieces) > MOST:
        raise TooManyColumns(errors=(FieldError("group_by", "gives more than 400 columns"),))
    own = [_column(piece, asked.group_by, fiscal_year_start, is_balance=is_balance) for piece in pieces]
    if len(own) > 1 and not is_balance:
        own.append(_whole(period))
    if asked.compare_to in (None, "budget"):
        return tuple(own)
    return tuple(_with_comparisons(own, period, asked.compare_to or ""))


def _cut(period: Period, group_by: GroupBy, fiscal_year_start: int) -> Iterator[Period]:
    if group_by == "none":
        yield period
        return
    length, first = _LENGTHS[group_by], period.start
    while first <= period.end:
        into = (first.month - fiscal_year_start) % 12 % length
        begin = months(_months_before(first, into), 1).start
        last = min(months(begin, length).end, period.end)
        yield Period(first, last)
        first = last + timedelta(days=1)


def _months_before(day: date, number: int) -> date:
    index = day.year * 12 + day.month - 1 - number
    return date(index // 12, index % 12 + 1, 1)


def _column(piece: Period, group_by: GroupBy, fiscal_year_start: int, *, is_balance: bool) -> Column:
    start, end = piece.start, piece.end
    if is_balance:
        return Column(f"{end}", f"{end}", None, end, "balance")
    is_whole = start.day == 1 and months(end, 1).end == end
    match group_by:
        case "month" if is_whole:
            return Column(f"{start:%Y-%m}", f"{start:%b %Y}", start, end)
        case "year" if is_whole and fiscal_year_start == 1 and (start.month, end.month) == (1, 12):
            return Column(f"{start:%Y}", f"{start:%Y}", start, end)
        case _:
            return Column(f"{start}_{end}", f"{start} to {end}", start, end)


def _whole(period: Period) -> Column:
    return Column("total", "Total", period.start, period.end)


def _with_comparisons(own: Sequence[Column], whole: Period, compare_to: str) -> Iterator[Column]:
    """Beside each column what it is compared with, the change, and the change in percent of that."""
    for column in own:
        before = _shifted(column, whole, compare_to)
        yield column
        yield before
        yield replace(column, key=f"{column.key}_change", label="Change", role="change", of=(column.key, before.key))
        yield replace(
            column, key=f"{column.key}_change_pct", label="Change %", role="change_pct", of=(column.key, before.key)
        )


def _shifted(column: Column, whole: Period, compare_to: str) -> Column:
    """A year earlier; or as much earlier as the report is long, whole months by months and other days by days."""
    start, end = column.start, column.end
    if compare_to == "previous_year":
        start, end = (_years_before(start) if start else None), _years_before(end)
    elif whole.start.day == 1 and months(whole.end, 1).end == whole.end:
        number = (whole.end.year - whole.start.year) * 12 + whole.end.month - whole.start.month + 1
        start = _months_before(start, number) if start else None
        end = months(_months_before(end, number), 1).end
    else:
        days = timedelta(days=(whole.end - whole.start).days + 1)
        start, end = (start - days if start else None), end - days
    label = f"{_NAMES[compare_to]} ({f'{start} to {end}' if start else end})"
    return Column(f"{column.key}_{compare_to}", label, start, end, "comparison", (column.key,))


def _years_before(day: date) -> date:
    """The same day a year earlier; the last of February stays the last."""
    last = months(day, 1).end
    former = date(day.year - 1, day.month, 1)
    return months(former, 1).end if day == last else former.replace(day=day.day)
