"""Rows: a delimited text as rows of cells, each with the lines that it came from.

A quotation mark that is never closed would swallow the rows behind it: such a row is told by the rows inside it and
given alone.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ai2.ingest.containers import Member
from ai2.ingest.layout import heading
from ai2.ingest.layout.dialect import Dialect
from ai2.ingest.layout.sheet import Record
from ai2.ingest.problems import LineTooLong

MAX_LINE_LENGTH = 1 << 20
# A row of fewer columns cannot be told from text, so it does not prove that a quote was left open.
TELLING_CELLS = 3


class Rows:
    """Rows one by one, blank lines counted and left out."""

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
        self._source, self._dialect = lines, dialect
        self._pending: deque[str] = deque()
        self._held: list[str] = []
        self.line = self.blank = 0
        self.width = 0

    def __iter__(self) -> Iterator[Record]:
        reader = self._reader()
        while True:
            self._held.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:  # a cell longer than any: an open quote swallowed the file
                cells = None
            if cells is None or (len(self._held) > 1 and self._swallowed()):
                yield self._first_line_alone()
                reader = self._reader()
            elif any(cells):
                yield Record(self.line - len(self._held) + 1, self.line, cells)
            else:
                self.blank += len(self._held)

    def _reader(self) -> "Iterator[list[str]]":
        return self._dialect.rows(self._each_line())

    def _each_line(self) -> Iterator[str]:
        pending, held = self._pending, self._held
        while True:
            if pending:
                line = pending.popleft()
            else:
                try:
                    line = next(self._source)
                except StopIteration:
                    return
            self.line += 1
            held.append(line)
            yield line

    def _swallowed(self) -> bool:
        """Whether the lines inside a quoted cell are rows themselves."""
        least = max(TELLING_CELLS, self.width)
        return any(
            len(cells := next(self._dialect.rows([line]), [])) >= least and heading.looks_like_data(cells)
            for line in self._held[1:]
        )

    def _first_line_alone(self) -> Record:
        first, *rest = self._held
        self._pending.extendleft(reversed(rest))
        self.line -= len(rest)
        return Record(self.line, self.line, first.rstrip("\r\n").split(self._dialect.delimiter), damaged=True)


@contextmanager
def physical_lines(member: Member, encoding: str) -> Iterator[Iterator[str]]:
    """The file's physical lines, without the zeros that some banks pad with."""
    with member.open() as opened, io.TextIOWrapper(opened, encoding, errors="replace", newline="") as text:
        yield _clean(text)


def _clean(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE_LENGTH + 1):
        if len(line) > MAX_LINE_LENGTH:
            raise LineTooLong
        yield line.replace("\0", "").replace("\x1a", "") if "\0" in line or "\x1a" in line else line
