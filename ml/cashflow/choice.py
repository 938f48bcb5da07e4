"""Choice: which candidate each series goes by: the one that missed least at months of the past."""

import numpy as np
from numpy.typing import NDArray

from ml.cashflow.panel import Floats
from ml.cashflow.rehearsal import Rehearsal

# A series' own misses weigh as much as all series' once it has so many: by few, chance would choose.
TRUST = 60
# One odd month does not decide.
WORST = 10.0


def choose(rehearsal: Rehearsal, origin: int) -> NDArray[np.int64]:
    """The candidate of each series, by its place in `names`, told only what had come before the origin."""
    own, counted = misses(rehearsal, origin)
    # of all series that have any, each as much as the others
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(counted > 0, own / counted, np.nan)
    if not (counted > 0).any():
        return np.full(len(counted), rehearsal.names.index("mean_of_half_year"))
    of_all = np.nanmean(each, axis=1, keepdims=True)
    best: NDArray[np.int64] = np.argmin((own + TRUST * of_all) / (counted + TRUST), axis=0)
    return best


def misses(rehearsal: Rehearsal, origin: int) -> tuple[Floats, Floats]:
    """The sum of each candidate's scaled misses by series (candidates x series), and how many there were of each."""
    known = rehearsal.known_at(origin)
    missed = np.abs(rehearsal.said - rehearsal.came[None]) / rehearsal.scale[None, :, :, None]
    missed = np.where(known[None, None] & np.isfinite(missed), np.minimum(missed, WORST), np.nan)
    return np.nansum(missed, axis=(2, 3)), np.isfinite(missed[0]).sum(axis=(1, 2)).astype(float)
