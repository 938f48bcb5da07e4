"""XLSX and XLSM: Excel's zip of XML parts, read as a stream. Formulas count by the values kept beside them.

Macros, links and pictures lie in other parts, which nobody opens.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from ai2.ingest.formats.shared.typed import text
from ai2.ingest.formats.workbook import grid
from ai2.ingest.formats.workbook.grid import Grid, Row
from ai2.ingest.formats.workbook.parts import Parts, local, steps
from ai2.ingest.layout.sheet import Record
from ai2.ingest.problems import DamagedWorkbook, UnknownFormat

WORKBOOK, BINARY_WORKBOOK = "xl/workbook.xml", "xl/workbook.bin"
TRUE = ("1", "true", "on")
_PLACE = re.compile(r"([A-Z]{1,3})(\d{0,7})")


def grids(parts: Parts) -> list[Grid]:
    """The sheets in the order of their tabs. Raises UnknownFormat where this is another kind of document."""
    if BINARY_WORKBOOK in parts:
        raise UnknownFormat("This is a binary Excel workbook (XLSB), which is not read; save it as XLSX.")
    if WORKBOOK not in parts:
        raise UnknownFormat("This is an office document, but no workbook; export the statement as XLSX or CSV.")
    book = _Book()
    parts.read(WORKBOOK, book)
    texts, formats = _Texts(), _Formats()
    if "xl/sharedStrings.xml" in parts:
        parts.read("xl/sharedStrings.xml", texts)
    if "xl/styles.xml" in parts:
        parts.read("xl/styles.xml", formats)
    targets = _targets(parts)
    return [
        Grid(name, partial(_rows, parts, targets[key], _Known(texts.found, formats.dates, book.is_1904)))
        for name, key in book.sheets
        if "worksheets/" in targets.get(key, "")
    ]


def _targets(parts: Parts) -> dict[str, str]:
    """The parts that a workbook names by keys."""
    relations = _Relations()
    if "xl/_rels/workbook.xml.rels" in parts:
        parts.read("xl/_rels/workbook.xml.rels", relations)
    return {key: posixpath.normpath(posixpath.join("/xl", target)) for key, target in relations.found.items()}


class _Ignoring:
    """What a reader of a part does with what it has no use for."""

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        pass

    def closed(self, name: str, /) -> None:
        pass

    def text(self, text: str, /) -> None:
        pass


class _Book(_Ignoring):
    """The sheets' names and keys, and from which year days are counted."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.is_1904 = False

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        match local(name):
            case "workbookPr":
                self.is_1904 = attributes.get("date1904", "").lower() in TRUE
            case "sheet":
                key = next((value for name, value in attributes.items() if name.endswith(":id")), "")
                self.sheets.append((attributes.get("name", ""), key))


class _Relations(_Ignoring):
    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        if local(name) == "Relationship" and attributes.get("TargetMode") != "External":
            self.found[attributes.get("Id", "")] = attributes.get("Target", "")


class _Texts(_Ignoring):
    """The texts that cells share, without the readings beside East Asian ones."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] | None = None
        self._is_reading = False

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        match local(name):
            case "si":
                self.found.append("")
            case "rPh":
                self._is_reading = True
            case "t" if not self._is_reading:
                self._pieces = []

    def closed(self, name: str, /) -> None:
        match local(name):
            case "rPh":
                self._is_reading = False
            case "t" if self._pieces is not None:
                if self.found:
                    self.found[-1] += text("".join(self._pieces))
                self._pieces = None

    def text(self, text: str, /) -> None:
        if self._pieces is not None:
            self._pieces.append(text)


class _Formats(_Ignoring):
    """Which styles show a number as a day or a time."""

    def __init__(self) -> None:
        self.dates: set[int] = set()
        self._codes: dict[str, bool] = {}
        self._is_in_cells = False
        self._style = 0

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        match local(name):
            case "numFmt":
                self._codes[attributes.get("numFmtId", "")] = grid.is_date_format(attributes.get("formatCode", ""))
            case "cellXfs":
                self._is_in_cells = True
            case "xf" if self._is_in_cells:
                key = attributes.get("numFmtId", "0")
                if self._codes.get(key, key.isdecimal() and int(key) in grid.BUILT_IN_DATES):
                    self.dates.add(self._style)
                self._style += 1

    def closed(self, name: str, /) -> None:
        if local(name) == "cellXfs":
            self._is_in_cells = False


@dataclass(frozen=True)
class _Known:
    """What a sheet's cells refer to."""

    texts: list[str]
    dates: set[int]
    is_1904: bool


def _rows(parts: Parts, name: str, known: _Known) -> Iterator[Record]:
    sheet = _Sheet(known)
    for _ in steps(parts.member(name), sheet):
        yield from sheet.rows
        sheet.rows.clear()


@dataclass
class _Sheet:
    """The rows of one sheet, as far as they were read."""

    known: _Known
    rows: list[Record] = field(default_factory=list)
    _row: Row | None = None
    _place: int = 0
    _column: int = -1
    _kind: str = ""
    _style: int = 0
    _pieces: list[str] = field(default_factory=list)
    _is_value: bool = False

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        match local(name):
            case "row":
                stated = attributes.get("r", "")
                self._place = int(stated) if stated.isdecimal() and len(stated) < 8 else self._place + 1
                self._row, self._column = Row(), -1
            case "c":
                self._column = _column(attributes.get("r", ""), self._column + 1)
                self._kind = attributes.get("t", "n")
                style = attributes.get("s", "0")
                self._style = int(style) if style.isdecimal() else 0
                self._pieces = []
            case "v" | "t":
                self._is_value = True

    def closed(self, name: str, /) -> None:
        match local(name):
            case "v" | "t":
                self._is_value = False
            case "c" if self._row is not None:
                self._row.put(self._column, self._cell("".join(self._pieces)))
            case "row" if self._row is not None:
                if self._row.cells:
                    self.rows.append(self._row.record(self._place))
                self._row = None

    def text(self, text: str, /) -> None:
        if self._is_value:
            self._pieces.append(text)

    def _cell(self, raw: str) -> str:
        match self._kind:
            case "s":
                return self._shared(raw)
            case "n" if raw and self._style in self.known.dates:
                return grid.date_cell(raw, is_1904=self.known.is_1904)
            case "n" if raw:
                return grid.number_cell(raw)
            case "b":
                return "true" if raw in TRUE else "false"
            case "e":
                return ""
        return text(raw.removesuffix("T00:00:00") if self._kind == "d" else raw)

    def _shared(self, raw: str) -> str:
        place = int(raw) if raw.isdecimal() and len(raw) < 10 else -1
        if not 0 <= place < len(self.known.texts):
            raise DamagedWorkbook
        return self.known.texts[place]


def _column(place: str, following: int) -> int:
    """The column that a cell says, counting from 0, or the one behind the cell before."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return following
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
