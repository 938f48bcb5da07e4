"""Scoring: what the fitted pipeline computes, without the 2 ms that its general steps take for one row."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils import murmurhash3_32

from ml.categoriser.features import tokens

Floats = NDArray[np.float32]


class Scorer:
    """A fitted pipeline taken apart; it gives the pipeline's probabilities to within rounding."""

    def __init__(self, pipeline: Pipeline) -> None:
        classifier = pipeline["classify"]
        self.classes: NDArray[Any] = classifier.classes_
        self.knots: NDArray[np.float64] = classifier.knots_
        self._weights: Floats = classifier.weights_
        self._bias: Floats = classifier.bias_
        self._rarity: Floats = pipeline["weigh"].idf_.astype(np.float32)

    def probabilities(self, lines: Sequence[str]) -> Floats:
        """One row for each rendered line, one column for each class."""
        scores = np.stack([self._scores(line) for line in lines])
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def strength(self, feature: str, chosen: int) -> float:
        """How much one feature speaks for a class; below zero it speaks against it."""
        bucket = self._bucket(feature)
        return float(self._weights[bucket, chosen] * self._rarity[bucket])

    def _scores(self, line: str) -> Floats:
        buckets, counts = np.unique(np.fromiter(self._buckets(line), dtype=np.int64), return_counts=True)
        if not len(buckets):
            return self._bias
        values = (1 + np.log(counts, dtype=np.float32)) * self._rarity[buckets]
        values /= np.sqrt(values @ values)
        scores: Floats = values @ self._weights[buckets] + self._bias
        return scores

    def _buckets(self, line: str) -> Iterator[int]:
        return map(self._bucket, tokens(line))

    def _bucket(self, feature: str) -> int:
        """As scikit-learn's feature hasher does it, signs left out."""
        return int(abs(murmurhash3_32(feature)) % len(self._rarity))
