"""Trust: what a score is worth, and from where on an organization's own model may decide alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.own.counts import Floats

# What is applied alone is right at least so often, and we are so sure of that.
WANTED, SURENESS = 0.95, 0.95
# Thresholds are looked for at so many places only: the more are tried, the more one is good by chance.
PLACES = 25
ROWS_A_KNOT = 100


@dataclass(frozen=True)
class Trust:
    """Confidence for a score by linear interpolation, and the least one that is applied alone (none: nothing is)."""

    scores: Floats
    confidences: Floats
    threshold: float | None

    def confidence(self, scores: Floats) -> Floats:
        return np.interp(scores, self.scores, self.confidences).astype(np.float32)


# Without a measured past nothing is applied alone, and a score is worth half of what it says.
UNPROVEN = Trust(np.array([0, 1], np.float32), np.array([0, 0.5], np.float32), None)


def measured(scores: Floats, is_right: NDArray[np.bool_]) -> Trust:
    """What scores were worth on rows that the model had not seen when it scored them."""
    from sklearn.isotonic import IsotonicRegression

    if len(scores) < ROWS_A_KNOT:
        return UNPROVEN
    fitted = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores, is_right)
    knots = np.quantile(scores, np.linspace(0, 1, min(len(scores) // ROWS_A_KNOT, 200) + 1)).astype(np.float32)
    knots = np.unique(knots)
    confidences = fitted.predict(knots).astype(np.float32) + np.linspace(0, 1e-4, len(knots), dtype=np.float32)
    trust = Trust(knots, np.minimum(confidences, 0.999), None)
    return Trust(knots, trust.confidences, threshold(trust.confidence(scores), is_right))


def threshold(confidences: Floats, is_right: NDArray[np.bool_]) -> float | None:
    """The least confidence from which on so much was right that WANTED is met, as far as the past can tell."""
    order = np.argsort(-confidences, kind="stable")
    sure, right = confidences[order], np.cumsum(is_right[order])
    found = None
    for place in np.unique(np.linspace(1, len(sure), PLACES + 1).astype(int)[1:] - 1):
        last = int(np.searchsorted(-sure, -sure[place], side="right")) - 1
        if least_share(int(right[last]), last + 1) >= WANTED:
            found = float(sure[last])
    return found


def least_share(right: int, rows: int) -> float:
    """The share that is right at the least, SURENESS sure: the one-sided exact bound (Clopper, Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(1 - SURENESS, right, rows - right + 1)) if right else 0.0
