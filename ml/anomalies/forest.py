"""An isolation forest over how far a row lies from what is usual: what is odd all together, if not in one thing."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.anomalies.known import Floats

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

SEED, TREES, SAMPLE, ROWS = 20261128, 100, 512, 8192
Matrix = np.ndarray[Any, np.dtype[np.float64]]


def grow(features: Matrix) -> "IsolationForest":
    """A forest of what is usual. The same rows make the same forest."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, len(features)), random_state=SEED, n_jobs=1)
    return forest.fit(features)


def oddness(forest: "IsolationForest", features: Matrix) -> Floats:
    """0 to 1, above one half where a row is easier to set apart than most (Liu, Ting and Zhou 2008)."""
    return np.asarray(-forest.score_samples(features), dtype=np.float64)


def sampled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows to grow a forest from, the same each time."""
    return rows if len(rows) <= ROWS else rows.sample(ROWS, random_state=SEED)
