"""Shut: lines of closed periods, quarantined until the period is reopened.

They were read well, so that what is kept of each is what it says: its date, amount and description, under the header
of its file where that has columns. Sent back unchanged, the row is read from the raw file again.
"""

import csv
import io
from collections.abc import Iterable

from psycopg.rows import DictRow

from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.words import Role
from ai2.ingest.lines import Reason

REASON = Reason.PERIOD_CLOSED


def quarantined(layout: Layout | None, rows: Iterable[DictRow]) -> list[tuple[int, str, str, str]]:
    """Line number in the batch, reason code, reason and text of each row."""
    return [(row["line_number"], REASON.value, REASON.text, _written(layout, row)) for row in rows]


def _written(layout: Layout | None, row: DictRow) -> str:
    said = (row["booked_on"].isoformat(), str(row["amount"]), row["description"])
    if layout is None or Role.DATE not in layout.columns:
        return ", ".join(said)
    width = max(len(layout.header), *(place for places in layout.columns.values() for place in places))
    cells = [""] * width
    amount = next(role for role in (Role.AMOUNT, Role.DEBIT, Role.CREDIT) if role in layout.columns)
    for role, text in zip((Role.DATE, amount, Role.DESCRIPTION), said, strict=True):
        if role in layout.columns:
            cells[layout.columns[role][0] - 1] = text
    line = io.StringIO()
    csv.writer(line, delimiter=layout.delimiter, quotechar=layout.quote or '"', lineterminator="").writerow(cells)
    return line.getvalue()
