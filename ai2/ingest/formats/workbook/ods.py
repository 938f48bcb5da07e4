"""ODS and OTS: the spreadsheets of LibreOffice and its kin, read as a stream from their content.xml.

What repeats is written once with a count: an equal row twice is two rows here, and a million of them a bomb.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from ai2.ingest.formats.shared.typed import text
from ai2.ingest.formats.workbook import grid
from ai2.ingest.formats.workbook.grid import Grid, Row
from ai2.ingest.formats.workbook.parts import Parts, local, steps
from ai2.ingest.layout.sheet import Record
from ai2.ingest.problems import EncryptedWorkbook, ExpandsTooMuch, UnknownFormat

SPREADSHEETS = ("application/vnd.oasis.opendocument.spreadsheet",)
MAX_REPEATED = 100_000
NUMBERS = ("float", "currency", "percentage")


def grids(parts: Parts) -> list[Grid]:
    """The sheets in their order. Raises EncryptedWorkbook, UnknownFormat where this is another kind of document."""
    with parts.member("mimetype").open() as opened:
        if not opened.read(100).decode("ascii", "replace").startswith(SPREADSHEETS):
            raise UnknownFormat("This is an office document, but no workbook; export the statement as ODS or CSV.")
    if "META-INF/manifest.xml" in parts:
        parts.read("META-INF/manifest.xml", _Manifest())
    names = _Names()
    parts.read("content.xml", names)
    return [Grid(name, partial(_rows, parts, place)) for place, name in enumerate(names.found)]


def _rows(parts: Parts, place: int) -> Iterator[Record]:
    content = _Content(place)
    for _ in steps(parts.member("content.xml"), content):
        yield from content.rows
        content.rows.clear()


class _Manifest:
    """A list of parts that says whether they are encrypted."""

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        if local(name) == "encryption-data":
            raise EncryptedWorkbook

    def closed(self, name: str, /) -> None:
        pass

    def text(self, text: str, /) -> None:
        pass


class _Names:
    """The names of the sheets."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        if name == "table:table":
            self.found.append(attributes.get("table:name", ""))

    def closed(self, name: str, /) -> None:
        pass

    def text(self, text: str, /) -> None:
        pass


@dataclass
class _Content:
    """The rows of one sheet among the others, as far as they were read."""

    wanted: int
    rows: list[Record] = field(default_factory=list)
    _table: int = -1
    _place: int = 0
    _repeated: int = 1
    _spent: int = 0
    _row: Row | None = None
    _column: int = 0
    _cell: dict[str, str] | None = None
    _paragraphs: list[str] = field(default_factory=list)
    _aside: int = 0

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        if name == "table:table":
            self._table += 1
            self._place = 0
        elif self._table != self.wanted:
            return
        elif name in ("office:annotation", "table:tracked-changes"):
            self._aside += 1
        elif not self._aside:
            self._open(name, attributes)

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "table:table-row":
                self._row, self._column = Row(), 0
                self._repeated = _count(attributes.get("table:number-rows-repeated"))
            case "table:table-cell" | "table:covered-table-cell":
                self._cell, self._paragraphs = attributes, []
            case "text:p":
                self._paragraphs.append("")
            case "text:s":
                self.text(" ")
            case "text:tab" | "text:line-break":
                self.text(" ")

    def closed(self, name: str, /) -> None:
        if self._table != self.wanted:
            return
        if name in ("office:annotation", "table:tracked-changes"):
            self._aside = max(self._aside - 1, 0)
        elif name in ("table:table-cell", "table:covered-table-cell") and self._cell is not None:
            self._close_cell(self._cell)
        elif name == "table:table-row" and self._row is not None:
            self._close_row(self._row)

    def text(self, text: str, /) -> None:
        if self._cell is not None and self._paragraphs and not self._aside:
            self._paragraphs[-1] += text

    def _close_cell(self, attributes: dict[str, str]) -> None:
        repeated = _count(attributes.get("table:number-columns-repeated"))
        found = _value(attributes, "\n".join(self._paragraphs))
        self._cell = None
        if found and self._row is not None:
            for column in range(self._column, self._column + min(repeated, grid.MAX_COLUMNS + 1)):
                self._row.put(column, found)
        self._column += repeated

    def _close_row(self, row: Row) -> None:
        self._row = None
        if row.cells:
            self._spent += self._repeated - 1
            if self._spent > MAX_REPEATED:
                raise ExpandsTooMuch
            self.rows.extend(row.record(self._place + count) for count in range(1, self._repeated + 1))
        self._place += self._repeated


def _value(attributes: dict[str, str], shown: str) -> str:
    """A cell by its value, not by how it is shown."""
    kind = attributes.get("office:value-type", "")
    if kind in NUMBERS and attributes.get("office:value"):
        return grid.number_cell(attributes["office:value"])
    if kind == "date" and attributes.get("office:date-value"):
        return text(attributes["office:date-value"].removesuffix("T00:00:00"))
    return text(attributes.get("office:string-value") or shown)


def _count(stated: str | None) -> int:
    """How often something is repeated; more than a spreadsheet has rows is nonsense."""
    return min(int(stated), 1 << 20) if stated and stated.isdecimal() and 0 < len(stated) < 8 else 1
