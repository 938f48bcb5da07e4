"""Lines: the monthly series of the books that are forecast, and which of them add up to which."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

import numpy as np

from ai2.books.rates.service import Rate
from ml.cashflow.outlook import Parts
from ml.cashflow.panel import Floats, Panel
from ml.cashflow.span import Span, between

Flow = Literal["income", "expense", "transfers"]
Of = Literal["all", "account", "category"]
# Lines beyond these, least money first, are forecast together: nobody reads so many.
MOST = 300


@dataclass(frozen=True)
class Line:
    """Income, expense or own transfers (in less out) of a currency, of an account or a category of it.

    The category none is what has no category yet.
    """

    of: Of
    currency: str
    key: UUID | None
    flow: Flow


@dataclass(frozen=True)
class Lines:
    """The panel's rows by line, and after them the sums: `net`, and `change` with transfers, of whom they are told."""

    rows: dict[Line, int]
    panel: Panel
    parts: list[Parts]
    sums: Floats
    sums_of: dict[tuple[str, Of, str, UUID | None], int]
    # lines of least money that are only in the whole
    left_out: frozenset[Line]


def lines(found: Sequence[Mapping[str, Any]], span: Span) -> Lines:
    """The lines of what was booked by month; of the month that has begun, what was booked by its day."""
    width = span.whole + 1
    moved: dict[Line, Floats] = {}
    for row in found:
        column = between(span.first, row["month"])
        for line, whole, begun in _of_row(row):
            moved.setdefault(line, np.zeros((2, width)))[:, column] += (whole, begun)
    left_out = _least(moved)
    rows = sorted(moved.keys() - left_out, key=lambda line: (line.currency, line.of, str(line.key), line.flow))
    both = np.stack([moved[line] for line in rows]) if rows else np.zeros((0, 2, width))
    panel = Panel(
        values=_since_first(both[:, 0, :-1]),
        calendar=span.first.month - 1,
        is_positive=np.array([line.flow != "transfers" for line in rows], dtype=bool),
        begun=both[:, 1] if span.day is not None else None,
    )
    sums, sums_of = _sums(rows)
    parts = [] if left_out else list(_parts(rows))
    return Lines({line: at for at, line in enumerate(rows)}, panel, parts, sums, sums_of, left_out)


def converted(
    days: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, date], Rate], into: str, day: int | None
) -> list[dict[str, Any]]:
    """Each day's income and expense by that day's rate, for the whole alone; what has no rate is not in it."""
    return [
        {
            "month": row["booked_on"].replace(day=1), "account_id": None, "currency": into, "is_transfer": False,
            "money_in": came, "money_out": went,
            "begun_in": came if is_begun else 0.0, "begun_out": went if is_begun else 0.0,
        }
        for row in days
        if (rate := known[row["currency"], row["booked_on"]].rate) is not None
        for came, went in [(float(row["income"] * rate), float(row["expense"] * rate))]
        for is_begun in [day is not None and row["booked_on"].day <= day]
    ]  # fmt: skip


def _of_row(row: Mapping[str, Any]) -> Iterator[tuple[Line, float, float]]:
    """What a total adds to which lines, in its whole month and by the day."""
    keys: list[tuple[Of, UUID | None]] = [("all", None)]
    if row["account_id"]:
        keys.append(("account", row["account_id"]))
        keys += [] if row["is_transfer"] else [("category", row["category_id"])]
    for of, key in keys:
        if row["is_transfer"]:
            net, begun = row["money_in"] - row["money_out"], row["begun_in"] - row["begun_out"]
            yield Line(of, row["currency"], key, "transfers"), net, begun
            continue
        if row["money_in"]:
            yield Line(of, row["currency"], key, "income"), row["money_in"], row["begun_in"]
        if row["money_out"]:
            yield Line(of, row["currency"], key, "expense"), row["money_out"], row["begun_out"]


def _least(moved: Mapping[Line, Floats]) -> frozenset[Line]:
    """The lines of least money, where there are too many."""
    apart = [line for line in moved if line.of != "all"]
    by_money = sorted(apart, key=lambda line: (-float(np.abs(moved[line][0]).sum()), str(line)))
    return frozenset(by_money[MOST:])


def _since_first(values: Floats) -> Floats:
    begun = np.cumsum(values != 0, axis=1) > 0
    return np.where(begun, values, np.nan)


def _parts(rows: Sequence[Line]) -> Iterator[Parts]:
    """What of accounts and of categories adds up to the whole."""
    for whole, line in enumerate(rows):
        if line.of != "all" or line.flow == "transfers":
            continue
        for of in ("account", "category"):
            same = (of, line.currency, line.flow)
            yield Parts(whole, [at for at, each in enumerate(rows) if (each.of, each.currency, each.flow) == same])


def _sums(rows: Sequence[Line]) -> tuple[Floats, dict[tuple[str, Of, str, UUID | None], int]]:
    """Net is income less expense; the change of what is held is net and transfers."""
    whose = dict.fromkeys((line.of, line.currency, line.key) for line in rows if line.of != "category")
    sums = np.zeros((2 * len(whose), len(rows)))
    places: dict[tuple[str, Of, str, UUID | None], int] = {}
    for number, (of, currency, key) in enumerate(whose):
        for at, line in enumerate(rows):
            if (line.of, line.currency, line.key) == (of, currency, key):
                sign = -1.0 if line.flow == "expense" else 1.0
                sums[2 * number, at] = sign if line.flow != "transfers" else 0.0
                sums[2 * number + 1, at] = sign
        places["net", of, currency, key] = len(rows) + 2 * number
        places["change", of, currency, key] = len(rows) + 2 * number + 1
    return sums, places
