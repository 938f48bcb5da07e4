"""Sheets: rows written as CSV or XLSX, exact, and safe to open: no text of anybody's becomes a formula.

A program for spreadsheets computes what begins with = + - @ TAB or CR, and such a text may come from anyone who pays
a penny. It gets an apostrophe in front, which says that it is text; numbers stay numbers.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import IO, Protocol
from xml.sax.saxutils import escape

Cell = str | int | Decimal | date | datetime | None

FORMULA = ("=", "+", "-", "@", "\t", "\r")
# A spreadsheet's number is a double, of which fifteen digits are certain.
CERTAIN_DIGITS = 15
LONGEST_TEXT = 32_767
# Day 0 of a workbook. Its 1900 has a 29 February, so days count from March on.
DAY_ZERO, FIRST_DAY = date(1899, 12, 30), date(1900, 3, 1)
DAY_S = 86_400


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
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, datetime):
        return instant(cell)
    return "" if cell is None else str(cell)


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class XlsxSheet:
    """A workbook of one sheet.

    A decimal is a number as long as fifteen digits hold it, and else text, which stays exact. A text that is longer
    than a cell may be is cut, and ends in an ellipsis.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        for part, content in _PARTS.items():
            self._zip.writestr(part, content.format(name=escape(name, {'"': "&quot;"})))
        self._sheet = self._zip.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
        self._sheet.write(_BEGIN.encode())

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        written = "".join(f"<row>{''.join(map(_xml, row))}</row>" for row in rows)
        self._sheet.write(written.encode())

    def close(self) -> None:
        """Finish; the file itself stays open."""
        self._sheet.write(_END.encode())
        self._sheet.close()
        self._zip.close()


def _xml(cell: Cell) -> str:
    if cell is None:
        return "<c/>"
    if isinstance(cell, str):
        return _xml_text(harmless(cell))
    if isinstance(cell, datetime):
        naive = cell.astimezone(UTC).replace(tzinfo=None)
        whole_s = (naive - datetime.combine(naive.date(), time())).seconds
        return _xml_day(naive.date(), f"{whole_s / DAY_S:.9f}"[1:], _INSTANT) or _xml_text(instant(cell))
    if isinstance(cell, date):
        return _xml_day(cell, "", _DAY) or _xml_text(cell.isoformat())
    return _xml_number(Decimal(cell))


def _xml_number(number: Decimal) -> str:
    if len(number.normalize().as_tuple().digits) > CERTAIN_DIGITS:
        return _xml_text(f"{number:f}")
    places = -int(number.as_tuple().exponent)
    return f'<c s="{_NUMBER + places if 0 <= places <= _MOST_PLACES else 0}"><v>{number:f}</v></c>'


def _xml_day(day: date, fraction: str, style: int) -> str | None:
    return f'<c s="{style}"><v>{(day - DAY_ZERO).days}{fraction}</v></c>' if day >= FIRST_DAY else None


def _xml_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(_UNWRITABLE.sub(_coded, text))}</t></is></c>'


# What XML cannot hold is written by its number, as Excel does, and what looks like such a number gets its own mark.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def _coded(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


# Styles by their place in cellXfs: plain, a day, an instant, and numbers with 0 to 4 decimals.
_DAY, _INSTANT, _NUMBER, _MOST_PLACES = 1, 2, 3, 4
_FORMATS = ["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "0", "0.0", "0.00", "0.000", "0.0000"]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_BEGIN = f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'
_END = "</sheetData></worksheet>"
_NUMBER_FORMATS = "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{code}"/>' for i, code in enumerate(_FORMATS))
_XFS = "".join(
    f'<xf numFmtId="{164 + i}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    for i in range(len(_FORMATS))
)
_PARTS = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    f'<numFmts count="{len(_FORMATS)}">{_NUMBER_FORMATS}</numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{1 + len(_FORMATS)}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>{_XFS}'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
