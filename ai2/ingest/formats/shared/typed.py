"""Typed tables: rows whose numbers are numbers (workbooks, JSON), read by the same layouts as delimited text.

A number among the cells has one meaning and is no evidence of how the file writes amounts; text is, as ever, decided
over the whole column or asked. So numbers are marked until the decimal mark is known, and then written with it.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain, islice

import numpy as np
import pyarrow.compute as pc

from ai2.ingest.containers import Member
from ai2.ingest.layout import amounts, heading
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.apply import Reading, apply
from ai2.ingest.layout.heading import Heading
from ai2.ingest.layout.infer import Source, infer
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.layout.sheet import Column, Record, Sheet, SheetBuilder
from ai2.ingest.layout.words import Role
from ai2.ingest.lines import LINES, ORIGINAL_LENGTH, Account, Rejected, Statement
from ai2.ingest.problems import NeedsAnswer, Question

HEAD_ROWS = 300
# A sign of Unicode's private use area, which no bank writes.
NUMBER = "\ue000"
MONEY = (Role.AMOUNT, Role.DEBIT, Role.CREDIT, Role.BALANCE)
# Digits before the point, or behind it, beyond which a number is no amount and is not written out.
MOST_DIGITS = 40


@dataclass(frozen=True)
class Table:
    """Rows of cells, and of which kind of file they are. `header` is given where names come with the cells."""

    rows: Iterable[Record]
    format: str
    parser_version: str
    delimiter: str
    header: tuple[str, ...] | None = None
    encoding: str | None = None


def number(value: Decimal) -> str:
    """A number as a cell: exact, marked as one."""
    is_writable = value.is_finite() and abs(value.adjusted()) <= MOST_DIGITS
    return f"{NUMBER}{value:f}" if is_writable else str(value)


def text(value: str) -> str:
    """A text as a cell."""
    return value.replace(NUMBER, "")


def shown(cell: str) -> str:
    """A cell as it looks where the decimal mark does not matter."""
    return cell.removeprefix(NUMBER)


def statement(
    table: Table, member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()
) -> Statement:
    """The lines of a table. Raises NoTransactions, NeedsAnswer, OtherCurrency and what inference raises."""
    rows = iter(table.rows)
    head = list(islice(rows, HEAD_ROWS))
    found = _heading(table, head, saved)
    sheet = _sheet(found, chain(head[found.skip :], rows))
    outside = {"preamble": found.skip}
    if not len(sheet):
        empty = LINES.empty_table()
        return Statement(member.name, table.format, table.parser_version, empty, outside=outside)
    layout, mark = _decided(_Marked(sheet, found, table), account, options, saved)
    written = _written(sheet, mark)
    decided = layout.model_copy(update={"decimal_mark": mark})
    reading = apply(written, decided, account, ends_whole=True, may_be_damaged=False, section=found.section)
    return Statement(
        file_name=member.name,
        format=table.format,
        parser_version=table.parser_version,
        lines=reading.lines,
        rejected=tuple(_rejected(written, reading, table)),
        layout=layout,
        last_line=int(sheet.last_line[-1]),
        outside={**outside, **reading.outside},
    )


def _heading(table: Table, head: list[Record], saved: Sequence[Layout]) -> Heading:
    if table.header is not None:
        return Heading(0, table.header, has_header=True)
    return heading.find([record._replace(cells=[shown(cell) for cell in record.cells]) for record in head], saved)


def _sheet(found: Heading, rows: Iterable[Record]) -> Sheet:
    builder = SheetBuilder(found.names, len(found.names))
    for row in rows:
        if any(row.cells):
            builder.add(row)
    return builder.build()


@dataclass(frozen=True)
class _Marked:
    """A sheet in which numbers are marked, and what it was made of."""

    sheet: Sheet
    found: Heading
    table: Table

    def source(self, mark: DecimalMark) -> Source:
        names = self.found.names if self.found.has_header else ()
        return Source(
            _written(self.sheet, mark), names, self.table.delimiter, self.table.encoding,
            header_rows=self.found.header_rows,
        )  # fmt: skip

    def evidence(self, layout: Layout | None = None) -> amounts.MarkEvidence:
        """What the texts say of the decimal mark: those of the money columns, or all while these are not known."""
        places = {place for role in MONEY for place in layout.columns.get(role, ())} if layout else None
        columns = [column for column in self.sheet.columns if places is None or column.position in places]
        cells = (cell for column in columns for cell in column.distinct.to_pylist())
        return amounts.mark_evidence(cell for cell in cells if not cell.startswith(NUMBER))


def _decided(
    marked: _Marked, account: Account, options: Options, saved: Sequence[Layout]
) -> tuple[Layout, DecimalMark]:
    """The layout, and the mark to write numbers with. The layout keeps it only where a text or a person said it."""
    signature = marked.source(".").signature
    former = next((layout.decimal_mark for layout in saved if layout.signature == signature), None)
    said = options.decimal_mark or former
    mark = said or marked.evidence().decided or "."
    layout = infer(marked.source(mark), account, options, saved)
    if said:
        return layout, said
    found = marked.evidence(layout)
    if found.decided is None and found.needed:
        question = Question("decimal_mark", "Which mark stands before the decimals of amounts in text?", (".", ","))
        raise NeedsAnswer((question,), layout=layout.model_dump(mode="json"))
    wanted: DecimalMark = found.decided or "."
    if wanted != mark:
        layout = infer(marked.source(wanted), account, options, saved)
    return layout.model_copy(update={"decimal_mark": found.decided}), wanted


def _written(sheet: Sheet, mark: DecimalMark) -> Sheet:
    """The sheet with its numbers in the notation of its texts."""
    return replace(sheet, columns=tuple(_column(column, mark) for column in sheet.columns))


def _column(column: Column, mark: DecimalMark) -> Column:
    cells = column.distinct
    is_number = pc.starts_with(cells, NUMBER)
    if not pc.any(is_number).as_py():
        return column
    plain = pc.utf8_slice_codeunits(cells, 1)
    in_notation = plain if mark == "." else pc.replace_substring(plain, ".", mark)
    written = pc.if_else(is_number, in_notation, cells)
    return Column(column.position, column.name, column.take(written).dictionary_encode())


def _rejected(sheet: Sheet, reading: Reading, table: Table) -> Iterator[Rejected]:
    """The rejected rows as text that the same layout reads: delimited, or objects where cells came with names."""
    for first, _last, reason in reading.rejected:
        row = int(np.searchsorted(sheet.first_line, first))
        cells = {column.name: column.text[row].as_py() for column in sheet.columns}
        if table.header is None:
            written = io.StringIO()
            csv.writer(written, delimiter=table.delimiter, lineterminator="").writerow(cells.values())
            original = written.getvalue()
        else:
            original = json.dumps({name: cell for name, cell in cells.items() if cell is not None}, ensure_ascii=False)
        yield Rejected(first, reason, original[:ORIGINAL_LENGTH])


def with_rejected(found: Statement, more: Sequence[Rejected]) -> Statement:
    """A statement with rows that never became cells."""
    rejected = sorted((*found.rejected, *more), key=lambda row: row.line_number)
    last_line = max([found.last_line, *(row.line_number for row in more)])
    return replace(found, rejected=tuple(rejected), last_line=last_line)
