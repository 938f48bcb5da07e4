"""HTML tables: what many banks send under the name .xls, for Excel opens it."""

from collections.abc import Sequence
from functools import partial
from html.parser import HTMLParser

from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.typed import text
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.formats.workbook import grid
from ai2.ingest.formats.workbook.grid import Grid, Row
from ai2.ingest.layout.sheet import Record

LONGEST = 20_000_000
SILENT = frozenset({"script", "style"})


def grids(member: Member) -> list[Grid]:
    """Every table that has a row, inner ones apart from those around them. Raises FileTooLarge."""
    content, _ = text_of(member, longest=LONGEST)
    page = _Page()
    page.feed(content)
    page.close()
    return [Grid(str(place), partial(iter, rows)) for place, rows in enumerate(page.tables) if rows]


class _Table:
    """One table while it is put together."""

    def __init__(self) -> None:
        self.rows: list[Record] = []
        self._row: Row | None = None
        self._column = self._span = 0
        self._pieces: list[str] | None = None
        self._exact: str | None = None

    def open_row(self, place: int) -> None:
        self.close_row()
        self._row, self._column, self._place = Row(), 0, place

    def open_cell(self, attributes: dict[str, str | None], place: int) -> None:
        self.close_cell()
        if self._row is None:
            self.open_row(place)
        span = attributes.get("colspan") or ""
        self._span = int(span) if span.isdecimal() and len(span) < 4 else 1
        self._pieces, self._exact = [], attributes.get("x:num")

    def add(self, piece: str) -> None:
        if self._pieces is not None:
            self._pieces.append(piece)

    def close_cell(self) -> None:
        if self._pieces is not None and self._row is not None:
            shown = " ".join("".join(self._pieces).split())
            self._row.put(self._column, grid.number_cell(self._exact) if self._exact else text(shown))
            self._column += self._span
        self._pieces = None

    def close_row(self) -> None:
        self.close_cell()
        if self._row is not None and self._row.cells:
            self.rows.append(self._row.record(self._place))
        self._row = None


class _Page(HTMLParser):
    """The tables of a page, by the lines in which their rows begin."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[Record]] = []
        self._open: list[_Table] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent = tag
        if tag == "table":
            self._open.append(_Table())
            self.tables.append(self._open[-1].rows)
        elif self._open and tag == "tr":
            self._open[-1].open_row(self.getpos()[0])
        elif self._open and tag in ("td", "th"):
            self._open[-1].open_cell(dict(attrs), self.getpos()[0])
        elif self._open and tag in ("br", "p", "div"):
            self._open[-1].add(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        if not self._open:
            return
        if tag == "table":
            self._open.pop().close_row()
        elif tag == "tr":
            self._open[-1].close_row()
        elif tag in ("td", "th"):
            self._open[-1].close_cell()

    def handle_data(self, data: str) -> None:
        if self._open and not self._silent:
            self._open[-1].add(data)

    def close(self) -> None:
        super().close()
        while self._open:
            self._open.pop().close_row()
