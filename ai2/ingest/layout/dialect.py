"""The dialect of delimited text: what parts cells, what wraps them, and what stands before a quote inside one."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ai2.ingest.layout.heading import looks_like_data
from ai2.ingest.layout.model import Layout

DELIMITERS = (",", ";", "\t", "|", "^", "~")
_OPENED = re.compile(r"(?:^|[,;\t|^~])\s*'")
Rows = Callable[["Dialect"], Iterable[Sequence[str]]]


@dataclass(frozen=True)
class Dialect:
    """How one file parts and wraps its cells."""

    delimiter: str
    quote: str = '"'
    escape: str | None = None

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each row."""
        if not self.quote:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, escapechar=self.escape)


def find(head: list[str], rows: Rows, saved: Sequence[Layout] = ()) -> Dialect:
    """The one that makes the most rows with a date and an amount; among equals the most even columns.

    Where most cells still stand between apostrophes, those are what wraps them. `rows`
    parts the file's first lines by a dialect. Those of the account's layouts are tried too.
    """
    text = "".join(head)
    present = [delimiter for delimiter in DELIMITERS if delimiter in text] or [","]
    kept = [Dialect(layout.delimiter, layout.quote, layout.escape) for layout in saved]
    # An apostrophe wraps cells only where some cell begins with one; \" is a quote in a cell only where it occurs.
    quotes = ['"', "'"] if any(map(_OPENED.search, head)) else ['"']
    escapes = [None, "\\"] if '\\"' in text or "\\'" in text else [None]
    usual = [Dialect(delimiter, quote, escape) for quote in quotes for escape in escapes for delimiter in present]
    return max(dict.fromkeys([*usual, *kept]), key=lambda dialect: _fit(rows(dialect)))


def _fit(rows: Iterable[Sequence[str]]) -> tuple[bool, int, int, int]:
    found = list(rows)
    cells = [cell for row in found for cell in row if cell]
    wrapped = sum(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in cells)
    data = sum(looks_like_data(list(row)) for row in found)
    widths = [len(row) for row in found if len(row) > 1]
    return wrapped * 2 <= len(cells), data, max(map(widths.count, set(widths)), default=0), max(widths, default=0)
