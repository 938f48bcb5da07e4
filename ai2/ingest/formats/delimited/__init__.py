"""Delimited text (CSV and its dialects): from bytes to sheets, and by a layout to statement lines.

A large file is never in memory whole: its sheets are gone through twice, to gather what decides how to read them, and
to read them. A row that continues the one above it and stands first in a sheet is rejected, not joined.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.encodings import Text
from ai2.ingest.formats.delimited.rows import physical_lines
from ai2.ingest.formats.delimited.sheets import NotWholeLines, Sheets
from ai2.ingest.formats.delimited.spool import spooled
from ai2.ingest.layout.apply import apply
from ai2.ingest.layout.heading import Section
from ai2.ingest.layout.infer import Gathered, Source, gather
from ai2.ingest.layout.model import PARSER_VERSION, Layout, Options
from ai2.ingest.layout.sheet import Sheet
from ai2.ingest.lines import LINES, ORIGINAL_LENGTH, Account, Reason, Rejected, Statement

NAME = "csv"
# Evidence of all sheets, and the sheets to be read by it.
Look = tuple[Gathered, Iterable[Sheet]]


def matches(head: bytes) -> bool:
    """Anything may be a table; whether it is one, its rows tell."""
    return True


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of one file. Raises Unreadable and its kind, NeedsAnswer, OtherCurrency."""
    with member.open() as opened:
        text = encodings.examine(opened, usual=_saved_encoding(saved), said=options.encoding)
    sheets = Sheets.of(member, text, saved)
    try:
        looked = _look(sheets, account, options, saved)
    except NotWholeLines:
        sheets.are_whole_lines = False
        looked = _look(sheets, account, options, saved)
    outside = {"preamble": sheets.heading.skip, "blank": sheets.blank}
    if looked is None:
        return Statement(member.name, NAME, PARSER_VERSION, LINES.empty_table(), outside=outside)
    gathered, pieces = looked
    reading = _Reading(pieces, gathered.layout(), account, text, sheets.heading.section)
    lines = spooled(reading)
    return Statement(
        file_name=member.name,
        format=NAME,
        parser_version=PARSER_VERSION,
        lines=lines,
        rejected=_with_originals(member, text.encoding, reading.rejected),
        layout=reading.layout,
        last_line=sheets.last_line,
        outside={**outside, **reading.outside, "blank": outside["blank"] + reading.outside["blank"]},
    )


def _look(sheets: Sheets, account: Account, options: Options, saved: Sequence[Layout]) -> Look | None:
    """What all sheets together say of how to read them; none where there is no row."""
    gathered: Gathered | None = None
    first: Sheet | None = None
    for number, sheet in enumerate(sheets):
        source = _source(sheets, sheet)
        gathered = gathered.with_sheet(source) if gathered else gather(source, account, options, saved)
        first = sheet if number == 0 else None
    return (gathered, [first] if first else sheets) if gathered else None


def _source(sheets: Sheets, sheet: Sheet) -> Source:
    encoding = None if sheets.text.encoding.startswith("utf") else sheets.text.encoding
    found, known = sheets.heading, sheets.dialect
    header = found.names if found.has_header else ()
    return Source(sheet, header, known.delimiter, encoding, known.quote, known.escape, found.header_rows)


class _Reading:
    """The lines of each sheet; when all are read, what was rejected and what is no row, of the whole file."""

    def __init__(self, pieces: Iterable[Sheet], layout: Layout, account: Account, text: Text, section: Section) -> None:
        self.layout, self._pieces, self._account, self._text, self._section = layout, pieces, account, text, section
        self.rejected: list[tuple[int, int, Reason]] = []
        self.outside: Counter[str] = Counter()

    def __iter__(self) -> Iterator[pa.Table]:
        for sheet, is_last in _with_last(self._pieces):
            found = apply(
                sheet,
                self.layout,
                self._account,
                ends_whole=self._text.ends_whole or not is_last,
                may_be_damaged=not self._text.is_proven,
                is_last=is_last,
                section=self._section,
            )
            self._section = found.section
            self.rejected += found.rejected
            self.outside.update(found.outside)
            yield found.lines


def _with_last(pieces: Iterable[Sheet]) -> Iterator[tuple[Sheet, bool]]:
    """Each sheet, and whether it is the last."""
    waiting = iter(pieces)
    sheet = next(waiting, None)
    while sheet is not None:
        following = next(waiting, None)
        yield sheet, following is None
        sheet = following


def _with_originals(member: Member, encoding: str, rejected: list[tuple[int, int, Reason]]) -> tuple[Rejected, ...]:
    """The rejected rows' text as it came, found in a second look at the file: most files need none."""
    if not rejected:
        return ()
    wanted = iter(sorted(rejected))
    first, last, reason = next(wanted)
    found: list[Rejected] = []
    text: list[str] = []
    with physical_lines(member, encoding) as lines:
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
