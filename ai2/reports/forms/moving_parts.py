"""Moving parts: what each transaction adds to the cells of which a report keeps the parts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from uuid import UUID

from ai2.reports.model import Line, Part, Report, Table

ZERO = Decimal(0)
Moved = Mapping[str, Decimal | None]


def of(report: Report) -> dict[UUID | None, dict[str, Decimal | None]]:
    """By transaction (none: by another figure, such as a budget), what it adds to each cell.

    Null where a part has no amount.
    """
    found: dict[UUID | None, dict[str, Decimal | None]] = defaultdict(dict)
    for key, sign, part in _parts(report):
        own = found[part.transaction_id]
        before = own.get(key, ZERO)
        own[key] = None if before is None or part.amount is None else before + sign * part.amount
    return found


def between(then: Moved, now: Moved) -> dict[str, Decimal | None]:
    """By how much each cell is another; null where it had no amount, or has none."""
    found: dict[str, Decimal | None] = {}
    for key in {**then, **now}:
        before, after = then.get(key, ZERO), now.get(key, ZERO)
        if before != after:
            found[key] = None if before is None or after is None else after - before
    return found


def _parts(report: Report) -> Iterator[tuple[str, int, Part]]:
    """The parts of every cell that has some, of itself or of the items that it is a total of, with their signs."""
    for table in report.tables:
        by_key = {line.key: line for line in table.lines}
        for line in table.lines:
            for column in table.columns:
                key = f"{table.key}.{line.key}.{column.key}"
                if key in report.parts:
                    yield from ((key, 1, part) for part in report.parts[key])
                elif not column.is_derived:
                    yield from _of_items(report, table, by_key, line, column.key)


def _of_items(
    report: Report, table: Table, by_key: Mapping[str, Line], line: Line, column: str
) -> Iterator[tuple[str, int, Part]]:
    for item, sign in _items(by_key, line):
        for part in report.parts.get(f"{table.key}.{item}.{column}", ()):
            yield f"{table.key}.{line.key}.{column}", sign, part


def _items(by_key: Mapping[str, Line], line: Line, sign: int = 1) -> Iterator[tuple[str, int]]:
    for own, part in line.total_of:
        if by_key[part].total_of:
            yield from _items(by_key, by_key[part], sign * own)
        else:
            yield part, sign * own
