"""Training: an organization's history gone through in the order of time, each part foretold by what came before it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import CONTEXTS, Hashes, Rows, contexts_of
from ml.own.counts import FEATURES, Counts, Floats
from ml.own.evidence import Pairs, pairs_of
from ml.own.linear import Linear, buckets_for, features_of
from ml.own.trees import Trees, grow
from ml.own.trust import UNPROVEN, Trust, measured

ALL = tuple(range(len(CONTEXTS)))
# Words lose their meaning more slowly than the habits of those who file.
HALF_LIFE_DAYS = 240.0
# Below so many rows nothing can be foretold often enough to say whom to believe.
LEAST_ROWS = 400
# The first part is only learnt from; the last one says what scores are worth.
FIRST_PART, PARTS = 0.35, 8
# Enough for the trees; and what is older than the latest so many rows teaches words no more.
ROWS_A_PART, LATEST = 6500, 250_000
SAMPLED = 60_000


@dataclass(frozen=True)
class Fitted:
    """What was learnt: counts in all contexts, words, whom to believe, and what that is worth."""

    counts: Counts
    linear: Linear
    trees: Trees | None
    trust: Trust


@dataclass(frozen=True)
class History:
    """What people chose, in the order of time."""

    rows: Rows
    contexts: Hashes
    labels: NDArray[np.int64]
    weights: Floats
    classes: int

    @classmethod
    def of(cls, rows: Rows, labels: NDArray[np.int64], weights: Floats, classes: int) -> "History":
        return cls(rows, contexts_of(rows, ALL), labels, weights, classes)

    def counts(self, until: int) -> Counts:
        """Of the rows before this one."""
        before = slice(0, until)
        return Counts.of(self.contexts[before], self.labels[before], self.rows.day[before], self.weights[before])


def fit(history: History, seed: int = 0) -> Fitted:
    """Learn from all of it; `trees` is none where there is too little."""
    everything = len(history.labels)
    words = _Words(history, seed)
    if everything < LEAST_ROWS:
        words.learn(everything, passes=3)
        return Fitted(history.counts(everything), words.linear, None, UNPROVEN)
    cuts = (everything * np.linspace(FIRST_PART, 1, PARTS)).astype(int)
    parts = []
    for first, last in pairwise(cuts):
        words.learn(int(first), passes=2 if not parts else 1)
        parts.append(_foretold(history, words, int(first), int(last), seed))
    trust = _worth(_grown(parts[:-1], seed), *parts[-1])
    words.learn(everything)
    return Fitted(history.counts(everything), words.linear, _grown(parts, seed), trust)


Part = tuple[Pairs, NDArray[np.int64]]


def _grown(parts: list[Part], seed: int) -> Trees:
    """Trees that tell what people chose from what else came into question."""
    features = np.concatenate([pairs.features for pairs, _ in parts])
    return grow(features, np.concatenate([labels[pairs.row] == pairs.label for pairs, labels in parts]), seed)


class _Words:
    """The linear model as it goes through the history."""

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._random = np.random.default_rng(seed)
        self._from = max(len(history.labels) - LATEST, 0)
        self._learnt = self._from
        self.linear = Linear.new(buckets_for(history.classes), history.classes)
        self._features = features_of(history.rows.take(np.arange(self._from, len(history.labels))), self.linear.buckets)

    def learn(self, until: int, *, passes: int = 1) -> None:
        """What is new, and some of what was learnt before, so that it is not forgotten; late choices weigh more."""
        until = max(until, min(self._from + 1, len(self._history.labels)))
        old = np.arange(self._from, self._learnt)
        if len(old) > SAMPLED:
            old = np.sort(self._random.choice(old, SAMPLED, replace=False))
        where = np.r_[old, np.arange(self._learnt, until)]
        days = self._history.rows.day[where]
        fading = np.exp2((days - days.max()) / HALF_LIFE_DAYS).astype(np.float32) * self._history.weights[where]
        features = self._features[where - self._from]
        seed = int(self._random.integers(1 << 31))
        self.linear.learn(features, self._history.labels[where], fading, passes=passes, seed=seed)
        self._learnt = until

    def likely(self, where: NDArray[np.intp]) -> Floats:
        return self.linear.probabilities(self._features[np.maximum(where - self._from, 0)])


def _foretold(history: History, words: _Words, first: int, last: int, seed: int) -> Part:
    """A part as what came before it saw it: the pairs of some of its rows, and what people chose for these."""
    where = np.arange(max(first, words._from), last)
    if len(where) > ROWS_A_PART:
        where = np.sort(np.random.default_rng(seed).choice(where, ROWS_A_PART, replace=False))
    rows = history.rows.take(where)
    told = history.counts(first).tell(history.contexts[where], rows.day)
    return pairs_of(rows, [(ALL, told)], words.likely(where)), history.labels[where]


def _worth(trees: Trees, pairs: Pairs, labels: NDArray[np.int64]) -> Trust:
    chosen, score, _ = best(pairs, trees, len(labels))
    return measured(score, chosen == labels)


def best(pairs: Pairs, trees: Trees | None, rows: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """For each row the likeliest category and its share of all that speaks for any; and each pair's share."""
    scores = trees.scores(pairs.features) if trees else plain(pairs)
    raised = np.exp(scores.astype(np.float64))
    shares = (raised / np.bincount(pairs.row, raised, minlength=rows)[pairs.row]).astype(np.float32)
    order = np.lexsort((-shares, pairs.row))
    firsts = order[np.r_[True, pairs.row[order][1:] != pairs.row[order][:-1]]]
    return pairs.label[firsts], shares[firsts], shares


def plain(pairs: Pairs) -> Floats:
    """Without trees the most telling context that knows anything decides, and words where none does."""
    score = pairs.features[:, -5] / 4
    for number in range(len(CONTEXTS)):
        share = np.nan_to_num(pairs.features[:, number * FEATURES])
        score = score + share * (4.0 / (1 + number))
    return score.astype(np.float32)  # type: ignore[no-any-return]
