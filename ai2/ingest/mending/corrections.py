"""Corrections: what a person wrote in place of a quarantined row, read as the rows of its file are read.

The raw file stays as it came. A correction is the row's cells under its file's header; where the file has no columns
(OFX, MT940...), they are a date (YYYY-MM-DD), an amount with a point, negative for money out, and a description.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from ai2.ingest.layout.apply import apply
from ai2.ingest.layout.infer import Source, infer
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.layout.sheet import Record, SheetBuilder
from ai2.ingest.layout.words import Role
from ai2.ingest.lines import LINES, Account, Reason, Rejected, Statement
from ai2.ingest.loading.staging import line_offsets

Cells = tuple[str, ...]
FREE_HEADER = ("date", "amount", "description")
FREE = Layout(
    signature="correction",
    delimiter=",",
    header=FREE_HEADER,
    columns={Role.DATE: (1,), Role.AMOUNT: (2,), Role.DESCRIPTION: (3,)},
    date_order="ymd",
    decimal_mark=".",
    positive_is="in",
)
MONEY = (Role.AMOUNT, Role.DEBIT, Role.CREDIT)


def is_table(layout: Layout | None) -> bool:
    """Whether a file read so has columns that a person can fill in."""
    return layout is not None and Role.DATE in layout.columns


def header_of(layout: Layout | None) -> Cells:
    """The names of the cells of a correction; columns without a name have their number."""
    if layout is None or not is_table(layout):
        return FREE_HEADER
    width = max(place for places in layout.columns.values() for place in places)
    return layout.header or tuple(f"column {place}" for place in range(1, width + 1))


def overlaid(
    statements: Sequence[Statement], corrections: Mapping[int, Cells], account: Account, options: Options
) -> list[Statement]:
    """The statements with corrected rows in the place of what stood there. Lines are numbered through the batch.

    Raises NeedsAnswer where a corrected row can be read in two ways and the file does not say in which.
    """
    offsets = [*line_offsets(list(statements)), 1 << 62]
    return [
        _overlaid(
            statement,
            {line - first: cells for line, cells in corrections.items() if first < line <= following},
            account,
            options,
        )
        for statement, first, following in zip(statements, offsets[:-1], offsets[1:], strict=True)
    ]


def _overlaid(statement: Statement, rows: dict[int, Cells], account: Account, options: Options) -> Statement:
    if not rows:
        return statement
    lines, reasons = read(rows, statement.layout, account, options)
    others = statement.lines.filter(
        pc.invert(pc.is_in(statement.lines["line_number"], pa.array(list(rows), pa.int32())))
    )
    originals = {rejected.line_number: rejected.original for rejected in statement.rejected}
    rejected = [each for each in statement.rejected if each.line_number not in rows]
    rejected += [
        Rejected(line, reason, originals.get(line) or ",".join(rows[line])) for line, reason in reasons.items()
    ]
    joined = pa.concat_tables([each.select(LINES.names).cast(LINES) for each in (others, lines)])
    return replace(
        statement,
        named=tuple(each for each in statement.named if each.line_number not in rows),
        lines=joined.sort_by("line_number").combine_chunks(),
        rejected=tuple(sorted(rejected, key=lambda each: each.line_number)),
    )


def read(
    rows: Mapping[int, Cells], layout: Layout | None, account: Account, options: Options
) -> tuple[pa.Table, dict[int, Reason]]:
    """Lines from corrected rows, and for those that still cannot be read the reason. Each row stands alone."""
    known = layout if layout is not None and is_table(layout) else FREE
    reasons = {line: reason for line, cells in rows.items() if (reason := _lacks(cells, known))}
    whole = {line: cells for line, cells in sorted(rows.items()) if line not in reasons}
    if not whole:
        return LINES.empty_table(), reasons
    header = header_of(layout)
    width = max(len(header), *(place for places in known.columns.values() for place in places))
    builder = SheetBuilder(header, width)
    for line, cells in whole.items():
        builder.add(Record(line, line, list(cells)))
    sheet = builder.build()
    if known is not FREE:
        source = Source(sheet, known.header, known.delimiter)
        known = infer(source, account, options, [known.model_copy(update={"signature": source.signature})])
    reading = apply(sheet, known, account, ends_whole=True, is_last=False)
    return reading.lines, {**reasons, **{line: reason for line, _, reason in reading.rejected}}


def _lacks(cells: Cells, layout: Layout) -> Reason | None:
    """What a row must have before it can be told from a footer, or from more text of the row above it."""
    if not _filled(cells, layout, Role.DATE):
        return Reason.NO_DATE
    return None if any(_filled(cells, layout, role) for role in MONEY) else Reason.NO_AMOUNT


def _filled(cells: Cells, layout: Layout, role: Role) -> bool:
    return any(cells[place - 1].strip() for place in layout.columns.get(role, ()) if place <= len(cells))
