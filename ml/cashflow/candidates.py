"""Candidates: plain ways to go on with monthly series, all series at once. Each is months before -> months ahead."""

from collections.abc import Callable, Mapping

import numpy as np

from ml.cashflow.panel import YEAR, Floats, mean, median

Candidate = Callable[[Floats, int], Floats]
WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
WARMING = 4


def seasonal_naive(history: Floats, horizon: int) -> Floats:
    """The same month of last year; the mean of half a year where there was none."""
    else_mean = mean(history[:, -YEAR // 2 :])
    months = history.shape[1]
    ahead = np.repeat(else_mean[:, None], horizon, axis=1)
    for step in range(horizon):
        at = months - YEAR + step % YEAR
        if at >= 0:
            ahead[:, step] = np.where(np.isnan(history[:, at]), else_mean, history[:, at])
    return ahead


def mean_of_half_year(history: Floats, horizon: int) -> Floats:
    return _flat(mean(history[:, -YEAR // 2 :]), horizon)


def median_of_year(history: Floats, horizon: int) -> Floats:
    return _flat(median(history[:, -YEAR:]), horizon)


def smoothing(history: Floats, horizon: int) -> Floats:
    """Simple exponential smoothing, each series with the weight that missed least so far."""
    rows = np.arange(len(history))
    levels, missed = zip(*(_smoothed(history, weight) for weight in WEIGHTS), strict=True)
    return _flat(np.stack(levels)[np.argmin(np.stack(missed), axis=0), rows], horizon)


def _smoothed(history: Floats, weight: float) -> tuple[Floats, Floats]:
    known = ~np.isnan(history)
    begins = np.where(known.any(axis=1), known.argmax(axis=1), history.shape[1])
    first = np.where(np.arange(history.shape[1])[None] < (begins + WARMING)[:, None], history, np.nan)
    level, missed = np.nan_to_num(mean(first)), np.zeros(len(history))
    for month, is_known in zip(history.T, known.T, strict=True):
        surprise = np.where(is_known, month - level, 0)
        missed += np.abs(surprise)
        level = level + weight * surprise
    return level, missed


def _flat(level: Floats, horizon: int) -> Floats:
    return np.repeat(np.nan_to_num(level)[:, None], horizon, axis=1)


PLAIN: Mapping[str, Candidate] = {
    "seasonal_naive": seasonal_naive,
    "mean_of_half_year": mean_of_half_year,
    "median_of_year": median_of_year,
    "smoothing": smoothing,
}
