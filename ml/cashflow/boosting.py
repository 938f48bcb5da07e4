"""Boosting: one gradient-boosted model for all series of a panel, told the calendar and each series' recent past.

It learns by how much a month differs from the median of the year before, in units of how much the series changes
from month to month, and minimises absolute misses: a month unlike all others teaches it little.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from ml.cashflow.panel import YEAR, Floats, lengths, mean, median, scales

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

# A series has so many months before it teaches or is told anything; and so many rows make a model.
LEAST_MONTHS, LEAST_ROWS = 6, 100
LAGS = 6
# It learns of each of the next months, and of every other later one.
DENSE = 3
# What is further off than this teaches no more than this.
FURTHEST = 8.0
MOST_ROWS = 60_000


def fit(history: Floats, horizon: int, calendar: int) -> "HistGradientBoostingRegressor | None":
    """A model of all that is known; none where that is too little."""
    told = [
        _told(history, origin, step, calendar)
        for origin in range(LEAST_MONTHS, history.shape[1])
        for step in range(min(horizon, history.shape[1] - origin))
        if step < DENSE or step % 2
    ]
    if not told:
        return None
    rows, off = np.concatenate([each[0] for each in told]), np.concatenate([each[1] for each in told])
    if len(rows) < LEAST_ROWS:
        return None
    every = -(-len(rows) // MOST_ROWS)
    model = _unfitted(len(rows) // every)
    rows[:, np.isnan(rows).all(axis=0)] = 0.0  # what nobody knows, as last year in a first one: it cannot be binned
    with _one_core():
        return model.fit(rows[::every], np.clip(off[::every], -FURTHEST, FURTHEST))


def predict(model: "HistGradientBoostingRegressor | None", history: Floats, horizon: int, calendar: int) -> Floats:
    """What the model says of the months ahead; the median of the year where there is no model, or too short a past."""
    level, scale, is_told = _measures(history)
    ahead = np.repeat(np.nan_to_num(level)[:, None], horizon, axis=1)
    if model is None or not is_told.any():
        return ahead
    rows = np.concatenate([_features(history, step, calendar)[is_told] for step in range(horizon)])
    with _one_core():
        off = model.predict(rows).reshape(horizon, -1).T
    ahead[is_told] += off * scale[is_told, None]
    return ahead


def _one_core() -> AbstractContextManager[object]:
    """So little work takes ten times as long on several cores, where others want them too."""
    from threadpoolctl import threadpool_limits

    limited: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limited


def _unfitted(rows: int) -> "HistGradientBoostingRegressor":
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=min(40, max(10, rows // 50)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )


def _told(history: Floats, origin: int, step: int, calendar: int) -> tuple[Floats, Floats]:
    """What was known before a month of the past, and how far off what came so many months later was."""
    past = history[:, :origin]
    level, scale, is_told = _measures(past)
    off = (history[:, origin + step] - level)[is_told] / scale[is_told]
    return _features(past, step, calendar)[is_told], off


def _measures(past: Floats) -> tuple[Floats, Floats, np.ndarray]:
    level, scale = median(past[:, -YEAR:]), scales(past)
    return level, scale, np.isfinite(scale) & (lengths(past) >= LEAST_MONTHS)


def _features(past: Floats, step: int, calendar: int) -> Floats:
    """What is known of each series at the end of its past about the month `step` after the next."""
    months, (level, scale, _) = past.shape[1], _measures(past)
    year = past[:, -YEAR:]
    last_year = months + step - YEAR
    around = past[:, max(last_year - 1, 0) : max(last_year + 2, 0)]
    recent = [past[:, months - lag] if lag <= months else np.full(len(past), np.nan) for lag in range(1, LAGS + 1)]
    levels = [
        *recent, mean(past[:, -3:]), mean(past[:, -LAGS:]), median(past[:, -LAGS:]), mean(year),
        # a column of nothing but nan has no place in a tree
        past[:, last_year] if last_year >= 0 else level, mean(around) if last_year >= 0 else level,
    ]  # fmt: skip
    moved = np.where(np.nan_to_num(past) != 0, np.arange(months)[None], -1).max(axis=1)
    of_all = np.nansum(past, axis=0)
    season = of_all[last_year] / max(of_all[-YEAR:].mean(), 1e-9) if last_year >= 0 else 1.0
    told = [
        level / scale, mean(np.abs(year - level[:, None])) / scale, mean((year == 0).astype(float)),
        lengths(past), months - moved,
        *(np.full(len(past), each) for each in (season, step, (calendar + months + step) % YEAR)),
    ]  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([*((each - level) / scale for each in levels), *told], axis=1)
