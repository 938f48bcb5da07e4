"""Intervals: conformal, from what the chosen forecasts missed at months of the past.

A miss is scaled by how much its series changes from month to month; then the misses of all series of a group stand for
one another, and a series' own the more, the more of them there are. Where misses lie to one side, so does the
interval. Last, all intervals of a group are stretched or shrunk by what would have made them right most lately.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ml.cashflow.panel import Floats

LEVELS = (0.80, 0.95)
# A series' own misses weigh as much as its group's once there are so many.
TRUST = 24
# The group is told in so many quantiles; of fewer misses no quantile is believed, but a spread is.
POINTS, LEAST = 200, 20
# How many of the last origins say whether intervals are too wide or too narrow.
LATELY = 3
TINY = 1e-9


def around(scores: Floats, group: NDArray[np.int64]) -> dict[float, Floats]:
    """The lower and the upper end around each forecast by level, scaled: series x 2; nan where nothing is known.

    `scores` are scaled misses, series x origins in order of time, nan where there is none. A group of -1 has been
    still for a year.
    """
    shares = [share for level in LEVELS for share in ((1 - level) / 2, (1 + level) / 2)]
    found = quantiles(scores, group, shares)
    known = np.isfinite(scores).any(axis=0)
    lately = scores[:, np.flatnonzero(known)[-LATELY:]]
    ends: dict[float, Floats] = {}
    for at, level in enumerate(LEVELS):
        each = found[:, 2 * at : 2 * at + 2]
        each[:, 0], each[:, 1] = np.minimum(each[:, 0], 0), np.maximum(each[:, 1], 0)
        for kind in np.unique(group):
            rows = group == kind
            each[rows] *= _stretch(lately[rows], each[rows], level)
        ends[level] = each
    return ends


def _stretch(lately: Floats, ends: Floats, level: float) -> float:
    """By how much these ends would have to be longer to hold this share of the last misses."""
    lower, upper = ends[:, :1], ends[:, 1:]
    needed = np.where(lately > 0, lately / np.maximum(upper, TINY), lately / np.minimum(lower, -TINY))
    counted = needed[np.isfinite(needed)]
    if len(counted) < LEAST:
        return 1.0
    share = min(level * (1 + 1 / len(counted)), 1.0)
    found = float(np.quantile(counted, share, method="higher"))
    # beyond this there was no width to stretch, and more of none is none
    return found if found < 1 / TINY**0.5 else 1.0


def quantiles(scores: Floats, group: NDArray[np.int64], shares: Sequence[float]) -> Floats:
    """Quantiles of each series' scores, its group's among them: series x shares."""
    found = np.full((len(scores), len(shares)), np.nan)
    everyone = scores[np.isfinite(scores)]
    for each in np.unique(group):
        rows = np.flatnonzero(group == each)
        pool = scores[rows][np.isfinite(scores[rows])]
        if len(pool) < LEAST:  # too few of its kind: all kinds together
            pool = everyone
        if len(pool) < LEAST:
            found[rows] = _of_few(pool, shares)
            continue
        told = np.quantile(pool, (np.arange(POINTS) + 0.5) / POINTS)
        # what comes next is one more of them: with n it is beyond all others once in n + 1
        wider = [min(max(0.5 + (share - 0.5) * (1 + 1 / len(pool)), 0.0), 1.0) for share in shares]
        found[rows] = _mixed(scores[rows], told, wider)
    return found


def _mixed(own: Floats, told: Floats, shares: Sequence[float]) -> Floats:
    """Quantiles of the group's scores and a series' own together, by weight, for many series at once."""
    is_known = np.isfinite(own)
    counted = is_known.sum(axis=1, keepdims=True)
    trust = counted / (counted + TRUST)
    weight = np.hstack([np.broadcast_to((1 - trust) / POINTS, (len(own), POINTS)),
                        is_known * trust / np.maximum(counted, 1)])  # fmt: skip
    known = np.hstack([np.broadcast_to(told, (len(own), POINTS)), np.where(is_known, own, np.inf)])
    order = np.argsort(known, axis=1)
    reached = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    ordered = np.take_along_axis(known, order, axis=1)
    last = POINTS + counted - 1
    at = [np.minimum((reached < share - TINY).sum(axis=1, keepdims=True), last) for share in shares]
    return np.take_along_axis(ordered, np.hstack(at), axis=1)


def _of_few(pool: Floats, shares: Sequence[float]) -> Floats:
    """By Student's t around zero: wide, as few misses say little. Of fewer than three nothing is said."""
    if len(pool) < 3:
        return np.full(len(shares), np.nan)
    freedom = len(pool) - 1
    spread = float(np.sqrt((pool**2).sum() / freedom * (1 + 1 / len(pool))))
    return np.array([_student(share, freedom) * spread for share in shares])


def _student(share: float, freedom: int) -> float:
    """Student's t by Hill's series in the normal quantile: within 5 % from two degrees of freedom on."""
    z = NormalDist().inv_cdf(share)
    terms = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    found: float = z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))
    return found
