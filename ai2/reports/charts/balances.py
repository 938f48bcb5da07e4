"""Balances over time: a line for each account, told apart by colour, dash and shape."""

from decimal import Decimal
from typing import Any

import altair as alt

from ai2.reports.charts.columns import amount, items, own
from ai2.reports.charts.look import (
    DASHES,
    HEIGHT,
    LINES,
    MOST_POINTS,
    SHAPES,
    WIDTH,
    amounts,
    columns,
    empty,
    finished,
    of,
    row,
    tooltip,
    zero,
)  # fmt: skip
from ai2.reports.charts.model import Chart
from ai2.reports.charts.words import Point, course, nothing
from ai2.reports.model import Table

TITLE, MOST = "Balances over time", 7
LONG = 18


def balances(table: Table) -> Chart:
    """Of a balance sheet: what each account held at the end of each column; what is owed is below zero."""
    found = [(each.key, f"{each.end.day} {each.end:%b %Y}") for each in own(table)]
    held: dict[str, list[Point]] = {}
    for line in items(table, "account-"):
        sign = line.where.sign if line.where else 1
        values = [(label, amount(table, line.key, key)) for key, label in found]
        name = line.label if line.label not in held else f"{line.label} ({len(held) + 1})"
        held[name] = [Point(label, None if value is None else sign * value + 0) for label, value in values]
    summary = " ".join(course(name, points, table.currency) for name, points in _shown(held).items()) or nothing(TITLE)
    title = f"{TITLE}, {table.currency}"
    return Chart(
        name="balances",
        title=title,
        currency=table.currency,
        spec=finished(
            _drawn(_shown(held), table.currency, [label for _, label in found]),
            title, "At the end of each day named; what is owed is below zero", summary,
        ) if held else empty(title, summary),
        columns=("At the end of", *held),
        rows=tuple((label, *(points[at].amount for points in held.values())) for at, (_, label) in enumerate(found)),
        summary=summary,
    )  # fmt: skip


def _shown(held: dict[str, list[Point]]) -> dict[str, list[Point]]:
    """The accounts that ever held most, and all others as one."""
    if len(held) <= MOST:
        return held
    ordered = sorted(held, key=lambda name: (-max(abs(each.amount or Decimal(0)) for each in held[name]), name))
    rest = [held[name] for name in ordered[MOST - 1 :]]
    others = [Point(each[0].label, _sum([point.amount for point in each])) for each in zip(*rest, strict=True)]
    return {name: held[name] for name in ordered[: MOST - 1]} | {f"All {len(rest)} others": others}


def _sum(values: list[Decimal | None]) -> Decimal | None:
    known = [each for each in values if each is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _drawn(held: dict[str, list[Point]], currency: str, labels: list[str]) -> Any:
    rows = [
        row(point.amount, currency, account=name, column=point.label)
        for name, points in held.items()
        for point in points
    ]
    number, names = len(held), list(held)
    given = {
        "x": columns(labels, scale=alt.Scale(type="point", padding=0.4)),
        "y": amounts(currency),
        "color": alt.Color(
            "account:N", scale=alt.Scale(domain=names, range=list(LINES[:number])), legend=_legend(names)
        ),
        "tooltip": tooltip(column="At the end of", account="Account", exact="Balance"),
    }
    dashes = alt.Scale(domain=names, range=[list(each) for each in DASHES[:number]])
    dash = alt.StrokeDash("account:N", scale=dashes, legend=_legend(names))
    shape = alt.Shape("account:N", scale=alt.Scale(domain=names, range=list(SHAPES[:number])), legend=_legend(names))
    line = of(rows).mark_line(strokeWidth=2).encode(strokeDash=dash, **given)
    step = max(len(labels) // MOST_POINTS + 1, 1)
    marked = set(labels[::step]) | set(labels[-1:])
    points = of([each for each in rows if each["column"] in marked]).mark_point(size=46, filled=True, opacity=1).encode(
        shape=shape, **given
    )  # fmt: skip
    return alt.layer(zero(), line, points).properties(width=WIDTH, height=HEIGHT)


def _legend(names: list[str]) -> Any:
    """Long names get the room to be told apart."""
    is_long = max(map(len, names)) > LONG
    return alt.Legend(columns=2 if is_long else 5, labelLimit=300 if is_long else 150)
