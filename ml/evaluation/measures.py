"""What is said of answers: how many are right, how far the confidence can be believed, what is decided alone."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Two-sided 95 %.
Z = 1.959964
BINS = 10
PRECISIONS = (0.90, 0.95)


@dataclass(frozen=True)
class Answered:
    """For each row what was right, what was said (empty: nothing), how sure, and whether it is done unasked."""

    truth: NDArray[np.object_]
    said: NDArray[np.object_]
    confidence: NDArray[np.floating[Any]]
    is_applied: NDArray[np.bool_]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        return np.asarray(self.truth == self.said)


def measured(answered: Answered) -> dict[str, Any]:
    """Every figure, each share with its interval: {"share", "low", "high", "of"}."""
    is_right, is_applied = answered.is_right, answered.is_applied
    return {
        "rows": len(is_right),
        "accuracy": share(int(is_right.sum()), len(is_right)),
        "applied": share(int(is_applied.sum()), len(is_right)),
        "applied_precision": share(int(is_right[is_applied].sum()), int(is_applied.sum())),
        "coverage": {
            f"{precision:.2f}": share(covered(answered.confidence, is_right, precision), len(is_right))
            for precision in PRECISIONS
        },
        "calibration_error": calibration_error(answered.confidence, is_right),
        "by_category": by_category(answered),
    }


def share(hits: int, of: int) -> dict[str, Any] | None:
    """A share with its 95 % interval (Wilson 1927); none of nothing."""
    if not of:
        return None
    p = hits / of
    middle, spread = p + Z * Z / (2 * of), Z * sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
    low, high = (middle - spread) / (1 + Z * Z / of), (middle + spread) / (1 + Z * Z / of)
    return {"share": round(p, 4), "low": round(max(low, 0.0), 4), "high": round(min(high, 1.0), 4), "of": of}


def covered(confidence: NDArray[Any], is_right: NDArray[np.bool_], precision: float) -> int:
    """How many of the surest rows can be answered while this share of them is right.

    Rows that are equally sure are taken together: no threshold could tell them apart.
    """
    order = np.argsort(-confidence, kind="stable")
    precisions = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    sure = confidence[order]
    ends = np.append(sure[1:] != sure[:-1], True) if len(sure) else np.zeros(0, dtype=bool)
    good = np.flatnonzero(ends & (precisions >= precision))
    return int(good[-1]) + 1 if len(good) else 0


def calibration_error(confidence: NDArray[Any], is_right: NDArray[np.bool_]) -> float | None:
    """The mean gap between confidence and share right over ten bins, weighted by their rows."""
    if not len(confidence):
        return None
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    gaps = np.abs(np.bincount(bins, confidence, BINS) - np.bincount(bins, is_right.astype(float), BINS))
    return round(float(gaps[rows > 0].sum() / len(confidence)), 4)


def by_category(answered: Answered) -> dict[str, dict[str, Any]]:
    """For each true category its rows, how many were found (recall), and how many of those said were so (precision)."""
    is_right = answered.is_right
    told = {}
    for name in sorted(set(answered.truth)):
        is_so, is_said = answered.truth == name, answered.said == name
        told[str(name)] = {
            "rows": int(is_so.sum()),
            "recall": share(int(is_right[is_so].sum()), int(is_so.sum())),
            "precision": share(int(is_right[is_said].sum()), int(is_said.sum())),
        }
    return told
