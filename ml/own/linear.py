"""A softmax over hashed words, parts of words, attributes and amount: for merchants that nobody filed yet."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ml.own.contexts import Hashes, Rows, distinct_of, hash_of, mixed

Floats = NDArray[np.float32]
# Weights of all classes together; kept at a byte each, and most of them are nothing.
MOST_WEIGHTS = 1 << 21
LEAST_MOVED = 1e-3
LEAST_BUCKETS, MOST_BUCKETS = 1 << 9, 1 << 16
BATCH, RATE = 256, 0.5
# So much of how far it was moved is remembered when it learns on.
FORGOTTEN = 0.5
PARTS, PART_WEIGHT = (3, 4), 0.35
# What is known besides words. Rarer pairs are left to the counts.
CROSSED = (
    ("key",), ("a1",), ("a2",), ("a3",), ("band",), ("a1", "a2"), ("a2", "band"), ("key", "a2"), ("first", "a1"),
    ("first", "a3"),
)  # fmt: skip


def buckets_for(classes: int) -> int:
    """As many buckets, a power of two, as the weights have room for."""
    room = MOST_WEIGHTS // max(classes, 1)
    return int(min(max(1 << (max(room, 1).bit_length() - 1), LEAST_BUCKETS), MOST_BUCKETS))


@dataclass
class Linear:
    """Weights (buckets x classes) and how far each was moved, which steers the next step (AdaGrad, Duchi 2011).

    Kept at a byte each, with a unit for each class; then it learns no more and has no `moved`.
    """

    weights: Floats | NDArray[np.int8]
    bias: Floats
    unit: Floats
    moved: Floats
    moved_bias: Floats

    @classmethod
    def new(cls, buckets: int, classes: int) -> "Linear":
        return cls(
            np.zeros((buckets, classes), np.float32),
            np.zeros(classes, np.float32),
            np.ones(classes, np.float32),
            np.full((buckets, classes), LEAST_MOVED, np.float32),
            np.full(classes, LEAST_MOVED, np.float32),
        )

    def small(self) -> "Linear":
        """The same at a byte a weight, for good."""
        if self.weights.dtype == np.int8:
            return self
        unit = np.maximum(np.abs(self.weights).max(axis=0), 1e-6).astype(np.float32) / 127
        return Linear.kept(np.rint(self.weights / unit).astype(np.int8), self.bias, unit)

    @classmethod
    def kept(cls, weights: NDArray[np.int8], bias: Floats, unit: Floats) -> "Linear":
        nothing = np.zeros((0, 0), np.float32)
        return cls(weights, bias, unit, nothing, nothing[0:0, :].ravel())

    @property
    def may_learn(self) -> bool:
        """Not where it is kept small."""
        return self.weights.dtype != np.int8

    def going_on(self, classes: int) -> "Linear":
        """A copy that learns on, perhaps more classes, by steps that are not as small as its last ones."""
        more = (0, classes - len(self.bias))
        return Linear(
            np.pad(np.asarray(self.weights, np.float32), ((0, 0), more)),
            np.pad(self.bias, more, constant_values=self.bias.min(initial=0)),
            np.pad(self.unit, more, constant_values=1),
            np.pad(self.moved * FORGOTTEN, ((0, 0), more), constant_values=LEAST_MOVED),
            np.pad(self.moved_bias * FORGOTTEN, more, constant_values=LEAST_MOVED),
        )

    @property
    def buckets(self) -> int:
        return len(self.weights)

    def learn(
        self, features: csr_matrix, labels: NDArray[np.int64], weights: Floats, *, passes: int = 1, seed: int = 0
    ) -> None:
        """Go over the examples some times more, from where it stands."""
        random = np.random.default_rng(seed)
        for _ in range(passes):
            order = random.permutation(len(labels))
            for start in range(0, len(order), BATCH):
                self._step(features, labels, weights, order[start : start + BATCH])

    def _step(self, features: csr_matrix, labels: NDArray[np.int64], weights: Floats, chosen: NDArray[np.intp]) -> None:
        used, batch = _used(features[chosen])
        error = _softmax(batch @ self.weights[used] + self.bias)
        error[np.arange(len(chosen)), labels[chosen]] -= 1
        error *= weights[chosen, None]
        gradient = batch.T @ error
        self.moved[used] += gradient**2
        self.weights[used] -= RATE * gradient / np.sqrt(self.moved[used])
        of_bias = error.sum(axis=0)
        self.moved_bias += of_bias**2
        self.bias -= RATE * of_bias / np.sqrt(self.moved_bias)

    def probabilities(self, features: csr_matrix) -> Floats:
        """One row for each example, one column for each class."""
        if features.shape[0] == 1:
            alone = features.data @ self.weights[features.indices].astype(np.float32)
            return _softmax((alone * self.unit + self.bias)[None])
        used, features = _used(features)
        return _softmax((features @ self.weights[used].astype(np.float32)) * self.unit + self.bias)


def _used(features: csr_matrix) -> tuple[NDArray[np.int64], csr_matrix]:
    """The buckets that these rows have at all, and the rows in these buckets alone."""
    used, columns = np.unique(features.indices, return_inverse=True)
    return used, csr_matrix((features.data, columns, features.indptr), shape=(features.shape[0], len(used)))


def _softmax(scores: Floats) -> Floats:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def features_of(rows: Rows, buckets: int) -> csr_matrix:
    """The features of each row, hashed, each row of length one."""
    distinct, where = distinct_of(rows.keys)
    words = [_words(str(key), buckets) for key in distinct]
    crossed = [mixed(rows, names) for names in CROSSED]
    return _joined(words, where, np.stack(crossed, axis=1), buckets)


def _words(key: str, buckets: int) -> tuple[NDArray[np.int64], Floats]:
    """Words, pairs of them, and their parts, which weigh less: there are many."""
    words = key.split()
    whole = [f"word={word}" for word in words] + [f"pair={one} {other}" for one, other in pairwise(words)]
    padded = [f" {word} " for word in words]
    parts = [word[at : at + size] for word in padded for size in PARTS for at in range(len(word) - size + 1)]
    found = np.array([_bucket(each, buckets) for each in [*whole, *parts]], np.int64)
    return found, np.r_[np.ones(len(whole)), np.full(len(parts), PART_WEIGHT)].astype(np.float32)


@lru_cache(maxsize=1 << 17)
def _bucket(feature: str, buckets: int) -> int:
    return hash_of("feature", feature) % buckets


def _joined(
    words: list[tuple[NDArray[np.int64], Floats]], where: NDArray[np.intp], crossed: Hashes, buckets: int
) -> csr_matrix:
    """Words of each row (row n has `words[where[n]]`) and what it has besides."""
    lengths = np.array([len(found) for found, _ in words])
    starts = np.cumsum(lengths) - lengths
    of_words = np.repeat(starts[where], lengths[where]) + _counting(lengths[where])
    there = crossed != 0
    rows = np.r_[np.repeat(np.arange(len(where)), lengths[where]), np.nonzero(there)[0]]
    columns = np.r_[
        np.concatenate([found for found, _ in words])[of_words], (crossed[there] % np.uint64(buckets)).astype(np.int64)
    ]
    values = np.r_[np.concatenate([value for _, value in words])[of_words], np.ones(int(there.sum()), np.float32)]
    values /= np.sqrt(np.bincount(rows, values**2, minlength=len(where)))[rows]
    values = values.astype(np.float32)
    if len(where) == 1:
        return csr_matrix((values, columns, np.array([0, len(columns)])), shape=(1, buckets))
    return csr_matrix((values, (rows, columns)), shape=(len(where), buckets))


def _counting(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... of each length, one after the other."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
