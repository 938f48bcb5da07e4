"""Look: colours, letters and axes of every chart, so that all of them are of one hand.

The colours are Okabe and Ito's (2008), which the colour-blind tell apart; what they tell is always told by a place, a
dash, a shape or a word besides.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import altair as alt

from ai2.reports.charts.model import Spec
from ai2.reports.charts.words import money

INK, SOFT, GRID, QUIET = "#1F2933", "#52606D", "#E4E7EB", "#7B8794"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
INCOME, EXPENSE, NET = BLUE, VERMILLION, INK
LINES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, INK, SKY)
DASHES = ([1, 0], [8, 3], [2, 2], [10, 3, 2, 3], [5, 2], [14, 4], [4, 6])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
WIDTH, HEIGHT, BAR = 680, 300, 26
# So many labels lie beside each other without touching; of points on a line, so many are still points.
MOST_LABELS, MOST_POINTS = 13, 36
MONEY_LABEL = (
    "abs(datum.value) >= 1e9 ? format(datum.value / 1e9, ',.4~g') + ' bn' : "
    "abs(datum.value) >= 1e6 ? format(datum.value / 1e6, ',.4~g') + ' m' : format(datum.value, ',.6~g')"
)
# Metrically the same letters: those of the person's system, and those that images are drawn with.
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "white",
    "padding": 14,
    "view": {"stroke": None},
    "title": {
        "anchor": "start", "frame": "group", "fontSize": 16, "fontWeight": 600, "color": INK, "offset": 14,
        "subtitleColor": SOFT, "subtitleFontSize": 12, "subtitlePadding": 5,
    },
    "axis": {
        "labelColor": SOFT, "labelFontSize": 11, "titleColor": SOFT, "titleFontSize": 11, "titleFontWeight": "normal",
        "domain": False, "ticks": False, "gridColor": GRID, "labelPadding": 7,
    },
    "legend": {
        "orient": "top", "direction": "horizontal", "title": None, "labelColor": INK, "labelFontSize": 12,
        "symbolSize": 130, "labelLimit": 190, "columnPadding": 18, "offset": 6, "columns": 3,
    },
    "bar": {"cornerRadius": 1.5},
    "text": {"fontSize": 11, "color": INK},
}  # fmt: skip


def drawn(amount: Decimal | None) -> float | None:
    """An amount for a place on paper, and for nothing else."""
    return None if amount is None else float(amount)


def row(amount: Decimal | None, currency: str, **told: Any) -> dict[str, Any]:
    """A datum: where it lies, and what it says exactly."""
    return {**told, "amount": drawn(amount), "exact": money(amount, currency)}


def of(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A chart of this data."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def amounts(currency: str, field: str = "amount", **more: Any) -> Any:
    """The axis on which amounts are read."""
    return alt.Y(f"{field}:Q", title=currency, axis=alt.Axis(labelExpr=MONEY_LABEL, tickCount=6), **more)


def columns(labels: Sequence[str], **more: Any) -> Any:
    """The axis of days, in their order; of many every so manyth has its label."""
    step = max(math.ceil(len(labels) / MOST_LABELS), 1)
    axis = alt.Axis(
        values=list(labels[::step]), labelAngle=0, grid=False, labelOverlap=True,
        labelExpr="split(datum.label, ' ')", labelLineHeight=13,
    )  # fmt: skip
    return alt.X("column:N", sort=list(labels), title=None, axis=axis, **more)


def width_of(labels: Sequence[str]) -> Any:
    """How wide a column's bar is: of few columns no wider than a bar should be."""
    return 90 if len(labels) * 140 < WIDTH else alt.RelativeBandSize(1)


def tooltip(**titles: str) -> list[Any]:
    """What is told of the thing pointed at: fields and what they are called."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def zero(on: str = "y") -> Any:
    """The line at nothing, where amounts lie on both sides of it."""
    return of([{"zero": 0}]).mark_rule(color=QUIET, strokeWidth=1).encode(**{on: alt.datum(0)})


def finished(chart: Any, title: str, subtitle: str, summary: str) -> Spec:
    """The specification, with the look of all and what it says for who cannot see it."""
    told = chart.properties(title=alt.TitleParams(text=title, subtitle=subtitle), description=summary)
    spec: Spec = told.to_dict(validate=False)
    spec["config"] = CONFIG
    return spec


def empty(title: str, summary: str) -> Spec:
    """What is drawn where there is nothing to draw: the words that say so."""
    words = of([{"text": "Nothing to show in these days"}])
    return finished(
        words.mark_text(fontSize=13, color=SOFT).encode(text="text:N").properties(width=WIDTH, height=80),
        title, "", summary,
    )  # fmt: skip


def together(specs: Sequence[Spec]) -> Spec:
    """Several charts below each other in one picture, each by scales of its own."""
    if len(specs) == 1:
        return specs[0]
    parts = [{key: value for key, value in spec.items() if key not in ("$schema", "config")} for spec in specs]
    return {
        "$schema": specs[0]["$schema"],
        "config": CONFIG,
        "vconcat": parts,
        "spacing": 40,
        "description": " ".join(str(spec.get("description", "")) for spec in specs),
        "resolve": {
            "scale": dict.fromkeys(("x", "y", "color", "shape", "strokeDash"), "independent"),
            "legend": dict.fromkeys(("color", "shape", "strokeDash"), "independent"),
        },
    }
