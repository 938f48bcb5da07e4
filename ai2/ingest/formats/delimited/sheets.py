"""Sheets: a delimited file as sheets of so many rows each, as often as they are asked for.

Where every row is one line and as wide as the header, Arrow splits the file, many rows at once. Any other file is
split row by row, which tells the lines that a row came from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

import pyarrow as pa
import pyarrow.csv as arrow_csv

from ai2.ingest.containers import Member
from ai2.ingest.encodings import Text
from ai2.ingest.formats.delimited.rows import Rows, physical_lines
from ai2.ingest.layout import dialect, heading
from ai2.ingest.layout.dialect import Dialect
from ai2.ingest.layout.heading import Heading
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.sheet import Record, Sheet, SheetBuilder

HEAD_LINES = 300
# Rows that are in memory at once: decisions are joined over all of a file's sheets.
SHEET_ROWS = 250_000
BLOCK_BYTES = 4 << 20
# Fewer rows than this part of a sheet are none of their own: they may be the second half of a footer.
LEAST_PART = 8
Part = TypeVar("Part")


class NotWholeLines(Exception):
    """Some row is more than one line, or of another width: the file has to be split row by row."""


@dataclass
class Sheets:
    """A file whose heading is known. `blank` and `last_line` count what the last splitting row by row saw."""

    member: Member
    text: Text
    dialect: Dialect
    heading: Heading
    first_line: int
    blank: int
    last_line: int
    are_whole_lines: bool

    @classmethod
    def of(cls, member: Member, text: Text, saved: Sequence[Layout]) -> "Sheets":
        """Find delimiter and heading in the first lines. Raises NoTransactions, TooManyColumns, LineTooLong."""
        with physical_lines(member, text.encoding) as lines:
            first = list(islice(lines, HEAD_LINES))
        known = dialect.find(first, lambda one: [record.cells for record in Rows(iter(first), one)], saved)
        with physical_lines(member, text.encoding) as lines:
            records = Rows(lines, known)
            head = list(islice(records, HEAD_LINES))
        found = heading.find(head, saved)
        first_line = head[found.skip].first_line if found.skip < len(head) else 0
        may_be_whole = bool(first_line) and text.lines is not None and text.encoding in ("utf-8", "utf-8-sig")
        # A sheet of whole lines has the blank ones, too; only those above it are left out already.
        above = first_line - 1 - sum(record.last_line - record.first_line + 1 for record in head[: found.skip])
        blank = above if may_be_whole else records.blank
        return cls(member, text, known, found, first_line, blank, text.lines or records.line, may_be_whole)

    def __iter__(self) -> Iterator[Sheet]:
        """The sheets, from the first. Raises NotWholeLines where `are_whole_lines` turns out to be wrong."""
        return self._whole_lines() if self.are_whole_lines else self._row_by_row()

    def _whole_lines(self) -> Iterator[Sheet]:
        line = self.first_line
        try:
            for table in self._tables():
                yield Sheet.of_whole_lines(self.heading.names, [c.combine_chunks() for c in table.columns], line)
                line += len(table)
        except pa.ArrowInvalid as error:  # rows of different widths, or bytes that are not UTF-8
            raise NotWholeLines from error
        if line - 1 != self.text.lines:
            raise NotWholeLines

    def _row_by_row(self) -> Iterator[Sheet]:
        names = self.heading.names
        with physical_lines(self.member, self.text.encoding) as lines:
            rows = Rows(lines, self.dialect)
            # The head is split before the width is known, as it was when the heading was found in it.
            records: Iterator[Record] = iter(rows)
            head = list(islice(records, HEAD_LINES))
            rows.width = len(names)
            for piece in _grouped(chain(head[self.heading.skip :], records), lambda _: 1):
                builder = SheetBuilder(names, len(names))
                for record in piece:
                    builder.add(record)
                yield builder.build()
            self.blank, self.last_line = rows.blank, self.text.lines or rows.line

    def _tables(self) -> Iterator[pa.Table]:
        names = [str(place) for place in range(len(self.heading.names))]
        with (
            self.member.open() as opened,
            arrow_csv.open_csv(
                opened,
                arrow_csv.ReadOptions(
                    column_names=names, skip_rows=self.first_line - 1, use_threads=False, block_size=BLOCK_BYTES
                ),
                arrow_csv.ParseOptions(
                    delimiter=self.dialect.delimiter,
                    quote_char=self.dialect.quote or False,
                    escape_char=self.dialect.escape or False,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                ),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
            ) as reader,
        ):
            yield from map(pa.Table.from_batches, _grouped(reader, len))


def _grouped(parts: Iterable[Part], rows: Callable[[Part], int]) -> Iterator[list[Part]]:
    """Parts together of SHEET_ROWS or more, and what is left behind them."""
    group: list[Part] = []
    ahead: list[Part] = []
    in_group = in_ahead = 0
    for part in parts:
        if in_group < SHEET_ROWS:
            group.append(part)
            in_group += rows(part)
            continue
        ahead.append(part)
        in_ahead += rows(part)
        if in_ahead * LEAST_PART >= SHEET_ROWS:
            yield group
            group, in_group, ahead, in_ahead = ahead, in_ahead, [], 0
    if group or ahead:
        yield group + ahead
