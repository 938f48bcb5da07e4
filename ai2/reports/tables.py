"""Tables: lines and facts become cells; totals and comparisons are worked out from cells."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from ai2.reports.ledger.facts import NOTHING, Facts, Sum
from ai2.reports.model import PCT, Cell, Column, Line, Table, Where

# What a line has in each column.
Figures = Callable[[Where], Mapping[str, Sum]]
NO_BASE = "there was nothing to compare with"


def tabulate(
    key: str, title: str, facts: Facts, columns: Sequence[Column], lines: Sequence[Line], figures: Figures | None = None
) -> Table:
    """The table of these lines. `figures` answers for items; by default the ledger does.

    A total comes after the lines that it is of.
    """
    rows: dict[str, dict[str, Sum]] = {}
    for line in lines:
        if line.where:
            found = (figures or facts.on)(line.where)
            rows[line.key] = {column.key: found.get(column.key, NOTHING) for column in columns if not column.is_derived}
        elif line.kind != "heading":
            rows[line.key] = {column.key: _total(line, column, rows) for column in columns if not column.is_derived}
    cells = [_cell(line, column, rows[line.key]) for line in lines if line.key in rows for column in columns]
    return Table(
        key=key, title=title, currency=facts.currency, columns=tuple(columns), lines=tuple(lines), cells=tuple(cells)
    )


def _total(line: Line, column: Column, rows: Mapping[str, Mapping[str, Sum]]) -> Sum:
    parts = [(sign, rows[part][column.key]) for sign, part in line.total_of]
    silent = next((each for _, each in parts if each.amount is None), None)
    amount = None if silent else sum((sign * each.amount for sign, each in parts if each.amount), Decimal(0))
    return Sum(amount, sum(each.entries for _, each in parts), silent.reason if silent else None)


def _cell(line: Line, column: Column, row: Mapping[str, Sum]) -> Cell:
    if not column.is_derived:
        found = row[column.key]
        return Cell(line.key, column.key, found.amount, found.entries, found.reason)
    now, before = (row[key] for key in column.of)
    if now.amount is None or before.amount is None:
        return Cell(line.key, column.key, None, reason=now.reason or before.reason)
    change = now.amount - before.amount
    if column.role == "change":
        return Cell(line.key, column.key, change)
    if not before.amount:
        return Cell(line.key, column.key, None, reason=NO_BASE)
    return Cell(line.key, column.key, share(change, abs(before.amount)))


def share(part: Decimal, whole: Decimal) -> Decimal:
    """A part of 100, with one decimal."""
    return (part * 100 / whole).quantize(PCT, rounding=ROUND_HALF_UP) + 0
