"""A page of HTML: its text as paper, and the JSON-LD and microdata in it.

Tables, which mails use for layout too, become rows and columns: a cell is a block of rows, and blocks stand beside
each other. What is hidden is not seen; scripts are text at most.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from ai2.receipts.extraction.html.microdata import Items
from ai2.receipts.extraction.paper import LONGEST_PIECE, Paper, Piece, bounded

MAX_CHARACTERS, MAX_TAGS, MAX_DEPTH = 3_000_000, 100_000, 400
MAX_ALTS = 50
COLUMN = 40.0
# A row of a block: texts with the column that each stands in.
Row = list[tuple[int, str, float]]
_BREAKS = frozenset(
    re.findall(
        r"\w+",
        """p div br hr li ul ol dl dt dd h1 h2 h3 h4 h5 h6 section article header footer address blockquote center form
    main aside nav pre figure figcaption""",
    )
)
_VOID = frozenset(
    ["br", "hr", "img", "meta", "link", "input", "area", "base", "col", "embed", "source", "track", "wbr"]
)
_UNSEEN = frozenset(re.findall(r"\w+", "script style head title template noscript svg iframe object select textarea"))
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt)?\s*(?:;|$)", re.I
)
_DECLARED = re.compile(r"<(?:[?!]|/(?![a-zA-Z]))[^>]*>?")
_SIZES = {"h1": 2.0, "h2": 1.6, "h3": 1.3}


@dataclass
class _Block:
    """Rows that stand below each other; of a table's cell, or of the page."""

    rows: list[Row] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    size: float = 1.0

    def end_row(self) -> None:
        text = " ".join("".join(self.text).split())
        if text:
            self.rows.append([(0, text, self.size)])
        self.text, self.size = [], 1.0

    def add(self, rows: list[Row]) -> None:
        self.end_row()
        self.rows.extend(rows)

    @property
    def width(self) -> int:
        return max((column for row in self.rows for column, _, _ in row), default=0) + 1


@dataclass
class _Table:
    rows: list[list[tuple[int, _Block]]] = field(default_factory=list)
    next_column: int = 0

    def placed(self) -> list[Row]:
        """Every row of the table as rows of text, each cell's column moved behind those left of it."""
        widths: dict[int, int] = {}
        for row in self.rows:
            for column, block in row:
                widths[column] = max(widths.get(column, 1), block.width)
        starts, start = {}, 0
        for column in range(max(widths, default=0) + 1):
            starts[column] = start
            start += widths.get(column, 1)
        return [row for cells in self.rows for row in _beside(cells, starts)]


def _beside(cells: list[tuple[int, _Block]], starts: dict[int, int]) -> list[Row]:
    rows: list[Row] = []
    for column, block in cells:
        for number, row in enumerate(block.rows):
            while len(rows) <= number:
                rows.append([])
            rows[number].extend((starts[column] + inner, text, size) for inner, text, size in row)
    return rows


@dataclass(frozen=True)
class Page:
    """What people see, the texts of JSON-LD, and microdata as items like those of JSON-LD."""

    paper: Paper
    json_ld: tuple[str, ...]
    items: tuple[dict[str, object], ...]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.items, self.scripts, self.alts = Items(), list[str](), list[str]()
        self._blocks: list[_Block] = [_Block()]
        self._tables: list[_Table] = []
        self._open: list[tuple[str, bool]] = []
        self._script: list[str] | None = None
        self._hidden_depth: int | None = None
        self._tags = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tags += 1
        if self._tags > MAX_TAGS or len(self._open) > MAX_DEPTH:
            raise TooMuch
        told = {name: value or "" for name, value in attrs}
        self.items.opened(tag, told, is_void=tag in _VOID)
        if tag == "script":
            self._script = [] if told.get("type", "").strip().lower() == "application/ld+json" else None
        if tag not in _VOID:
            self._open.append((tag, False))
            if self._hidden_depth is None and (tag in _UNSEEN or _is_hidden(told)):
                self._hidden_depth = len(self._open)
        if self._hidden_depth is None:
            self._see(tag, told)

    def _see(self, tag: str, told: dict[str, str]) -> None:
        block = self._blocks[-1]
        if tag == "img" and 1 < len(told.get("alt", "").strip()) < 60 and len(self.alts) < MAX_ALTS:
            self.alts.append(told["alt"].strip())
        elif tag == "table":
            self._tables.append(_Table())
        elif tag == "tr" and self._tables:
            self._close_cell()
            self._tables[-1].rows.append([])
            self._tables[-1].next_column = 0
        elif tag in ("td", "th") and self._tables:
            self._close_cell()
            self._open_cell(told)
        elif tag in _BREAKS:
            block.end_row()
            block.size = _SIZES.get(tag, 1.0)

    def _open_cell(self, told: dict[str, str]) -> None:
        table = self._tables[-1]
        if not table.rows:
            table.rows.append([])
        cell = _Block()
        table.rows[-1].append((table.next_column, cell))
        span = told.get("colspan", "1")
        table.next_column += min(int(span), 50) if span.isdecimal() and span != "0" else 1
        self._blocks.append(cell)
        self._cells.append(len(self._tables))

    @property
    def _cells(self) -> list[int]:
        """For each open cell how many tables were open with its own."""
        if not hasattr(self, "_open_cells"):
            self._open_cells: list[int] = []
        return self._open_cells

    def _close_cell(self) -> None:
        if self._cells and self._cells[-1] == len(self._tables):
            self._blocks.pop().end_row()
            self._cells.pop()

    def handle_endtag(self, tag: str) -> None:
        self.items.closed(tag)
        if tag == "script" and self._script is not None:
            self.scripts.append("".join(self._script))
            self._script = None
        was_hidden = self._hidden_depth is not None
        self._leave(tag)
        if not was_hidden:
            self._end(tag)

    def _leave(self, tag: str) -> None:
        """Whatever was left open inside is closed too; a closing tag of nothing is nothing."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                break
        if self._hidden_depth is not None and len(self._open) < self._hidden_depth:
            self._hidden_depth = None

    def _end(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._close_cell()
        elif tag == "table" and self._tables:
            self._close_cell()
            self._blocks[-1].add(self._tables.pop().placed())
        elif tag in _BREAKS:
            self._blocks[-1].end_row()

    def handle_data(self, data: str) -> None:
        self.items.text(data)
        if self._script is not None:
            self._script.append(data)
        elif self._hidden_depth is None:
            self._blocks[-1].text.append(data)

    def finished(self) -> Page:
        while self._tables:
            self._end("table")
        self._blocks[0].end_row()
        return Page(_paper(self._blocks[0].rows, tuple(self.alts)), tuple(self.scripts), tuple(self.items.found))


class TooMuch(Exception):
    """The page has more tags, or deeper ones, than any document people are sent."""


def page(text: str) -> Page | None:
    """None where it is larger than any mail."""
    if len(text) > MAX_CHARACTERS:
        return None
    reader = _Reader()
    try:
        reader.feed(_tidied(text))
        reader.close()
    except TooMuch:
        return None
    return reader.finished()


def _tidied(text: str) -> str:
    """Without comments and declarations: where they do not end, the parser looks for their end again and again."""
    first, *rest = text.split("<!--")
    text = _DECLARED.sub("", first + "".join(part.partition("-->")[2] for part in rest))
    last = text.rfind(">") + 1
    return text[:last] + text[last:].replace("<", " ")


def _is_hidden(told: dict[str, str]) -> bool:
    return "hidden" in told or bool(_HIDDEN.search(told.get("style", "")))


def _paper(rows: list[Row], names: tuple[str, ...]) -> Paper:
    """A cell is as wide as its column; text that is wider runs over what is empty, as it would."""
    return Paper(bounded(_pieces(row, number) for number, row in enumerate(row for row in rows if row)), names)


def _pieces(row: Row, number: int) -> tuple[Piece, ...]:
    return tuple(
        Piece(text[:LONGEST_PIECE], 0, number, column * COLUMN, column * COLUMN + COLUMN - 1, number, number + 1, size)
        for column, text, size in sorted(row, key=lambda cell: cell[0])
    )
