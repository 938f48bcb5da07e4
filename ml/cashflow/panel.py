"""A panel: monthly series side by side, each from the month it begins in, and what of them was known in advance."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
YEAR = 12
# A pattern counts as known from its third time on, as long as that is when it would have been found.
SEEN = 3


@dataclass(frozen=True)
class Pattern:
    """A known recurring amount: its series' row, what it came to each month, and every how many months it comes.

    `ahead` is what is expected of it in the months after the last.
    """

    row: int
    amounts: Floats
    every: int
    ahead: Floats | None = None

    def until(self, origin: int, horizon: int) -> tuple[Floats, Floats] | None:
        """What it was before a month, and what was to be expected from it on; none while it was not known.

        At months of the past that is what it last came to, whenever it was due: nothing is known of what came later.
        """
        past = self.amounts[:origin]
        at = np.flatnonzero(past)
        if self.ahead is not None and origin == len(self.amounts):
            return past, self.ahead[:horizon]
        if len(at) < SEEN or origin - at[-1] > 2 * self.every:
            return None
        ahead = np.zeros(horizon)
        ahead[(np.arange(origin, origin + horizon) - at[-1]) % self.every == 0] = past[at[-1]]
        return past, ahead


@dataclass(frozen=True)
class Panel:
    """`values` is series x months, nan before a series begins; `calendar` is the month of the year of the first, 0-11.

    `is_positive` names those that are never below zero. Where the month after the last has begun, `begun` is what each
    series had come to by the same day of each month, that month's last.
    """

    values: Floats
    calendar: int
    is_positive: NDArray[np.bool_]
    patterns: Sequence[Pattern] = field(default=())
    begun: Floats | None = None

    @property
    def months(self) -> int:
        return int(self.values.shape[1])

    def before(self, origin: int, horizon: int) -> tuple[Floats, Floats]:
        """The history before a month without what recurs, and what was known to recur from then on."""
        rest, ahead = self.values[:, :origin].copy(), np.zeros((len(self.values), horizon))
        for pattern in self.patterns:
            if known := pattern.until(origin, horizon):
                rest[pattern.row] -= known[0]
                ahead[pattern.row] += known[1]
        return rest, ahead


def lengths(history: Floats) -> NDArray[np.int64]:
    """How many months each series has."""
    return np.asarray((~np.isnan(history)).sum(axis=1))


def scales(history: Floats) -> Floats:
    """How much each series changes from month to month, on average of two years; its level where it never does.

    What a forecast misses is told in it, so that series of any size can be compared and share their scores.
    """
    recent = history[:, -2 * YEAR - 1 :]
    moved = mean(np.abs(np.diff(recent, axis=1)))
    level = mean(np.abs(recent))
    return np.where(moved > 0, moved, np.where(level > 0, level / YEAR, np.nan))


def mean(values: Floats) -> Floats:
    """The mean of each row's known values; nan of none."""
    known = ~np.isnan(values)
    counted = known.sum(axis=1)
    return np.where(counted > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(counted, 1), np.nan)


def median(values: Floats) -> Floats:
    """The median of each row's known values; nan of none."""
    counted = (~np.isnan(values)).sum(axis=1)
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)  # nan last
    rows, at = np.arange(len(values)), np.maximum(counted - 1, 0)
    both: Floats = (ordered[rows, at // 2] + ordered[rows, (at + 1) // 2]) / 2
    return np.where(counted > 0, both, np.nan)
