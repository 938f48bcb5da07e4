"""Delimited text (CSV and its dialects): from bytes to a sheet, and by a layout to statement lines.

Where every row is one line and as wide as the header, Arrow splits the file at once. Any other file is split row
by row, which tells the lines that a row came from. A quotation mark that is never closed would swallow the rows
behind it: such a row is told by the rows inside it and rejected alone.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice

import pyarrow as pa
import pyarrow.csv as arrow_csv

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.layout import dialect, heading
from ai2.ingest.layout.apply import apply
from ai2.ingest.layout.dialect import Dialect
from ai2.ingest.layout.infer import Source, infer
from ai2.ingest.layout.model import PARSER_VERSION, Layout, Options
from ai2.ingest.layout.sheet import Record, Sheet, SheetBuilder
from ai2.ingest.lines import LINES, ORIGINAL_LENGTH, Account, Reason, Rejected, Statement
from ai2.ingest.problems import LineTooLong

NAME = "csv"
HEAD_LINES = 300
MAX_LINE_LENGTH = 1 << 20
# A row of fewer columns cannot be told from text, so it does not prove that a quote was left open.
TELLING_CELLS = 3


def matches(head: bytes) -> bool:
    """Anything may be a table; whether it is one, its rows tell."""
    return True


def read(
    member: Member,
    account: Account,
    options: Options,
    saved: Sequence[Layout] = (),
) -> Statement:
    """The lines of one file. Raises Unreadable and its kind, NeedsAnswer, OtherCurrency."""
    with member.open() as opened:
        text = encodings.examine(opened, usual=_saved_encoding(saved), said=options.encoding)
    with _lines(member, text.encoding) as lines:
        known = _dialect(list(islice(lines, HEAD_LINES)), saved)
    with _lines(member, text.encoding) as lines:
        records = _Records(lines, known)
        head = list(islice(records, HEAD_LINES))
        found = heading.find(head, saved)
        rows = head[found.skip :]
        sheet = _regular(member, text, known, found, rows[0].first_line) if rows else None
        if sheet is None:
            sheet = _row_by_row(found, rows, records)
    outside = {"preamble": found.skip, "blank": records.blank}
    if not len(sheet):
        return Statement(member.name, NAME, PARSER_VERSION, LINES.empty_table(), outside=outside)
    encoding = None if text.encoding.startswith("utf") else text.encoding
    header = found.names if found.has_header else ()
    source = Source(sheet, header, known.delimiter, encoding, known.quote, known.escape, found.header_rows)
    layout = infer(source, account, options, saved)
    reading = apply(
        sheet,
        layout,
        account,
        ends_whole=text.ends_whole,
        may_be_damaged=not text.is_proven,
        section=found.section,
    )
    return Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=reading.lines,
        rejected=_with_originals(member, text.encoding, reading.rejected),
        layout=layout,
        last_line=text.lines or records.line,
        outside={**outside, **reading.outside},
    )


def _regular(
    member: Member, text: encodings.Text, known: Dialect, found: heading.Heading, first_line: int
) -> Sheet | None:
    """The sheet of a file in which every row is one whole line, or none where it is not."""
    if text.lines is None or text.encoding not in ("utf-8", "utf-8-sig"):
        return None
    names = [str(place) for place in range(len(found.names))]
    try:
        with member.open() as opened:
            table = arrow_csv.read_csv(
                opened,
                arrow_csv.ReadOptions(column_names=names, skip_rows=first_line - 1, use_threads=False),
                arrow_csv.ParseOptions(
                    delimiter=known.delimiter,
                    quote_char=known.quote or False,
                    escape_char=known.escape or False,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                ),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
            )
    except pa.ArrowInvalid:  # rows of different widths, or bytes that are not UTF-8
        return None
    if len(table) != text.lines - first_line + 1:  # some row is more than one line
        return None
    return Sheet.of_whole_lines(found.names, [column.combine_chunks() for column in table.columns], first_line)


def _row_by_row(found: heading.Heading, head: list[Record], records: "_Records") -> Sheet:
    builder = SheetBuilder(found.names, len(found.names))
    records.width = len(found.names)
    for record in chain(head, records):
        builder.add(record)
    return builder.build()


class _Records:
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
def _lines(member: Member, encoding: str) -> Iterator[Iterator[str]]:
    """The file's physical lines, without the zeros that some banks pad with."""
    with member.open() as opened, io.TextIOWrapper(opened, encoding, errors="replace", newline="") as text:
        yield _clean(text)


def _clean(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE_LENGTH + 1):
        if len(line) > MAX_LINE_LENGTH:
            raise LineTooLong
        yield line.replace("\0", "").replace("\x1a", "") if "\0" in line or "\x1a" in line else line


def _dialect(head: list[str], saved: Sequence[Layout]) -> Dialect:
    return dialect.find(head, lambda known: [record.cells for record in _Records(iter(head), known)], saved)


def _with_originals(member: Member, encoding: str, rejected: list[tuple[int, int, Reason]]) -> tuple[Rejected, ...]:
    """The rejected rows' text as it came, found in a second look at the file: most files need none."""
    if not rejected:
        return ()
    wanted = iter(sorted(rejected))
    first, last, reason = next(wanted)
    found: list[Rejected] = []
    text: list[str] = []
    with _lines(member, encoding) as lines:
        for number, line in enumerate(lines, 1):
            if number < first:
                continue
            text.append(line)
            if number == last:
                found.append(Rejected(first, reason, "".join(text).rstrip("\r\n")[:ORIGINAL_LENGTH]))
                text = []
                first, last, reason = next(wanted, (1 << 62, 0, reason))
    return tuple(found)


def _saved_encoding(saved: Sequence[Layout]) -> str | None:
    return next((layout.encoding for layout in saved if layout.encoding), None)
