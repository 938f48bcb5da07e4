"""Income and expenses by column: income upwards, expenses downwards, and what is left as a line."""

from typing import Any

import altair as alt

from ai2.reports.charts.columns import amount, own
from ai2.reports.charts.look import (
    EXPENSE,
    HEIGHT,
    INCOME,
    MOST_POINTS,
    NET,
    WIDTH,
    amounts,
    columns,
    empty,
    finished,
    of,
    row,
    tooltip,
    width_of,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart
from ai2.reports.charts.words import Point, course, nothing
from ai2.reports.model import Table

TITLE = "Income and expenses"
LINES = (("income", "Income"), ("expense", "Expenses"), ("net", "Net"))


def income_expenses(table: Table) -> Chart:
    """Of a profit and loss or a trend; its columns are the bars."""
    found = own(table)
    figures = {label: [Point(each.label, amount(table, key, each.key)) for each in found] for key, label in LINES}
    is_empty = not any(point.amount for points in figures.values() for point in points)
    summary = (
        nothing(TITLE) if is_empty else " ".join(course(what, each, table.currency) for what, each in figures.items())
    )
    title = f"{TITLE}, {table.currency}"
    return Chart(
        name="income_expenses",
        title=title,
        currency=table.currency,
        spec=empty(title, summary) if is_empty else finished(
            _drawn(table.currency, figures, [each.label for each in found]),
            title, "Income upwards, expenses downwards; the line is what is left", summary,
        ),
        columns=("Column", *figures),
        rows=tuple(
            (each.label, *(points[at].amount for points in figures.values())) for at, each in enumerate(found)
        ),
        summary=summary,
    )  # fmt: skip


def _drawn(currency: str, figures: dict[str, list[Point]], labels: list[str]) -> Any:
    rows = [
        row(point.amount, currency, kind=kind, column=point.label, drawn=_place(kind, point))
        for kind, points in figures.items()
        for point in points
    ]
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(figures), range=[INCOME, EXPENSE, NET]),
        legend=alt.Legend(symbolType="square"),
    )
    given = {
        "x": columns(labels, scale=alt.Scale(paddingInner=0.3)),
        "y": amounts(currency, "drawn"),
        "tooltip": tooltip(column="When", kind="What", exact="Amount"),
    }
    bars = (
        of([each for each in rows if each["kind"] != "Net"])
        .mark_bar(width=width_of(labels))
        .encode(color=colour, **given)
    )
    net = of([each for each in rows if each["kind"] == "Net"])
    halo = net.mark_line(color="white", strokeWidth=5, strokeJoin="round", opacity=0.85).encode(
        x=given["x"], y=given["y"]
    )
    line = net.mark_line(
        color=NET, strokeWidth=2, strokeJoin="round", point=alt.OverlayMarkDef(
            color=NET, filled=False, fill="white", size=34 if len(labels) <= MOST_POINTS else 12, strokeWidth=1.5)
    ).encode(**given)  # fmt: skip
    return alt.layer(bars, zero(), halo, line).properties(width=WIDTH, height=HEIGHT)


def _place(kind: str, point: Point) -> float | None:
    if point.amount is None:
        return None
    return float(-point.amount if kind == "Expenses" else point.amount)
