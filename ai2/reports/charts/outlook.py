"""The forecast: what was, what is expected, and between what it will lie 80 and 95 times of 100."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import altair as alt

from ai2.reports.charts.look import (
    BLUE,
    HEIGHT,
    INK,
    SKY,
    WIDTH,
    amounts,
    columns,
    drawn,
    empty,
    finished,
    of,
    row,
    tooltip,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart, Value
from ai2.reports.charts.words import Point, course, money, nothing
from ml.cashflow.telling import Range

WAS, EXPECTED = "Was", "Expected"


def forecast(
    what: str, was: Sequence[Point], ahead: Sequence[tuple[date, Range]], currency: str, reason: str | None
) -> Chart:
    """`was` are the months before, `ahead` those to come."""
    title = f"{what}, forecast, {currency}"
    told = [(f"{month:%b %Y}", each) for month, each in ahead]
    summary = _summary(what, was, told, currency, reason)
    return Chart(
        name="forecast",
        title=title,
        currency=currency,
        spec=finished(
            _drawn(was, told, currency), title,
            "Dashed is expected; it lies in the dark band 80 times of 100, in the light one 95 times", summary,
        ) if told else empty(title, summary),
        columns=("Month", WAS, EXPECTED, "Low (80 %)", "High (80 %)", "Low (95 %)", "High (95 %)"),
        rows=(*((point.label, point.amount, *[None] * 5) for point in was), *map(_row, told)),
        summary=summary,
    )  # fmt: skip


def _row(told: tuple[str, Range]) -> tuple[Value, ...]:
    label, each = told
    return (label, None, each.amount, each.low_80, each.high_80, each.low_95, each.high_95)


def _summary(
    what: str, was: Sequence[Point], told: Sequence[tuple[str, Range]], currency: str, reason: str | None
) -> str:
    if not told:
        return f"{what}: there is no forecast: {reason}." if reason else nothing(what)
    said = [course(f"{what} so far", was, currency)]
    for label, each in told[:1]:
        between = (
            f", and 80 times of 100 between {money(each.low_80, currency)} and {money(each.high_80, currency)}"
            if each.low_80 is not None
            else ""
        )
        said.append(f"{label} is expected to come to {money(each.amount, currency)}{between}.")
    if len(told) > 1:
        said.append(course(f"{what} expected", [Point(label, each.amount) for label, each in told], currency))
    return " ".join(filter(None, said))


def _drawn(was: Sequence[Point], told: Sequence[tuple[str, Range]], currency: str) -> Any:
    past = [row(each.amount, currency, column=each.label, kind=WAS) for each in was]
    ahead = [
        {
            **row(each.amount, currency, column=label, kind=EXPECTED),
            "low_80": drawn(each.low_80), "high_80": drawn(each.high_80),
            "low_95": drawn(each.low_95), "high_95": drawn(each.high_95),
            "in_80": f"{money(each.low_80, currency)} to {money(each.high_80, currency)}",
            "in_95": f"{money(each.low_95, currency)} to {money(each.high_95, currency)}",
        }
        for label, each in told
    ]  # fmt: skip
    seen = {each["column"] for each in ahead}
    past = [each for each in past if each["column"] not in seen]
    labels = [each["column"] for each in [*past, *ahead]]
    x = columns(labels, scale=alt.Scale(type="point", padding=0.4))
    bands = [
        of(ahead).mark_area(color=SKY, opacity=opacity).encode(
            x=x, y=amounts(currency, f"low_{level}"), y2=alt.Y2(f"high_{level}:Q")
        )
        for level, opacity in ((95, 0.25), (80, 0.45))
    ]  # fmt: skip
    edges = [
        of(ahead).mark_rule(color=BLUE, opacity=0.35).encode(x=x, y=amounts(currency, "low_95"), y2="high_95:Q")
    ] if len(ahead) == 1 else []  # fmt: skip
    known = of(past).mark_line(color=INK, strokeWidth=2).encode(x=x, y=amounts(currency))
    # the dashed line begins where the other ends
    joined = [*past[-1:], *ahead]
    dashed = of(joined).mark_line(color=BLUE, strokeWidth=2, strokeDash=[6, 4]).encode(x=x, y=amounts(currency))
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=[WAS, EXPECTED], range=["circle", "diamond"]))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=[WAS, EXPECTED], range=[INK, BLUE]))
    points = of([*past, *ahead]).mark_point(filled=True, size=48, opacity=1).encode(
        x=x, y=amounts(currency), shape=shape, color=colour,
        tooltip=tooltip(column="Month", kind="What", exact="Amount", in_80="80 times of 100", in_95="95 times of 100"),
    )  # fmt: skip
    return alt.layer(*bands, *edges, zero(), known, dashed, points).properties(width=WIDTH, height=HEIGHT)
