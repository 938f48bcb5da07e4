"""Budget against actual: a bar of what was spent, and a mark where the budget ends."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import altair as alt

from ai2.reports.charts.look import (
    BAR,
    BLUE,
    INK,
    MONEY_LABEL,
    VERMILLION,
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
from ai2.reports.charts.words import money, nothing
from ai2.reports.kpis.model import Budgeted

TITLE, MOST, NAMED = "Budget against actual", 18, 3
WITHIN, OVER = "Budget kept", "Budget not kept"


def budget(found: Sequence[Budgeted], currency: str, days: str) -> Chart:
    """Of budgets in one currency, those first that are furthest beyond."""
    ordered = sorted(found, key=lambda each: (each.left, each.category))
    summary = _summary(ordered, currency) if ordered else nothing(TITLE)
    title = f"{TITLE}, {currency}"
    return Chart(
        name="budget",
        title=title,
        currency=currency,
        spec=finished(
            _drawn(ordered[:MOST], currency), title, f"{days}; the upright mark is the budget", summary
        ) if ordered else empty(title, summary),
        columns=("Category", "Budget", "Actual", "Left"),
        rows=tuple((each.category, each.allowed, each.actual, each.left) for each in ordered),
        summary=summary,
    )  # fmt: skip


def _summary(found: Sequence[Budgeted], currency: str) -> str:
    over = [each for each in found if each.is_beyond]
    if not over:
        return (
            f"All {len(found)} budgets are kept." if len(found) > 1 else f"The budget of {found[0].category} is kept."
        )
    told = "; ".join(f"{each.category} by {money(abs(each.left), currency)}" for each in over[:NAMED])
    more = f" and {len(over) - NAMED} more" if len(over) > NAMED else ""
    return f"{len(over)} of {len(found)} budgets are not met: {told}{more}."


def _drawn(found: Sequence[Budgeted], currency: str) -> Any:
    rows = [
        {
            **row(each.actual, currency, category=each.category, kind=OVER if each.is_beyond else WITHIN),
            "planned": drawn(each.allowed),
            "budget": money(each.allowed, currency),
            "left": _left(each, currency),
            "right": drawn(max(each.actual, each.allowed, Decimal(0))),
        }
        for each in found
    ]
    base = of(rows).encode(
        y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=230, labelColor=INK, labelFontSize=12)),
        tooltip=tooltip(category="Category", budget="Budget", exact="Actual", left="Left"),
    )
    bars = base.mark_bar(height=alt.RelativeBandSize(0.55)).encode(
        x=alt.X("amount:Q", title=currency, axis=alt.Axis(labelExpr=MONEY_LABEL, tickCount=6)),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=[WITHIN, OVER], range=[BLUE, VERMILLION]),
            legend=alt.Legend(symbolType="square"),
        ),
    )  # fmt: skip
    mark = base.mark_tick(color=INK, thickness=3, size=BAR * 0.85).encode(x=alt.X("planned:Q"))
    beside = base.mark_text(align="left", dx=8).encode(x=alt.X("right:Q"), text="left:N")
    return alt.layer(bars, zero("x"), mark, beside).properties(width=WIDTH - 180, height=max(BAR * len(rows), 60))


def _left(each: Budgeted, currency: str) -> str:
    if each.is_income:
        return f"{money(abs(each.left), currency)} {'short' if each.left < 0 else 'more' if each.left else 'left'}"
    return f"{money(abs(each.left), currency)} {'over' if each.left < 0 else 'left'}"
