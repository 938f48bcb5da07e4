"""SpreadsheetML: the one XML file that Excel 2002 and 2003 wrote, and that banks still send under the name .xls."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.typed import text
from ai2.ingest.formats.workbook import grid
from ai2.ingest.formats.workbook.grid import Grid, Row
from ai2.ingest.formats.workbook.parts import attribute, local, steps
from ai2.ingest.layout.sheet import Record

NAMESPACE = b"urn:schemas-microsoft-com:office:spreadsheet"


def grids(member: Member) -> list[Grid]:
    names = _Names()
    for _ in steps(member, names):
        pass
    return [Grid(name, partial(_rows, member, place)) for place, name in enumerate(names.found)]


def _rows(member: Member, place: int) -> Iterator[Record]:
    sheet = _Sheet(place)
    for _ in steps(member, sheet):
        yield from sheet.rows
        sheet.rows.clear()


class _Names:
    """The names of the sheets."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        if local(name) == "Worksheet":
            self.found.append(attribute(attributes, "Name") or "")

    def closed(self, name: str, /) -> None:
        pass

    def text(self, text: str, /) -> None:
        pass


@dataclass
class _Sheet:
    """The rows of one sheet among the others, as far as they were read."""

    wanted: int
    rows: list[Record] = field(default_factory=list)
    _sheet: int = -1
    _place: int = 0
    _row: Row | None = None
    _column: int = -1
    _span: int = 0
    _kind: str | None = None
    _pieces: list[str] = field(default_factory=list)

    def opened(self, name: str, attributes: dict[str, str], /) -> None:
        tag = local(name)
        if tag == "Worksheet":
            self._sheet += 1
        elif self._sheet == self.wanted:
            self._open(tag, attributes)

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        match tag:
            case "Row":
                self._place = _place(attribute(attributes, "Index"), self._place + 1)
                self._row, self._column, self._span = Row(), 0, 0
            case "Cell":
                self._column = _place(attribute(attributes, "Index"), self._column + self._span + 1)
                self._span = _place(attribute(attributes, "MergeAcross"), 0)
            case "Data":
                self._kind, self._pieces = attribute(attributes, "Type") or "String", []

    def closed(self, name: str, /) -> None:
        tag = local(name)
        if tag == "Data" and self._kind is not None and self._row is not None:
            self._row.put(self._column - 1, _value(self._kind, "".join(self._pieces)))
            self._kind = None
        elif tag == "Row" and self._row is not None:
            if self._row.cells:
                self.rows.append(self._row.record(self._place))
            self._row = None

    def text(self, text: str, /) -> None:
        if self._kind is not None:
            self._pieces.append(text)


def _value(kind: str, raw: str) -> str:
    if kind == "Number":
        return grid.number_cell(raw.strip())
    if kind == "DateTime":
        return text(raw.strip().partition("T00:00:00")[0])
    return text(raw)


def _place(stated: str | None, otherwise: int) -> int:
    return int(stated) if stated and stated.isdecimal() and len(stated) < 8 else otherwise
