"""A trend: how something went, where it is heading, and which months of the year are usually more or less."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt

from ai2.books.rates.service import rounded
from ai2.reports.charts.look import (
    BLUE,
    HEIGHT,
    INK,
    MOST_POINTS,
    VERMILLION,
    WIDTH,
    amounts,
    columns,
    drawn,
    empty,
    finished,
    of,
    row,
    tooltip,
    width_of,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart
from ai2.reports.charts.words import Point, course, money, nothing
from ai2.reports.kpis.trends import Trend

MONTHS = [f"{date(2000, month, 1):%b}" for month in range(1, 13)]
MEANT, LINE = "Month", "Direction"


def trend(found: Trend) -> Chart:
    """Of a series by month."""
    series = found.series
    points = [Point(f"{each.month:%b %Y}", each.amount) for each in series.points]
    title = f"{series.label}, trend, {series.currency}"
    is_empty = not any(each.amount for each in points)
    summary = nothing(series.label) if is_empty else " ".join(
        filter(None, (course(series.label, points, series.currency), _heading(found), _seasons(found)))
    )  # fmt: skip
    return Chart(
        name="trend",
        title=title,
        currency=series.currency,
        spec=empty(title, summary) if is_empty else finished(_drawn(found, points), title, _heading(found), summary),
        columns=("Month", series.label, "Usually more or less in this month of the year"),
        rows=tuple(
            (point.label, point.amount, _effect(found, each.month))
            for point, each in zip(points, series.points, strict=True)
        ),
        summary=summary,
    )


def _effect(found: Trend, month: date) -> Decimal | None:
    own = next((each for each in found.seasons.seasons if each.season == month.month), None)
    return None if own is None else rounded(Decimal(repr(own.effect)), found.series.currency)


def _heading(found: Trend) -> str:
    known = found.direction
    if known.per_month is None:
        return ""
    if not known.is_significant:
        return f"No direction over the last {known.months} months that chance would not make."
    way = "Rises" if known.per_month > 0 else "Falls"
    return f"{way} by {money(abs(known.per_month), found.series.currency)} a month over the last {known.months} months."


def _seasons(found: Trend) -> str:
    known = found.seasons
    if not known.seasons:
        return ""
    if not known.is_significant:
        return "Months of the year do not differ by more than chance."
    high, low = (pick(known.seasons, key=lambda each: each.effect) for pick in (max, min))
    told = [
        f"{MONTHS[each.season - 1]} usually {word} by {money(abs(_rounded(each.effect, found)), found.series.currency)}"
        for each, word in ((high, "higher"), (low, "lower"))
    ]
    return f"{told[0]}, {told[1]}."


def _rounded(value: float, found: Trend) -> Decimal:
    return rounded(Decimal(repr(value)), found.series.currency)


def _drawn(found: Trend, points: Sequence[Point]) -> Any:
    currency, labels = found.series.currency, [each.label for each in points]
    x = columns(labels, scale=alt.Scale(type="point", padding=0.4))
    rows = [row(each.amount, currency, column=each.label) for each in points]
    line = of(rows).mark_line(
        color=BLUE, strokeWidth=2, strokeJoin="round",
        point=alt.OverlayMarkDef(color=BLUE, filled=True, size=40 if len(points) <= MOST_POINTS else 14),
    ).encode(x=x, y=amounts(currency), tooltip=tooltip(column="Month", exact="Amount"))  # fmt: skip
    layers = [zero(), line]
    heading = _line(found)
    if heading:
        layers.append(
            of(heading).mark_line(color=INK, strokeDash=[6, 4], strokeWidth=1.5).encode(x=x, y=amounts(currency))
        )
    above = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    if not found.seasons.is_significant:
        return above
    return alt.vconcat(above, _season_bars(found), spacing=28)


def _line(found: Trend) -> list[dict[str, object]]:
    """Sen's line over the months it is of, through their medians."""
    known, whole = found.direction, found.series.whole()[-found.direction.months :]
    if not known.is_significant or known.per_month is None:
        return []
    steps = sorted(amount - known.per_month * at for at, (_, amount) in enumerate(whole))
    begin = steps[len(steps) // 2]
    return [
        {"column": f"{month:%b %Y}", "amount": drawn(begin + known.per_month * at)}
        for at, (month, _) in enumerate(whole)
    ]


def _season_bars(found: Trend) -> Any:
    currency = found.series.currency
    rows = [
        row(
            _rounded(each.effect, found), currency,
            column=MONTHS[each.season - 1], kind="Usually more" if each.effect >= 0 else "Usually less",
        )
        for each in found.seasons.seasons
    ]  # fmt: skip
    bars = of(rows).mark_bar(width=width_of(MONTHS)).encode(
        x=columns(MONTHS, scale=alt.Scale(paddingInner=0.3)),
        y=amounts(currency),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["Usually more", "Usually less"], range=[BLUE, VERMILLION]),
            legend=None,
        ),
        tooltip=tooltip(column="Month of the year", kind="What", exact="By"),
    )  # fmt: skip
    return alt.layer(bars, zero()).properties(
        width=WIDTH, height=HEIGHT // 2, title=alt.TitleParams(text="Month of the year, beside its trend", fontSize=13)
    )
