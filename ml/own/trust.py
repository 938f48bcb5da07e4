"""Trust: what a score is worth, and from where on an organization's own model may decide alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.own.counts import Floats

# What is applied alone is right at least so often, and we are so sure of that.
WANTED, SURENESS = 0.95, 0.95
# Habits change after a training: so much is to be right in the past that WANTED is met later.
AIMED = 0.965
# Thresholds are looked for at so many places only: the more are tried, the more one is good by chance.
PLACES = 25
ROWS_A_KNOT = 60


@dataclass(frozen=True)
class Trust:
    """Confidence for a score by linear interpolation, and the least one that is applied alone (none: nothing is)."""

    scores: Floats
    confidences: Floats
    threshold: float | None
    # of the rows that it was measured on: the share that was right, that is applied, and that was right of these
    right: float | None = None
    applied: float | None = None
    applied_right: float | None = None

    def measured(self) -> dict[str, float | None]:
        """What is told of it."""
        told = {"right": self.right, "applied": self.applied, "applied_right": self.applied_right}
        return {**told, "applies_from": self.threshold}

    def confidence(self, scores: Floats) -> Floats:
        return np.interp(scores, self.scores, self.confidences).astype(np.float32)


# Without a measured past nothing is applied alone, and a score is worth half of what it says.
UNPROVEN = Trust(np.array([0, 1], np.float32), np.array([0, 0.5], np.float32), None)


@dataclass(frozen=True)
class Trusts:
    """Merchants that were seen before are one thing, new ones another."""

    seen: Trust
    new: Trust

    def confidence(self, scores: Floats, is_seen: NDArray[np.bool_]) -> Floats:
        return np.where(is_seen, self.seen.confidence(scores), self.new.confidence(scores))

    def applied(self, confidences: Floats, is_seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What the model may decide alone."""
        least = [np.inf if each.threshold is None else each.threshold for each in (self.new, self.seen)]
        return confidences >= np.array(least)[is_seen.astype(int)]  # type: ignore[no-any-return]


NOTHING_PROVEN = Trusts(UNPROVEN, UNPROVEN)


def proven(
    scores: Floats, is_right: NDArray[np.bool_], is_seen: NDArray[np.bool_], is_natural: NDArray[np.bool_]
) -> Trusts:
    """Merchants of which something was held back tell of new ones only."""
    known = is_seen & is_natural
    return Trusts(measured(scores[known], is_right[known]), measured(scores[~is_seen], is_right[~is_seen]))


def measured(scores: Floats, is_right: NDArray[np.bool_]) -> Trust:
    """What scores were worth on rows that the model had not seen when it scored them."""
    from sklearn.isotonic import IsotonicRegression

    if len(scores) < ROWS_A_KNOT:
        return UNPROVEN
    fitted = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(scores, is_right)
    knots = np.quantile(scores, np.linspace(0, 1, min(len(scores) // ROWS_A_KNOT, 200) + 1)).astype(np.float32)
    knots = np.unique(knots)
    confidences = fitted.predict(knots).astype(np.float32) + np.linspace(0, 1e-4, len(knots), dtype=np.float32)
    confidences = np.minimum(confidences, 0.999)
    sure = np.interp(scores, knots, confidences).astype(np.float32)
    least = threshold(sure, is_right)
    applied = sure >= least if least is not None else np.zeros(len(sure), bool)
    applied_right = round(float(is_right[applied].mean()), 4) if applied.any() else None
    shares = round(float(is_right.mean()), 4), round(float(applied.mean()), 4)
    return Trust(knots, confidences, least, *shares, applied_right)


def threshold(confidences: Floats, is_right: NDArray[np.bool_]) -> float | None:
    """The least confidence from which on so much was right that AIMED is met, as far as the past can tell."""
    order = np.argsort(-confidences, kind="stable")
    sure, right = confidences[order], np.cumsum(is_right[order])
    found = None
    for place in np.unique(np.linspace(1, len(sure), PLACES + 1).astype(int)[1:] - 1):
        last = int(np.searchsorted(-sure, -sure[place], side="right")) - 1
        if least_share(int(right[last]), last + 1) >= AIMED:
            found = float(sure[last])
    return found


def least_share(right: int, rows: int) -> float:
    """The share that is right at the least, SURENESS sure: the one-sided exact bound (Clopper, Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(1 - SURENESS, right, rows - right + 1)) if right else 0.0
