"""Columns: which of a report's columns and lines a chart is of."""

from collections.abc import Sequence
from decimal import Decimal

from ai2.reports.charts.words import Point
from ai2.reports.model import Column, Line, Table


def own(table: Table) -> list[Column]:
    """The columns of the report itself: what they are compared with, and the sum of them, left out."""
    found = [column for column in table.columns if column.role in ("period", "balance")]
    return [column for column in found if column.key != "total"] if len(found) > 1 else found


def whole(table: Table) -> Column:
    """The column of all days, or the only one."""
    return next((column for column in table.columns if column.key == "total"), table.columns[0])


def amount(table: Table, line: str, column: str) -> Decimal | None:
    """A figure; null where it cannot be had, or the report has no such line."""
    found = table.by_place.get((line, column))
    return found.amount if found else None


def items(table: Table, prefix: str) -> list[Line]:
    """Lines that are made of entries, of one kind."""
    return [line for line in table.lines if line.kind == "item" and line.key.startswith(prefix)]


def largest(points: Sequence[Point], most: int) -> list[Point]:
    """The largest of these that are not nothing, and what all others come to as one."""
    known = [each for each in points if each.amount is None or each.amount]
    ordered = sorted(known, key=lambda each: (each.amount is not None, -abs(each.amount or Decimal(0)), each.label))
    if len(ordered) <= most:
        return ordered
    shown, rest = ordered[: most - 1], ordered[most - 1 :]
    unknown = any(each.amount is None for each in rest)
    total = None if unknown else sum((each.amount or Decimal(0) for each in rest), Decimal(0))
    return [*shown, Point(f"All {len(rest)} others", total)]
