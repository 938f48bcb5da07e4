"""Judging: the rows of a period against what was known before it. Pure: the same rows give the same answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ml.anomalies import amounts, duplicates, signs
from ml.anomalies.known import NEAR_DAYS, Floats, Known, looked_up

Place = int | np.signedinteger[Any]
Kind = Literal["duplicate_charge", "unusual_amount", "new_merchant_large", "sign_flip"]
# Below so many rows nothing is normal yet; of one merchant, so many rows of one sign say which one is.
LEAST_ROWS, LEAST_OF_SIGN = 30, 10
LEAST_OF_MERCHANT = 2
# So many of the last rows say what is ordinary.
ORDINARY = 5000


@dataclass(frozen=True)
class Bars:
    """From where on something is told, for each kind. `habit` is the share of rows that are most often repeated: to
    have these twice is no surprise, unless it is one (`no_habit`) in books where next to nothing comes twice.

    Chosen on the purchase cards of 2015 and measured on those of 2016: benchmarks/anomalies.py.
    """

    habit: float = 0.18
    duplicate: float = 1.2
    no_habit: float = 3.5
    near: float = 5.0
    constant: float = 1.4
    steady: float = 1.7
    highest: float = 0.9
    newcomer: float = 1.05
    pooled: float = 2.0
    sign: float = 8.0


@dataclass(frozen=True)
class Found:
    """A row, by its place among the judged, why it is told, how sure, and the place of the row it is like, or none."""

    place: int
    kind: Kind
    score: float
    of: int | None = None
    gap_days: int | None = None


def judge(known: Known, rows: pd.DataFrame, contexts: Sequence[str], bars: Bars | None = None) -> list[Found]:
    """What stands out among `rows`, prepared together with those before them that `known` was learnt from."""
    if known.overall.rows < LEAST_ROWS or rows.empty:
        return []
    found: dict[int, Found] = {}
    for each in _all(known, rows, contexts, bars or Bars()):
        if each.place not in found or found[each.place].score < each.score:
            found[each.place] = each
    return [found[place] for place in sorted(found)]


def _all(known: Known, rows: pd.DataFrame, contexts: Sequence[str], bars: Bars) -> Iterator[Found]:
    yield from _duplicates(known, rows, contexts, bars)
    yield from _signs(known, rows, bars)
    yield from _amounts(known, rows, contexts, bars)


def score(beyond: Floats | float) -> Floats:
    """One half where a bar is met, towards 1 beyond it, by the logistic curve."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(beyond))), dtype=np.float64)


def _duplicates(known: Known, rows: pd.DataFrame, contexts: Sequence[str], bars: Bars) -> Iterator[Found]:
    gap = rows["twin_gap"].to_numpy()
    ordinary = duplicates.surprise(known, known.rows.tail(ORDINARY), contexts)
    bar = min(max(bars.duplicate, float(np.quantile(ordinary, bars.habit))), bars.no_habit)
    beyond = duplicates.surprise(known, rows, contexts) - np.where(gap == 0, bar, bar + bars.near)
    for at in np.flatnonzero((gap >= 0) & (gap <= NEAR_DAYS) & (beyond >= 0)):
        yield Found(
            _place(rows, at), "duplicate_charge", _at(beyond, at), int(rows["twin_of"].iloc[int(at)]), int(gap[at])
        )


def _signs(known: Known, rows: pd.DataFrame, bars: Bars) -> Iterator[Found]:
    count = looked_up(rows["merchant"], known.merchants["rows"], 0)
    beyond = signs.surprise(known, rows) - bars.sign
    candidates = np.flatnonzero((count >= LEAST_OF_SIGN) & (beyond >= 0))
    if not len(candidates):
        return
    refund = signs.is_refund(known, rows)
    for at in candidates[~refund[candidates]]:
        yield Found(_place(rows, at), "sign_flip", _at(beyond, at))


def _amounts(known: Known, rows: pd.DataFrame, contexts: Sequence[str], bars: Bars) -> Iterator[Found]:
    """What passes its merchant's own history, and what is large for its contexts where there is little or none."""
    count = looked_up(rows["merchant"], known.merchants["rows"], 0)
    is_named = rows["merchant"].to_numpy() >= 0
    highest = amounts.above_highest(known, rows) - bars.highest
    own = np.fmax(highest, amounts.above_median(known, rows) - bars.steady)
    enough = count >= amounts.ENOUGH
    own = np.fmax(np.where(enough, own, -np.inf), amounts.above_constant(known, rows) - bars.constant)
    for at in np.flatnonzero(is_named & (own >= 0)):
        yield Found(_place(rows, at), "unusual_amount", _at(own, at))
    large = amounts.above_contexts(known, rows, contexts)
    passes = is_named & ~enough & (rows["log"].to_numpy() >= known.overall.high)
    little = np.minimum(large - bars.pooled, highest)
    for at in np.flatnonzero(passes & (count >= LEAST_OF_MERCHANT) & (little >= 0)):
        yield Found(_place(rows, at), "unusual_amount", _at(little, at))
    new = large - bars.newcomer
    for at in np.flatnonzero(passes & (count == 0) & ~rows["merchant"].duplicated().to_numpy() & (new >= 0)):
        yield Found(_place(rows, at), "new_merchant_large", _at(new, at))


def _place(rows: pd.DataFrame, at: Place) -> int:
    return int(rows["place"].iloc[int(at)])


def _at(beyond: Floats, at: Place) -> float:
    return round(float(score(beyond[at])), 4)
