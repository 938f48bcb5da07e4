"""Workbooks: XLSX, XLS, ODS, and what banks send under these names: XML of Excel 2003 and tables of HTML.

Of several sheets the one with the most rows that have a date and an amount is read, and all that have its header (a
sheet a month), one after the other; their cells go the way of those of delimited text. Rows of other sheets that look
like transactions are rejected.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ai2.ingest import containers
from ai2.ingest.containers import Member
from ai2.ingest.formats.shared import typed
from ai2.ingest.formats.shared.typed import HEAD_ROWS, Table
from ai2.ingest.formats.workbook import html_tables, ods, spreadsheetml, xls, xlsx
from ai2.ingest.formats.workbook.grid import Grid
from ai2.ingest.formats.workbook.parts import Parts
from ai2.ingest.layout import heading
from ai2.ingest.layout.heading import Heading
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.layout.sheet import Record
from ai2.ingest.lines import ORIGINAL_LENGTH, Account, Reason, Rejected, Statement
from ai2.ingest.problems import NoTransactions, UnknownFormat
from ai2.kit.errors import Problem

NAME = "workbook"
PARSER_VERSION = "workbook-1"
# Rejected rows and the layout are as of the sheet's cells with tabs between them, as they leave a clipboard.
DELIMITER = "\t"
ZIP = containers.ZIP
_XML = re.compile(rb"(?:<\?xml[^>]*>\s*)?(?:<\?[^>]*>\s*|<!--.*?-->\s*)*<(?:\w+:)?Workbook\b", re.S)
_PAGE = re.compile(
    rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|meta|style|table|div|center|font)\b",
    re.I | re.S,
)


def matches(head: bytes) -> bool:
    return head.startswith((*ZIP, xls.MAGIC)) or bool(_XML.match(head) or _PAGE.match(head))


def read(member: Member, account: Account, options: Options, saved: Sequence[Layout] = ()) -> Statement:
    """The lines of a workbook. Raises Unreadable and its kinds, NeedsAnswer, OtherCurrency."""
    with member.open() as opened:
        head = opened.read(1 << 14)
    grids = _grids(member, head)
    is_page = bool(_PAGE.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")))
    counts = [sum(map(_is_data, grid.rows())) for grid in grids] if len(grids) > 1 or is_page else [1] * len(grids)
    best = max(range(len(grids)), key=lambda place: counts[place], default=None)
    if best is None or not counts[best]:
        if is_page:
            raise UnknownFormat("This is a web page without a table of transactions; export the statement as CSV.")
        raise NoTransactions
    alike, others = _alike([grid for grid, count in zip(grids, counts, strict=True) if count], grids[best], saved)
    table = Table(_once(_rows(alike)), NAME, PARSER_VERSION, DELIMITER)
    found = typed.statement(table, member, account, options, saved)
    return typed.with_rejected(found, _rejected(others, found.last_line))


def _alike(grids: Sequence[Grid], best: Grid, saved: Sequence[Layout]) -> tuple[list[tuple[Grid, int]], list[Grid]]:
    """The grids under the best one's header, each with how many rows stand above its own; and the others."""
    if len(grids) == 1:
        return [(best, 0)], []
    headings = {grid.name: _heading(grid, saved) for grid in grids}
    wanted = headings[best.name]
    alike = [
        grid for grid in grids if grid is best or (wanted and wanted.has_header and _same(headings[grid.name], wanted))
    ]
    skipped = [0, *(found.skip for grid in alike[1:] if (found := headings[grid.name]))]
    return list(zip(alike, skipped, strict=True)), [grid for grid in grids if grid not in alike]


def _heading(grid: Grid, saved: Sequence[Layout]) -> Heading | None:
    head = [row._replace(cells=[typed.shown(cell) for cell in row.cells]) for row in islice(grid.rows(), HEAD_ROWS)]
    try:
        return heading.find(head, saved)
    except Problem:
        return None


def _same(one: Heading | None, other: Heading) -> bool:
    return one is not None and one.has_header and one.names == other.names


def _rows(grids: Sequence[tuple[Grid, int]]) -> Iterator[Record]:
    for grid, skipped in grids:
        yield from islice(grid.rows(), skipped, None)


def _rejected(grids: Sequence[Grid], after: int) -> list[Rejected]:
    """What looks like transactions in sheets that cannot be read with the others, numbered on."""
    rows = [row for grid in grids for row in grid.rows() if _is_data(row)]
    return [
        Rejected(number, Reason.OTHER_TABLE, DELIMITER.join(map(typed.shown, row.cells))[:ORIGINAL_LENGTH])
        for number, row in enumerate(rows, after + 1)
    ]


def _grids(member: Member, head: bytes) -> list[Grid]:
    if head.startswith(ZIP):
        parts = Parts(member.open())
        return ods.grids(parts) if "mimetype" in parts and "content.xml" in parts else xlsx.grids(parts)
    if head.startswith(xls.MAGIC):
        return xls.grids(member)
    return spreadsheetml.grids(member) if spreadsheetml.NAMESPACE in _plain(head) else html_tables.grids(member)


def _plain(head: bytes) -> bytes:
    return head.replace(b"\0", b"")


def _is_data(record: Record) -> bool:
    return heading.looks_like_data([typed.shown(cell) for cell in record.cells])


def _once(rows: Iterable[Record]) -> Iterator[Record]:
    """Rows whose numbers grow; what says otherwise is numbered on."""
    last = 0
    for row in rows:
        last = max(last + 1, row.first_line)
        yield row._replace(first_line=last, last_line=last)
