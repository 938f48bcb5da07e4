"""Cash flow as a waterfall: what came in, what went out, step by step to the change in cash."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import altair as alt

from ai2.reports.charts.columns import amount, items, largest, whole
from ai2.reports.charts.look import (
    BAR,
    EXPENSE,
    INCOME,
    INK,
    MONEY_LABEL,
    WIDTH,
    drawn,
    empty,
    finished,
    of,
    row,
    tooltip,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart
from ai2.reports.charts.words import Point, money, nothing, ranking
from ai2.reports.model import Table

TITLE, MOST_IN, MOST_OUT = "Cash flow", 6, 9
IN, OUT, CHANGE = "Came in", "Went out", "Change in cash"


def cash_flow(table: Table) -> Chart:
    """Of a cash flow statement."""
    column = whole(table)
    steps = [*_steps(table, "income-", MOST_IN), *_steps(table, "expense-", MOST_OUT)]
    between = amount(table, "transfer", column.key)
    if between:
        steps.append(Point("Transfers without their other side", between))
    change = amount(table, "change", column.key)
    summary = _summary(table, steps, change) if steps else nothing(TITLE)
    title = f"{TITLE}, {table.currency}"
    of_all = [line for line in table.lines if line.kind == "item"]
    return Chart(
        name="cash_flow",
        title=title,
        currency=table.currency,
        spec=finished(_drawn(steps, change, table.currency), title, column.label, summary)
        if steps
        else empty(title, summary),
        columns=("Step", "Amount"),
        rows=(*((line.label, amount(table, line.key, column.key)) for line in of_all), (CHANGE, change)),
        summary=summary,
    )


def _steps(table: Table, prefix: str, most: int) -> list[Point]:
    column = whole(table).key
    return largest([Point(line.label, amount(table, line.key, column)) for line in items(table, prefix)], most)


def _summary(table: Table, steps: Sequence[Point], change: Decimal | None) -> str:
    known = sorted(((label, value) for label, value in steps if value), key=lambda each: -abs(each[1]))
    came = [Point(label, value) for label, value in known if value > 0]
    went = [Point(label, -value) for label, value in known if value < 0]
    told = [ranking(what, each, table.currency) for what, each in ((IN, came), (OUT, went)) if each]
    if change is None:
        return " ".join([*told, "The change in cash cannot be told: a rate is missing."])
    way = "rose" if change > 0 else "fell" if change < 0 else "did not change"
    by = f" by {money(abs(change), table.currency)}" if change else ""
    return " ".join([*told, f"Cash {way}{by}."])


def _drawn(steps: Sequence[Point], change: Decimal | None, currency: str) -> Any:
    """Each bar begins where the one before ended; a step that is not known breaks off there."""
    rows, at = [], Decimal(0)
    for number, (label, value) in enumerate(steps):
        end = at if value is None else at + value
        kind = IN if (value or 0) >= 0 else OUT
        rows.append(_bar(number, label, value, currency, kind=kind, start=at, end=end))
        at = end
    rows.append(_bar(len(rows), CHANGE, change, currency, kind=CHANGE, start=Decimal(0), end=change or Decimal(0)))
    order = [str(each["step"]) for each in rows]
    base = of(rows).encode(
        y=alt.Y(
            "step:N", sort=order, title=None,
            axis=alt.Axis(labelLimit=230, labelColor=INK, labelFontSize=12, labelExpr="slice(datum.label, 4)"),
        ),
        tooltip=tooltip(label="Step", kind="What", exact="Amount"),
    )  # fmt: skip
    span = alt.X("start:Q", title=currency, axis=alt.Axis(labelExpr=MONEY_LABEL, tickCount=6))
    bars = base.mark_bar(height=alt.RelativeBandSize(0.68)).encode(
        x=span, x2="end:Q",
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=[IN, OUT, CHANGE], range=[INCOME, EXPENSE, INK]),
            legend=alt.Legend(symbolType="square"),
        ),
    )  # fmt: skip
    beside = base.mark_text(align="left", dx=6).encode(x=alt.X("right:Q"), text="signed:N")
    return alt.layer(bars, zero("x"), beside).properties(width=WIDTH - 180, height=BAR * len(rows))


def _bar(
    number: int, label: str, value: Decimal | None, currency: str, *, kind: str, start: Decimal, end: Decimal
) -> dict[str, object]:
    """A bar; its number stands before its name, for two steps may bear the same."""
    told = row(value, currency, label=label, step=f"{number:03d} {label}", kind=kind)
    signed = f"+{told['exact']}" if value is not None and value > 0 else told["exact"]
    return {**told, "signed": signed, "start": drawn(start), "end": drawn(end), "right": drawn(max(start, end))}
