"""XLS: the binary workbooks of Excel 97 to 2003, by xlrd (BSD), which reads values and runs nothing."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.typed import text
from ai2.ingest.formats.workbook import grid
from ai2.ingest.formats.workbook.grid import Grid, Row
from ai2.ingest.layout.sheet import Record
from ai2.ingest.problems import DamagedWorkbook, EncryptedWorkbook, FileTooLarge

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_BYTES = 50_000_000
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def grids(member: Member) -> list[Grid]:
    """The sheets in their order. Raises EncryptedWorkbook, DamagedWorkbook, FileTooLarge."""
    with member.open() as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise FileTooLarge
    if ENCRYPTED_PACKAGE in content:  # an XLSX behind a password comes in the old wrapping
        raise EncryptedWorkbook
    book = _book(content)
    return [Grid(sheet.name, partial(_rows, sheet, is_1904=bool(book.datemode))) for sheet in book.sheets()]


def _book(content: bytes) -> Any:
    import xlrd
    from xlrd.biffh import XLRDError

    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - it takes a stream for its remarks
        try:
            return xlrd.open_workbook(file_contents=content, logfile=nowhere, ragged_rows=True)
        except XLRDError as error:
            raise (EncryptedWorkbook if "encrypted" in str(error) else DamagedWorkbook) from error
        except Exception as error:  # whatever else a broken file makes it stumble over
            raise DamagedWorkbook from error


def _rows(sheet: Any, *, is_1904: bool) -> Iterator[Record]:
    for place in range(sheet.nrows):
        row = Row()
        for column, cell in enumerate(sheet.row(place)):
            row.put(column, _cell(cell.ctype, cell.value, is_1904=is_1904))
        if row.cells:
            yield row.record(place + 1)


def _cell(kind: int, value: Any, *, is_1904: bool) -> str:
    """The binary number's shortest decimal is what was typed."""
    import xlrd

    match kind:
        case xlrd.XL_CELL_TEXT:
            return text(value)
        case xlrd.XL_CELL_NUMBER:
            return grid.number_cell(repr(value))
        case xlrd.XL_CELL_DATE:
            return grid.date_cell(repr(value), is_1904=is_1904)
        case xlrd.XL_CELL_BOOLEAN:
            return "true" if value else "false"
    return ""
