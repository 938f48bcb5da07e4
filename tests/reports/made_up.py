"""Reports that no books are behind: of any size, and with what people call their things."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from ai2.reports.model import Asked, Cell, Column, Line, Note, Report, Table

PLAIN = ("Wages", "Rent", "Groceries")
# What a payer may write for a penny.
HOSTILE = (
    '#import "@preview/x": *; #panic("x")', "$x^2$ *b* _i_ `r` \\ @ref <label> // c /* d */ ~ --- #", "=1+1", "+1",
    "-2",
    "@SUM(A1)", "\t=1", "</table><script>alert(1)</script>&amp;", "'); drop table x", "مرحبا بالعالم", "שלום עולם",
    "ab\u202ecd", "🍕 漢字", "x" * 300, "bell\x07 zero\u200bwidth", "]]>", "{{ 7 * 7 }}", "&P &N",
)  # fmt: skip
NO_RATE = "no rate is known from EUR to GBP on 2026-02-14"
WARNING = "Current GBP has no statement after 14 February 2026."


def months(number: int) -> list[Column]:
    days = [date(2020 + at // 12, at % 12 + 1, 1) for at in range(number)]
    return [Column(f"{day:%Y-%m}", f"{day:%b %Y}", day, day.replace(day=28)) for day in days]


def made_up(
    labels: Sequence[str] = PLAIN,
    columns: Sequence[Column] = (),
    currencies: Sequence[str] = ("GBP",),
    organization: str = "Harbour & Sons",
    amounts: Sequence[str | None] = ("1234.5", "-40.1", None),
) -> Report:
    """A heading, a line for each label, and a total; the amounts one after another, again and again."""
    chosen = tuple(columns or months(1))
    items = [Line(key=f"item-{at}", label=label, depth=1) for at, label in enumerate(labels)]
    total = Line(key="net", label="Net", kind="total", total_of=tuple((1, line.key) for line in items))
    lines = (Line(key="heading", label="Money", kind="heading"), *items, total)
    places = [(line.key, column.key) for line in lines[1:] for column in chosen]
    figures = [amounts[at % len(amounts)] for at in range(len(places))]
    cells = tuple(
        Cell(*place, None, reason=NO_RATE) if amount is None else Cell(*place, Decimal(amount), entries=1)
        for place, amount in zip(places, figures, strict=True)
    )
    return Report(
        report_id=UUID(int=7),
        title="Profit and loss",
        organization=organization,
        asked=Asked(report="profit_and_loss", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31)),
        as_of=datetime(2026, 4, 1, 9, 30, 5, tzinfo=UTC),
        tables=tuple(
            Table(key=each, title="Profit and loss", currency=each, columns=chosen, lines=lines, cells=cells)
            for each in currencies
        ),
        notes=(
            Note(code="fresh", text="Savings GBP is complete."),
            Note(code="stale", text=WARNING, is_warning=True),
        ),
        computed_by=("marts.live_ledger_months",),
    )
