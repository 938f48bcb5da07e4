"""Sheets: rows written as CSV or XLSX, exact, and safe to open: no text of anybody's becomes a formula.

A program for spreadsheets computes what begins with = + - @ TAB or CR, and such a text may come from anyone who pays
a penny. It gets an apostrophe in front, which says that it is text; numbers stay numbers.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import IO, Any, Protocol

import xlsxwriter
from xlsxwriter.format import Format

Cell = str | int | Decimal | date | datetime | None

FORMULA = ("=", "+", "-", "@", "\t", "\r")
# A spreadsheet's number is a double, of which fifteen digits are certain.
CERTAIN_DIGITS = 15
LONGEST_TEXT, MOST_ROWS = 32_767, 1_048_576
# A workbook's 1900 has a 29 February, so days count from March on.
FIRST_DAY = date(1900, 3, 1)


class Sheet(Protocol):
    """Where rows go, one after the other; nothing of them is kept in memory."""

    def write(self, rows: Iterable[Sequence[Cell]]) -> None: ...

    def close(self) -> None: ...


def harmless(text: str) -> str:
    """The text, with an apostrophe in front where it would be taken for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


class CsvSheet:
    """CSV in UTF-8 as RFC 4180 has it; amounts keep all their digits, days and instants are ISO 8601."""

    def __init__(self, file: IO[bytes], *, bom: bool = False) -> None:
        if bom:
            file.write(b"\xef\xbb\xbf")
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._text)

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        self._rows.writerows([_plain(cell) for cell in row] for row in rows)

    def close(self) -> None:
        """Finish; the file itself stays open."""
        self._text.flush()
        self._text.detach()


def _plain(cell: Cell) -> str:
    written = _WAYS.get(type(cell))
    return written(cell) if written else str(cell)


# Rows of one statement were written at one instant.
@lru_cache(maxsize=10_000)
def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


# By the kind of a cell: asking what it is an instance of, kind after kind, takes most of the time of a large sheet.
_WAYS: dict[type, Callable[[Any], str]] = {
    str: harmless,
    Decimal: lambda number: f"{number:f}",
    datetime: instant,
    type(None): lambda _: "",
}


class XlsxSheet:
    """A workbook of one sheet; what is written goes to a temporary file of its own until it is closed.

    A decimal is a number as long as fifteen digits hold it, and else text, which stays exact. A text that is longer
    than a cell may be is cut, and ends in an ellipsis. Where a sheet has as many rows as it may, another one follows,
    with the same `head` on top.
    """

    def __init__(self, file: IO[bytes], name: str, *, head: Sequence[Cell] = (), most_rows: int = MOST_ROWS) -> None:
        # gone with the sheet, even where it is never finished
        self._folder = TemporaryDirectory(prefix="ai2-sheet-")
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": self._folder.name})
        self._styles: dict[str, Format] = {}
        self._name, self._head, self._most_rows, self.sheets = name, head, most_rows, 0
        self._begin()

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        for row in rows:
            if self._row >= self._most_rows:
                self._begin()
            self._put_row(row)

    def _begin(self) -> None:
        self.sheets += 1
        name = self._name if self.sheets == 1 else f"{self._name} {self.sheets}"
        self._sheet, self._row = self._book.add_worksheet(name), 0
        if self._head:
            self._put_row(self._head)

    def _put_row(self, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            self._put(column, cell)
        self._row += 1

    def close(self) -> None:
        """Finish; the file itself stays open."""
        self._book.close()
        self._folder.cleanup()

    def _put(self, column: int, cell: Cell) -> None:
        """Write a cell as what it is: nothing is guessed from its text."""
        if isinstance(cell, datetime) and cell.date() >= FIRST_DAY:
            cell = cell.astimezone(UTC).replace(tzinfo=None, microsecond=0)
            self._sheet.write_datetime(self._row, column, cell, self._style("yyyy-mm-dd hh:mm:ss"))
        elif isinstance(cell, date) and not isinstance(cell, datetime) and cell >= FIRST_DAY:
            self._sheet.write_datetime(self._row, column, cell, self._style("yyyy-mm-dd"))
        elif isinstance(cell, Decimal | int) and len(Decimal(cell).normalize().as_tuple().digits) <= CERTAIN_DIGITS:
            places = max(0, -int(Decimal(cell).as_tuple().exponent))
            self._sheet.write_number(self._row, column, cell, self._style(f"0.{'0' * places}" if places else "0"))
        elif cell is not None:
            text = _plain(cell)
            text = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
            self._sheet.write_string(self._row, column, text)

    def _style(self, shown: str) -> Format:
        if shown not in self._styles:
            self._styles[shown] = self._book.add_format({"num_format": shown})
        return self._styles[shown]
