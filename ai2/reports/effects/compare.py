"""Comparing: which cells of a report differ from those of another of the same days. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ai2.reports.model import Cell, Column, Line, Report, Table

NOTHING = Decimal(0)


@dataclass(frozen=True)
class CellEffect:
    """A cell before and after. Null where there is no figure, as `reason` says; a line that is not there has nothing.

    `key` is how reports name it; the difference is null where one of the two is.
    """

    key: str
    currency: str
    line: str
    kind: str
    column: str
    role: str
    before: Decimal | None
    after: Decimal | None
    difference: Decimal | None
    entries_before: int | None
    entries_after: int | None
    reason: str | None


Place = tuple[str, str, str]


def differing(before: Report, after: Report) -> list[CellEffect]:
    """The cells whose figures differ, in the order of the report as it would be, then those that it has no more."""
    found = _cells(before)
    would_be = _cells(after)
    places = [*would_be, *(place for place in found if place not in would_be)]
    effects = (
        _effect(place, would_be.get(place) or found[place], found.get(place), would_be.get(place)) for place in places
    )
    return [each for each in effects if each.before != each.after]


@dataclass(frozen=True)
class _Placed:
    table: Table
    line: Line
    column: Column
    cell: Cell


def _cells(report: Report) -> dict[Place, _Placed]:
    return {
        (table.key, placed.line.key, placed.column.key): placed for table in report.tables for placed in _placed(table)
    }


def _placed(table: Table) -> Iterator[_Placed]:
    columns = {column.key: column for column in table.columns}
    lines = {line.key: line for line in table.lines}
    for cell in table.cells:
        yield _Placed(table, lines[cell.line], columns[cell.column], cell)


def _effect(place: Place, shown: _Placed, before: _Placed | None, after: _Placed | None) -> CellEffect:
    was, would_be = _figure(before), _figure(after)
    return CellEffect(
        key=".".join(place),
        currency=shown.table.currency,
        line=shown.line.label,
        kind=shown.line.kind,
        column=shown.column.label,
        role=shown.column.role,
        before=was,
        after=would_be,
        difference=None if was is None or would_be is None else would_be - was,
        entries_before=before.cell.entries if before else 0,
        entries_after=after.cell.entries if after else 0,
        reason=_reason(after) or _reason(before),
    )


def _figure(placed: _Placed | None) -> Decimal | None:
    """Where a line is not there, nothing is on it."""
    return NOTHING if placed is None else placed.cell.amount


def _reason(placed: _Placed | None) -> str | None:
    return placed.cell.reason if placed else None
