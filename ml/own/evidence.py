"""Evidence: for each row the categories that come into question, and all that speaks for each of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import CONTEXTS, OF_MERCHANT, Rows
from ml.own.counts import FEATURES, Floats, Told

# From each context and from the linear model so many categories come into question.
FROM_CONTEXT, FROM_LINEAR = 6, 6
_PAIR = 1 << 13
# What is known besides what contexts say; the first is the words' own.
BESIDES = 6
WIDTH = len(CONTEXTS) * FEATURES + BESIDES
# What was learnt is as stale as this at the most; trees have seen no more.
MOST_STALE = 400


@dataclass(frozen=True)
class Pairs:
    """Pairs of a row and a category, sorted by row; `features` (pairs x WIDTH) has nan where nothing is known."""

    row: NDArray[np.int64]
    label: NDArray[np.int64]
    features: Floats


def pairs_of(rows: Rows, told: list[tuple[tuple[int, ...], Told]], likely: Floats, today: int) -> Pairs:
    """`told` by the contexts that were asked; `likely` is the linear model's word (rows x categories, of which it may
    not know the latest); `today` is the day up to which all of it was learnt."""
    named = [each.row[chosen] * _PAIR + each.label[chosen] for _, each in told if len(chosen := _first(each))]
    top = min(FROM_LINEAR, likely.shape[1])
    best = np.argpartition(-likely, top - 1, axis=1)[:, :top]
    named.append((np.arange(len(rows))[:, None] * _PAIR + best).ravel())
    pairs = np.unique(np.concatenate(named))
    features = np.full((len(pairs), WIDTH), np.nan, np.float32)
    for which, each in told:
        asked = each.row * _PAIR + each.label
        at = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
        there = pairs[at] == asked
        column = np.asarray(which)[each.context[there]] * FEATURES
        for number in range(FEATURES):
            features[at[there], column + number] = each.features[there, number]
    row, label = pairs // _PAIR, pairs % _PAIR
    _say_the_rest(features, rows, row, _of_label(likely, row, label), likely)
    features[:, -1] = np.clip(rows.day - today, 0, MOST_STALE)[row]
    return Pairs(row, label, features)


def _first(told: Told) -> NDArray[np.intp]:
    return np.flatnonzero(told.rank < FROM_CONTEXT)


def _of_label(likely: Floats, row: NDArray[np.int64], label: NDArray[np.int64]) -> Floats:
    """Words have nothing against a category that is newer than they are."""
    is_known = label < likely.shape[1]
    return np.where(is_known, likely[row, np.where(is_known, label, 0)], likely.max(axis=1)[row])


def _say_the_rest(features: Floats, rows: Rows, row: NDArray[np.int64], own: Floats, likely: Floats) -> None:
    rest = features[:, len(CONTEXTS) * FEATURES :]
    rest[:, 0] = np.log(own + 1e-6)
    rest[:, 1] = np.log(likely.max(axis=1) + 1e-6)[row]
    rest[:, 2] = rows.size[row]
    rest[:, 3] = rows.money_in[row]
    rest[:, 4] = np.bincount(row, minlength=len(rows))[row]


def spoken(features: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Of each pair the first context that speaks for it (-1: none), how often, and of how many choices in it."""
    kept = features[:, : len(CONTEXTS) * FEATURES].reshape(len(features), len(CONTEXTS), FEATURES)
    share = np.nan_to_num(kept[:, :, 1])
    context = np.where(share.max(axis=1, initial=0) > 0, (share > 0).argmax(axis=1), -1)
    chosen = kept[np.arange(len(features)), np.maximum(context, 0)]
    all_times = np.expm1(np.nan_to_num(chosen[:, 2])).astype(np.float32)
    times = np.nan_to_num(chosen[:, 1]) * (all_times + np.float32(0.5))
    return context.astype(np.int64), times.astype(np.float32), all_times


def seen(pairs: Pairs, rows: int) -> NDArray[np.bool_]:
    """Whether anything was ever chosen for a row's merchant."""
    columns = [number * FEATURES for number in OF_MERCHANT]
    is_known = ~np.isnan(pairs.features[:, columns]).all(axis=1)
    return np.bincount(pairs.row, is_known, minlength=rows) > 0
