"""Wording: what every format says alike. How a figure is written, what a report is of, and why a figure is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from ai2.kit.money import UnknownCurrency, exponent
from ai2.reports.model import Cell, Column, Note, Report, Table

MINUS = "−"
MISSING = "n/a"
_COLUMNS = {"month": "By month", "quarter": "By quarter", "year": "By year"}
_COMPARED = {"previous_period": "Previous period", "previous_year": "Previous year", "budget": "Budget"}


@dataclass(frozen=True)
class Picture:
    """A chart for a page: an SVG, what it is called on itself, and in words what is to be seen on it."""

    title: str
    svg: bytes
    summary: str


@dataclass(frozen=True)
class Fact:
    """Something that a report was asked to be, or is. Days and instants are such, for who can show them."""

    name: str
    value: str | date | datetime

    @property
    def text(self) -> str:
        """As people read it."""
        match self.value:
            case datetime():
                return f"{day(self.value)}, {self.value.astimezone(UTC):%H:%M:%S} UTC"
            case date():
                return day(self.value)
        return self.value


def subject(report: Report) -> list[Fact]:
    """Whose a report is, and of which days."""
    asked = report.asked
    return [Fact("Organization", report.organization), Fact("From", asked.start_date), Fact("To", asked.end_date)]


def facts(report: Report) -> list[Fact]:
    """What else it was asked to be, and when."""
    asked = report.asked
    found = []
    if asked.group_by in _COLUMNS:
        found.append(Fact("Columns", _COLUMNS[asked.group_by]))
    found.append(Fact("Currency", f"All in {asked.currency}" if asked.currency else "Each currency apart"))
    if asked.compare_to:
        found.append(Fact("Compared with", _COMPARED[asked.compare_to]))
    if asked.account_ids:
        number = len(asked.account_ids)
        found.append(Fact("Accounts", f"{number} chosen {'account' if number == 1 else 'accounts'} only"))
    if asked.jurisdiction:
        found.append(Fact("Jurisdiction", asked.jurisdiction))
    if asked.dimensions:
        found.append(Fact("Dimensions", ", ".join(asked.dimensions)))
    if asked.measures:
        found.append(Fact("Measures", ", ".join(asked.measures)))
    found += [Fact(f"Only {name}", ", ".join(each or "none" for each in values)) for name, values in asked.filters]
    return [*found, Fact("As of", report.as_of)]


def origin(report: Report) -> list[Fact]:
    """By what a report can be found again, and checked."""
    sources = [Fact("Computed by", ", ".join(report.computed_by))] if report.computed_by else []
    return [*sources, Fact("Report", str(report.report_id)), Fact("SHA-256 of the figures", report.digest)]


def period(report: Report) -> str:
    return f"{day(report.asked.start_date)} to {day(report.asked.end_date)}"


def heading(table: Table) -> str:
    """What a table is of."""
    return f"{table.title}, {table.currency}" if table.currency else table.title


def warnings(report: Report) -> list[Note]:
    return [note for note in report.notes if note.is_warning]


def remarks(report: Report) -> list[Note]:
    """Notes that warn of nothing."""
    return [note for note in report.notes if not note.is_warning]


def file_name(report: Report, ending: str) -> str:
    """What a report's file is called: no folder, no control character, not too long for a disk."""
    title = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in report.title)
    title = " ".join(title.split())[:80].strip() or "Report"
    return f"{title} {report.asked.start_date} to {report.asked.end_date}.{ending}"


def day(on: date) -> str:
    """A day that nobody reads as another: 1 February 2026."""
    return f"{on.day} {on:%B} {on.year}"


@cache
def decimals(currency: str) -> int:
    """How many decimals a table's currency has; none where it is no currency."""
    try:
        return exponent(currency)
    except UnknownCurrency:
        return 0


def with_decimals(amount: Decimal, column: Column, currency: str) -> Decimal:
    """A figure with its decimals, never rounded: a percentage's one, or the currency's, or more where it has more."""
    least = 1 if column.role == "change_pct" else decimals(currency)
    if amount.as_tuple().exponent == -least:
        return amount + 0
    own = -int(amount.normalize().as_tuple().exponent)
    return amount.quantize(Decimal(1).scaleb(-max(least, own))) + 0


def figure(amount: Decimal, column: Column, currency: str) -> str:
    """A figure as people read it: 1,234.50, with a true minus, a percentage with its sign."""
    written = f"{with_decimals(amount, column, currency):,f}".replace("-", MINUS)
    return f"{written}%" if column.role == "change_pct" else written


def longest_figures(table: Table) -> dict[str, int]:
    """How many letters the longest figure of each column has: that of the largest, or of the smallest."""
    amounts: dict[str, list[Decimal]] = {column.key: [] for column in table.columns}
    for cell in table.cells:
        if cell.amount is not None:
            amounts[cell.column].append(cell.amount)
    return {
        column.key: max(len(figure(each, column, table.currency)) for each in (min(found), max(found))) if found else 0
        for column in table.columns
        for found in [amounts[column.key]]
    }


class Footnotes:
    """Why figures are missing, each reason once; its number stands beside every figure that it is the reason of."""

    def __init__(self, table: Table) -> None:
        missing = (cell.reason for cell in table.cells if cell.amount is None and cell.reason)
        self._numbers: Mapping[str, int] = {reason: at for at, reason in enumerate(dict.fromkeys(missing), 1)}

    def number(self, cell: Cell) -> int | None:
        """The number of what says why a figure is missing."""
        return self._numbers.get(cell.reason or "") if cell.amount is None else None

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter((number, reason) for reason, number in self._numbers.items())
