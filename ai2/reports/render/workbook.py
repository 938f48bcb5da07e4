"""XLSX: a sheet for each table and one for what the report is; numbers are numbers, days are days, texts no formulas.

Rows are written once, from the top, so that a workbook of any length fits in memory.
"""

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import xlsxwriter

from ai2.kit.sheets import CERTAIN_DIGITS, FIRST_DAY, LONGEST_TEXT, harmless
from ai2.reports.model import Cell, Column, Kind, Line, Report, Table
from ai2.reports.render.wording import (
    MISSING,
    Fact,
    Footnotes,
    facts,
    longest_figures,
    origin,
    period,
    remarks,
    subject,
    warnings,
    with_decimals,
)  # fmt: skip

WIDEST, LABEL_WIDEST = 24, 60
# Of a workbook's own; a sheet's name has at most 31 letters and none of these.
FORBIDDEN, LONGEST_NAME = frozenset("[]:*?/\\"), 31
DAY, INSTANT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
ACCENT, ALARM, RULE = "#17375E", "#8A1C1C", "#4A525C"


def xlsx(report: Report) -> bytes:
    """A report as a workbook."""
    file = io.BytesIO()
    # its own folder for what does not fit in memory, gone even where the workbook is never finished
    with TemporaryDirectory(prefix="ai2-workbook-") as folder:
        book = Book(file, folder)
        book.describe(report)
        taken = {"about"}
        for table in report.tables:
            _Table(book, table, _sheet_name(table, taken), report).write()
        book.about(report)
        book.close()
    return file.getvalue()


class Book:
    """A workbook, and its formats by what they look like."""

    def __init__(self, file: io.BytesIO, folder: str) -> None:
        self.book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def format(self, **look: Any) -> Any:
        key = tuple(look.items())
        if key not in self._formats:
            self._formats[key] = self.book.add_format(look)
        return self._formats[key]

    def describe(self, report: Report) -> None:
        """What a file's properties say of it, which are the same for the same report."""
        made = report.as_of.astimezone(UTC).replace(tzinfo=None)
        self.book.set_properties({"title": report.title, "author": report.organization, "created": made})

    def about(self, report: Report) -> None:
        """The sheet of notes and parameters."""
        sheet = self.book.add_worksheet("About")
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 80)
        sheet.write_string(0, 0, text(report.title), self.format(bold=True, font_size=14, font_color=ACCENT))
        row = 2
        for note in [*warnings(report), *remarks(report)]:
            color = ALARM if note.is_warning else "#000000"
            sheet.write_string(row, 0, "Warning" if note.is_warning else "Note", self.format(font_color=color))
            sheet.write_string(row, 1, text(note.text), self.format(font_color=color, text_wrap=True, valign="top"))
            row += 1
        for fact in [*subject(report), *facts(report), *origin(report)]:
            sheet.write_string(row, 0, text(fact.name))
            self.value(sheet, row, fact)
            row += 1
        _print(sheet, report, is_landscape=False)

    def value(self, sheet: Any, row: int, fact: Fact) -> None:
        """A day as a day, an instant in UTC, all else as text."""
        value = fact.value
        if isinstance(value, datetime):
            at = value.astimezone(UTC).replace(tzinfo=None, microsecond=0)
            sheet.write_datetime(row, 1, at, self.format(num_format=f'{INSTANT}" UTC"', align="left"))
        elif isinstance(value, date):
            put_day(sheet, row, 1, value, self.format(num_format=DAY, align="left"))
        else:
            sheet.write_string(row, 1, text(value), self.format(text_wrap=True, valign="top"))

    def close(self) -> None:
        self.book.close()


class _Table:
    """A table on a sheet of its own: what it is, its head, its lines, and why figures are missing."""

    def __init__(self, book: Book, table: Table, name: str, report: Report) -> None:
        self._book, self._table, self._report = book, table, report
        self._sheet, self._row = book.book.add_worksheet(name), 0
        self._footnotes = Footnotes(table)
        self._formats: dict[tuple[Kind, str | int | None], Any] = {}

    def write(self) -> None:
        self._widths()
        self._title()
        self._head()
        for line in self._table.lines:
            self._line(line)
        for number, reason in self._footnotes:
            self._say(f"[{number}] {reason}", italic=True)

    def _widths(self) -> None:
        """As wide as what is in them, within reason. They are known before the first row is written."""
        labels = max((len(line.label) + 2 * line.depth for line in self._table.lines), default=0)
        self._sheet.set_column(0, 0, min(max(labels + 2, 24), LABEL_WIDEST))
        figures = longest_figures(self._table)
        for at, column in enumerate(self._table.columns, 1):
            longest = max(min(len(column.label), WIDEST - 2), figures[column.key])
            self._sheet.set_column(at, at, max(longest + 2, 12))

    def _title(self) -> None:
        organization = self._report.organization
        self._say(self._table.title, bold=True, font_size=14, font_color=ACCENT)
        self._say(f"{organization}, {period(self._report)}")
        if self._table.currency:
            self._say(f"Amounts in {self._table.currency}")
        for note in warnings(self._report):
            self._say(f"Warning: {note.text}", bold=True, font_color=ALARM)
        self._row += 1

    def _say(self, words: str, **look: Any) -> None:
        self._sheet.write_string(self._row, 0, text(words), self._book.format(**look))
        self._row += 1

    def _head(self) -> None:
        """What each column is, and from which day to which; it stays in sight, and stands on every printed page."""
        first, columns = self._row, self._table.columns
        look = self._book.format(bold=True, font_color=ACCENT, align="right", text_wrap=True, valign="bottom")
        self._sheet.write_string(first, 0, "Line", self._book.format(bold=True, font_color=ACCENT, valign="bottom"))
        for at, column in enumerate(columns, 1):
            self._sheet.write_string(first, at, text(column.label), look)
        for row, name in ((first + 1, "From"), (first + 2, "To")):
            ruled = {"bottom": 2, "bottom_color": ACCENT} if name == "To" else {}
            shown = self._book.format(num_format=DAY, align="right", font_color=RULE, **ruled)
            self._sheet.write_string(row, 0, name, self._book.format(font_color=RULE, **ruled))
            for at, column in enumerate(columns, 1):
                on = column.start if name == "From" else column.end
                if on is None:
                    self._sheet.write_blank(row, at, None, shown)
                else:
                    put_day(self._sheet, row, at, on, shown)
        self._row = first + 3
        self._sheet.freeze_panes(self._row, 1)
        self._sheet.repeat_rows(first, first + 2)
        self._sheet.repeat_columns(0)
        _print(self._sheet, self._report, is_landscape=len(columns) > 5)

    def _line(self, line: Line) -> None:
        self._sheet.write_string(self._row, 0, text(line.label), self._labelled(line.kind, line.depth))
        if line.kind != "heading":
            for at, column in enumerate(self._table.columns, 1):
                cell = self._table.by_place.get((line.key, column.key))
                if cell is not None:
                    self._figure(at, cell, column, line.kind)
        self._row += 1

    def _figure(self, at: int, cell: Cell, column: Column, kind: Kind) -> None:
        if cell.amount is None:
            number = self._footnotes.number(cell)
            missing = MISSING if number is None else f"{MISSING} [{number}]"
            self._sheet.write_string(self._row, at, missing, self._shown(kind, None))
            return
        amount = with_decimals(cell.amount, column, self._table.currency)
        places = -int(amount.as_tuple().exponent)
        if abs(amount) >= _limit(places):
            self._sheet.write_string(self._row, at, f"{amount:f}", self._shown(kind, None))
        elif column.role == "change_pct":
            self._sheet.write_number(self._row, at, float(amount / 100), self._shown(kind, "0.0%"))
        else:
            self._sheet.write_number(self._row, at, float(amount), self._shown(kind, _number_format(places)))

    def _labelled(self, kind: Kind, depth: int) -> Any:
        """What a label looks like; how deep it stands is its indent."""
        key = kind, depth
        if key not in self._formats:
            self._formats[key] = self._book.format(indent=min(depth, 15), **_look(kind))
        return self._formats[key]

    def _shown(self, kind: Kind, number_format: str | None) -> Any:
        """What a figure looks like."""
        key = kind, number_format
        if key not in self._formats:
            shown = {"num_format": number_format} if number_format else {"align": "right"}
            self._formats[key] = self._book.format(**shown, **_look(kind))
        return self._formats[key]


def _look(kind: Kind) -> dict[str, Any]:
    """Bold for what sums up, with a line above it."""
    match kind:
        case "heading":
            return {"bold": True, "font_color": ACCENT}
        case "subtotal":
            return {"bold": True, "top": 4, "top_color": RULE}
        case "total":
            return {"bold": True, "top": 1, "top_color": RULE}
    return {}


@cache
def _limit(places: int) -> Decimal:
    """From where on fifteen digits do not hold an amount with so many decimals."""
    return Decimal(1).scaleb(CERTAIN_DIGITS - places)


@cache
def _number_format(places: int) -> str:
    return f"#,##0.{'0' * places}" if places > 0 else "#,##0"


def text(words: str) -> str:
    """A text that no program computes, and that fits in a cell."""
    words = harmless(words)
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"


def put_day(sheet: Any, row: int, column: int, on: date, shown: Any) -> None:
    """A day; as text where it lies before the days that a workbook knows."""
    if on >= FIRST_DAY:
        sheet.write_datetime(row, column, on, shown)
    else:
        sheet.write_string(row, column, f"{on}", shown)


def _sheet_name(table: Table, taken: set[str]) -> str:
    """A name that a workbook allows, and that no other sheet of it has."""
    wish = " ".join(f"{table.title} {table.currency}".split())
    wish = "".join(" " if letter in FORBIDDEN else letter for letter in wish).strip("' ")
    names: Iterable[str] = (wish[:LONGEST_NAME], *(f"{wish[: LONGEST_NAME - 6]} ({at})" for at in range(2, 1000)))
    name = next(each for each in names if each and each.casefold() not in taken)
    taken.add(name.casefold())
    return name


def _print(sheet: Any, report: Report, *, is_landscape: bool) -> None:
    """On A4, as wide as a page, each numbered; an ampersand would be read as a command."""
    if is_landscape:
        sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.6, right=0.6, top=0.8, bottom=0.8)
    sheet.fit_to_pages(1, 0)
    organization = report.organization.replace("&", "&&")[:100]
    sheet.set_header(f"&L{organization}")
    sheet.set_footer(f"&LAs of {report.as_of.astimezone(UTC):%Y-%m-%d}&RPage &P of &N")
