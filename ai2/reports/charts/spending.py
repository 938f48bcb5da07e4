"""Spending by category: bars from the largest down, each with its amount."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from ai2.reports.charts.columns import amount, items, largest, whole
from ai2.reports.charts.look import (
    BAR,
    EXPENSE,
    GREEN,
    INK,
    MONEY_LABEL,
    WIDTH,
    empty,
    finished,
    of,
    row,
    tooltip,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart
from ai2.reports.charts.words import Point, nothing, percent, ranking
from ai2.reports.model import Table

TITLE, MOST = "Spending by category", 14


def spending(table: Table) -> Chart:
    """Of a report that has expenses by category."""
    column = whole(table)
    points = [Point(line.label, amount(table, line.key, column.key)) for line in items(table, "expense-")]
    shown = largest(points, MOST)
    ordered = sorted((each for each in points if each.amount), key=lambda each: -(each.amount or 0))
    unknown = [each for each in points if each.amount is None]
    summary = ranking("Spending", [*ordered, *unknown], table.currency) if shown else nothing(TITLE)
    title = f"{TITLE}, {table.currency}"
    return Chart(
        name="spending",
        title=title,
        currency=table.currency,
        spec=finished(_drawn(shown, table.currency), title, column.label, summary) if shown else empty(title, summary),
        columns=("Category", "Amount", "Share"),
        rows=tuple((each.label, each.amount, _share(each, ordered)) for each in [*ordered, *unknown]),
        summary=summary,
    )


def _share(point: Point, points: Sequence[Point]) -> str | None:
    total = sum(each.amount or 0 for each in points)
    is_whole = total > 0 and all((each.amount or 0) >= 0 for each in points)
    return percent(point.amount, total) if is_whole and point.amount is not None and total else None


def _drawn(points: Sequence[Point], currency: str) -> Any:
    rows = [
        row(each.amount, currency, category=each.label, kind="Came back" if (each.amount or 0) < 0 else "Spent")
        for each in points
    ]
    base = of(rows).encode(
        x=alt.X("amount:Q", title=currency, axis=alt.Axis(labelExpr=MONEY_LABEL, tickCount=6)),
        y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=230, labelColor=INK, labelFontSize=12)),
        tooltip=tooltip(category="Category", kind="What", exact="Amount"),
    )
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=["Spent", "Came back"], range=[EXPENSE, GREEN]),
        legend=alt.Legend(symbolType="square") if any(each["kind"] == "Came back" for each in rows) else None,
    )  # fmt: skip
    bars = base.mark_bar(height=alt.RelativeBandSize(0.68)).encode(color=colour)
    beside = base.transform_calculate(at="max(datum.amount, 0)").mark_text(align="left", dx=6).encode(
        x=alt.X("at:Q"), text="exact:N"
    )  # fmt: skip
    return alt.layer(bars, zero("x"), beside).properties(width=WIDTH - 180, height=max(BAR * len(rows), 60))
