"""Scoring: what the fitted pipeline computes, without the 2 ms that its general steps take for one row.

Words come again and again, so where the parts of a word fall is remembered; the rest is one sparse product.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.pipeline import Pipeline
from sklearn.utils import murmurhash3_32

from ml.categoriser.features import between, parts, split_line

Floats = NDArray[np.float32]
# So many words and their parts are 60 MB; then the memory begins anew.
REMEMBERED = 100_000


class Scorer:
    """A fitted pipeline taken apart; it gives the pipeline's probabilities to within rounding."""

    def __init__(self, pipeline: Pipeline) -> None:
        classifier = pipeline["classify"]
        self.classes: NDArray[Any] = classifier.classes_
        self.knots: NDArray[np.float64] = classifier.knots_
        self.blended_knots: NDArray[np.float64] = getattr(classifier, "blended_knots_", classifier.knots_)
        self._weights: Floats = classifier.weights_
        self._bias: Floats = classifier.bias_
        self._rarity: Floats = pipeline["weigh"].idf_.astype(np.float32)
        self._words: dict[str, list[int]] = {}

    def probabilities(self, lines: Sequence[str]) -> Floats:
        """One row for each rendered line, one column for each class."""
        scores: Floats = self._features(lines) @ self._weights + self._bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def strength(self, word: str, chosen: int) -> float:
        """How much one word of a line speaks for a class; below zero it speaks against it."""
        bucket = self._bucket(word) if "=" in word else self._parts(word)[0]
        return float(self._weights[bucket, chosen] * self._rarity[bucket])

    def _features(self, lines: Sequence[str]) -> csr_matrix:
        """As the hasher and the weighing make them: rarity times the logarithm of the count, of length one."""
        buckets: list[int] = []
        ends = [0]
        for line in lines:
            self._add(line, buckets)
            ends.append(len(buckets))
        counts = np.ones(len(buckets), dtype=np.float32)
        features = csr_matrix((counts, np.array(buckets, dtype=np.int32), ends), shape=(len(lines), len(self._rarity)))
        features.sum_duplicates()
        features.data = (1 + np.log(features.data)) * self._rarity[features.indices]
        lengths = np.diff(features.indptr)
        squares = np.zeros(len(lines), dtype=np.float32)
        full = lengths > 0
        squares[full] = np.add.reduceat(features.data**2, features.indptr[:-1][full])
        features.data /= np.repeat(np.sqrt(squares), lengths)
        return features

    def _add(self, line: str, buckets: list[int]) -> None:
        known, words = split_line(line)
        buckets.extend(map(self._bucket, known))
        for word in words:
            buckets.extend(self._parts(word))
        buckets.extend(map(self._bucket, between(words)))

    def _parts(self, word: str) -> list[int]:
        """The buckets of a word and of its parts, the word's own first."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) >= REMEMBERED:
                self._words.clear()
            found = self._words[word] = [self._bucket(part) for part in parts(word)]
        return found

    def _bucket(self, feature: str) -> int:
        """As scikit-learn's feature hasher does it, signs left out."""
        return int(abs(murmurhash3_32(feature)) % len(self._rarity))
