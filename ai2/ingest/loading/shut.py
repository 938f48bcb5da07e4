"""Shut: lines of closed periods, quarantined until the period is reopened.

They were read well, so that what is kept of each is what it says: its date, amount and description, under the header
of its file where that has columns, and with the file's marks and signs, for whoever moves the row to an open day. Sent
back unchanged, the row is read from the raw file again.
"""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from psycopg.rows import DictRow

from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.words import Role
from ai2.ingest.lines import Reason

REASON = Reason.PERIOD_CLOSED


def quarantined(layout: Layout | None, rows: Iterable[DictRow]) -> list[tuple[int, str, str, str]]:
    """Line number in the batch, reason code, reason and text of each row."""
    return [(row["line_number"], REASON.value, REASON.text, _written(layout, row)) for row in rows]


def _written(layout: Layout | None, row: DictRow) -> str:
    day, amount, description = row["booked_on"].isoformat(), row["amount"], row["description"]
    if layout is None or Role.DATE not in layout.columns:
        return ", ".join((day, str(amount), description))
    width = max(len(layout.header), *(place for places in layout.columns.values() for place in places))
    cells = [""] * width
    for role, text in {Role.DATE: day, Role.DESCRIPTION: description, **_money(layout, amount)}.items():
        if role in layout.columns:
            cells[layout.columns[role][0] - 1] = text
    line = io.StringIO()
    csv.writer(line, delimiter=layout.delimiter, quotechar=layout.quote or '"', lineterminator="").writerow(cells)
    return line.getvalue()


def _money(layout: Layout, amount: Decimal) -> dict[Role, str]:
    """The amount as this layout reads it back: its mark, its side or flag, and what it says of money in and out."""
    columns = layout.columns
    if Role.AMOUNT in columns and Role.FLAG not in columns and layout.positive_is:
        return {Role.AMOUNT: _text(layout, amount if layout.positive_is == "in" else -amount)}
    said = -amount if layout.sides_are_reversed else amount
    if Role.AMOUNT in columns:
        size, flag = _text(layout, abs(said)), "CR" if said > 0 else "DR"
        return {Role.AMOUNT: size, Role.FLAG: flag} if Role.FLAG in columns else {Role.AMOUNT: f"{size} {flag}"}
    if Role.CREDIT in columns and (said > 0 or Role.DEBIT not in columns):
        return {Role.CREDIT: _text(layout, -said if layout.credits_are == "negative" else said)}
    return {Role.DEBIT: _text(layout, said if layout.debits_are == "negative" else -said)}


def _text(layout: Layout, amount: Decimal) -> str:
    return f"{amount:f}".replace(".", layout.decimal_mark or ".")
