"""Training: an organization's history gone through in the order of time, each part foretold by what came before it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ml.own.contexts import CONTEXTS, Hashes, Rows, contexts_of, scrambled
from ml.own.counts import FEATURES, Counts, Floats
from ml.own.evidence import BESIDES, Pairs, pairs_of, seen
from ml.own.linear import Linear, buckets_for, features_of
from ml.own.trees import Trees, grow
from ml.own.trust import NOTHING_PROVEN, Trusts, proven

ALL = tuple(range(len(CONTEXTS)))
# Words lose their meaning more slowly than the habits of those who file.
HALF_LIFE_DAYS = 240.0
# Below so many rows nothing can be foretold often enough to say whom to believe.
LEAST_ROWS = 400
# The first part is only learnt from; the others are of a month each, as far as so few or so many of them can be; the
# last third says what scores are worth.
FIRST_PART, FEWEST_PARTS, MOST_PARTS, DAYS_A_PART, PROVING = 0.3, 6, 12, 30, 3
# Enough for the trees, and of what came after each part, as a model sees it that was long not learnt anew; and what is
# older than the latest so many rows teaches words no more.
ROWS, LATER_PCT, LATEST = 42_000, 25, 250_000
PASSES = 2
# Of so many merchants of a part it is tried out what is worth believing while they are new.
HELD_BACK_PCT = 12


@dataclass(frozen=True)
class Fitted:
    """What was learnt: counts in all contexts, words, whom to believe, and what that is worth."""

    counts: Counts
    linear: Linear
    trees: Trees | None
    trust: Trusts


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

    def counts(self, where: NDArray[np.intp]) -> Counts:
        """Of these rows."""
        return Counts.of(self.contexts[where], self.labels[where], self.rows.day[where], self.weights[where])


def fit(history: History, seed: int = 0) -> Fitted:
    """Learn from all of it; `trees` is none where there is too little."""
    everything = np.arange(len(history.labels))
    words = _Words(history, seed)
    if len(everything) < LEAST_ROWS:
        return Fitted(history.counts(everything), words.learn(everything), None, NOTHING_PROVEN)
    parts = [_foretold(history, words, part) for part in _parts(history.rows.day, seed)]
    proving = len(parts) // PROVING
    trust = _worth(_grown(parts[:-proving], seed), parts[-proving:])
    return Fitted(history.counts(everything), words.learn(everything), _grown(parts, seed), trust)


@dataclass(frozen=True)
class Part:
    """Some rows as what came before them saw them, and what people chose for them; `is_natural` where nothing of
    their merchant was held back."""

    pairs: Pairs
    labels: NDArray[np.int64]
    is_natural: NDArray[np.bool_]


def _grown(parts: list[Part], seed: int) -> Trees:
    """Trees that tell what people chose from what else came into question."""
    features = np.concatenate([part.pairs.features for part in parts])
    return grow(features, np.concatenate([part.labels[part.pairs.row] == part.pairs.label for part in parts]), seed)


class _Words:
    """The linear model of what was known at some point of the history."""

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._seed = seed
        self._from = max(len(history.labels) - LATEST, 0)
        latest = history.rows.take(np.arange(self._from, len(history.labels)))
        self._buckets = buckets_for(history.classes)
        self._features = features_of(latest, self._buckets)

    def learn(self, where: NDArray[np.intp]) -> Linear:
        """From nothing: one that goes on from where it was keeps what it learnt first, and late choices weigh more."""
        where = where[where >= self._from] if (where >= self._from).any() else where[-1:]
        days = self._history.rows.day[where]
        fading = np.exp2((days - days.max()) / HALF_LIFE_DAYS).astype(np.float32) * self._history.weights[where]
        linear = Linear.new(self._buckets, self._history.classes)
        linear.learn(self._of(where), self._history.labels[where], fading, passes=PASSES, seed=self._seed)
        return linear

    def likely(self, linear: Linear, where: NDArray[np.intp]) -> Floats:
        return linear.probabilities(self._of(where))

    def _of(self, where: NDArray[np.intp]) -> csr_matrix:
        return self._features[np.maximum(where - self._from, 0)]


def taught(linear: Linear, rows: Rows, labels: NDArray[np.int64], weights: Floats, classes: int) -> Linear:
    """The words knowing these rows too, where they can learn on."""
    if not linear.may_learn or not len(labels):
        return linear
    linear = linear.going_on(classes)
    linear.learn(features_of(rows, linear.buckets), labels, weights, passes=PASSES)
    return linear


def _parts(days: NDArray[np.int32], seed: int) -> list[tuple[int, NDArray[np.intp]]]:
    """Where each part begins, and the rows that are foretold from there: of the part, and some of what came later."""
    random, rows = np.random.default_rng(seed), len(days)
    begin = int(rows * FIRST_PART)
    parts = int(np.clip((days[-1] - days[begin]) // DAYS_A_PART, FEWEST_PARTS, MOST_PARTS))
    cuts = np.linspace(begin, rows, parts + 1).astype(int)
    proving, found = cuts[-1 - parts // PROVING], []
    for first, last in pairwise(cuts):
        # what proves is not seen before
        near, far = np.arange(first, last), np.arange(last, proving if last <= proving else rows)
        most = ROWS // parts
        later = min(most * LATER_PCT // 100, len(far))
        near = random.choice(near, min(most - later, len(near)), replace=False)
        found.append((int(first), np.sort(np.r_[near, random.choice(far, later, replace=False)])))
    return found


def _foretold(history: History, words: _Words, part: tuple[int, NDArray[np.intp]]) -> Part:
    """A part as what came before it saw it. Of some merchants most of that is held back.

    Else nobody would know what is worth believing of a merchant that is new, where there were few.
    """
    first, where = part
    is_held, few = _held_back(history.rows, first)
    before = np.flatnonzero(~is_held[:first] | few)
    rows = history.rows.take(where)
    counts = history.counts(before)
    told = counts.tell(history.contexts[where], rows.day)
    likely = words.likely(words.learn(before), where)
    return Part(pairs_of(rows, [(ALL, told)], likely, counts.today), history.labels[where], ~is_held[where])


def _held_back(rows: Rows, first: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whose rows are held back (of all rows), and which of theirs before `first` are not: up to three, the latest."""
    import pandas as pd

    lots = scrambled(rows.fields["key"] ^ np.uint64(first))
    drawn = lots % np.uint64(100)
    # of few merchants too there is one: else words that were never wrong are believed of whatever is new
    is_held = drawn < max(HELD_BACK_PCT, int(drawn.min(initial=0xFF)) + 1)
    before = pd.Series(rows.fields["key"][:first])
    latest = before[::-1].groupby(before[::-1]).cumcount()[::-1].to_numpy()
    return is_held, latest < (lots[:first] >> np.uint64(32)) % np.uint64(4)


def _worth(trees: Trees, parts: list[Part]) -> Trusts:
    """What scores are worth for merchants that were seen before, and for those that were not."""
    score, is_right, is_seen, is_natural = [], [], [], []
    for part in parts:
        chosen, scores, _ = best(part.pairs, trees, len(part.labels))
        score.append(scores)
        is_right.append(chosen == part.labels)
        is_seen.append(seen(part.pairs, len(part.labels)))
        is_natural.append(part.is_natural)
    return proven(*map(np.concatenate, (score, is_right, is_seen, is_natural)))


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
    score = pairs.features[:, -BESIDES] / 4
    for number in range(len(CONTEXTS)):
        share = np.nan_to_num(pairs.features[:, number * FEATURES])
        score = score + share * (4.0 / (1 + number))
    return score.astype(np.float32)
