"""Grids: the sheets of a workbook, row by row, each cell as `ai2.ingest.formats.shared.typed` takes it.

A spreadsheet's number is a binary one of 15 digits: 12.34 may be kept as 12.340000000000000852 or 12.340000000000001,
and means 12.34. So numbers are rounded to the 15 digits that the program shows, in decimals and never through float.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal, InvalidOperation

from ai2.ingest.formats.shared.typed import number, text
from ai2.ingest.layout.sheet import Record
from ai2.ingest.problems import TooManyColumns

MAX_COLUMNS = 400
_FIFTEEN_DIGITS = Context(prec=15)
# Day 60 of the older epoch is a 29 February 1900 that never was; all days that matter here lie behind it.
EPOCHS = {False: date(1899, 12, 30), True: date(1904, 1, 1)}
LAST_SERIAL = 2_958_465
SECONDS_A_DAY = 86_400
_NOT_CODE = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|General|AM/PM|A/P', re.I)
BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})


@dataclass(frozen=True)
class Grid:
    """One sheet. `rows` gives its rows from the first, as often as it is called; blank ones may be left out."""

    name: str
    rows: Callable[[], Iterator[Record]]


class Row:
    """One row while it is put together."""

    def __init__(self) -> None:
        self.cells: list[str] = []

    def put(self, column: int, cell: str) -> None:
        """A cell in a column, counting from 0. Raises TooManyColumns."""
        if not cell:
            return
        if column >= MAX_COLUMNS:
            raise TooManyColumns
        self.cells.extend([""] * (column + 1 - len(self.cells)))
        self.cells[column] = cell

    def record(self, place: int) -> Record:
        return Record(place, place, self.cells)


def number_cell(raw: str) -> str:
    """A number as the file writes it; what is none stays text."""
    if raw.isascii() and raw.isdigit():
        return number(Decimal(raw)) if len(raw) <= 15 else text(raw)
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return text(raw)
    if not value.is_finite():
        return text(raw)
    rounded = _FIFTEEN_DIGITS.plus(value)
    return number(rounded.normalize(_FIFTEEN_DIGITS) if rounded else Decimal(0))


def date_cell(raw: str, *, is_1904: bool) -> str:
    """A serial number of a day, with the time as its fraction; what is none stays a number."""
    try:
        serial = Decimal(raw)
    except InvalidOperation:
        return text(raw)
    if not serial.is_finite() or not 0 <= serial <= LAST_SERIAL:
        return number_cell(raw)
    whole = int(serial)
    # A time just before midnight stays on its day.
    seconds = min(round((serial - whole) * SECONDS_A_DAY), SECONDS_A_DAY - 1)
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if not whole:
        return time
    day = EPOCHS[is_1904] + timedelta(days=whole)
    return f"{day} {time}" if seconds else str(day)


def is_date_format(code: str) -> bool:
    """Whether a number format shows a day or a time, by its letters outside of quotes and brackets."""
    return bool(re.search(r"[ymdhs]", _NOT_CODE.sub("", code.partition(";")[0]), re.I))
