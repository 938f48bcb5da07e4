"""Duplicates: the same merchant, amount and context within days, where that is no habit of either."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.anomalies.known import Floats, Known, looked_up

# How much what is known of the context, of the price's own repeats and of its commonness tells, measured on two years
# of purchase cards (benchmarks/anomalies.py); a large amount is seldom paid twice on purpose.
CONTEXT, REPEATS, COMMON, LARGE = 1.5, 0.7, 0.25, 0.15


def surprise(known: Known, rows: pd.DataFrame, contexts: Sequence[str]) -> Floats:
    """How little a second row like each of these is to be expected: the negative logarithm of how often it is."""
    overall = known.overall
    often = np.log(looked_up(rows["merchant"], known.merchants["twins"], overall.twins))
    for name in contexts:
        of_context = looked_up(rows[name], known.contexts[name]["twins"], overall.twins)
        often += CONTEXT / len(contexts) * np.log(of_context / overall.twins)
    prices = pd.MultiIndex.from_frame(rows[["merchant", "amount"]])
    before = known.prices.reindex(prices).fillna(0)
    often += REPEATS * np.log1p(before["twins"].to_numpy()) + COMMON * np.log1p(before["times"].to_numpy())
    often -= LARGE * (rows["log"].to_numpy() - overall.median)
    return np.asarray(-often, dtype=np.float64)
