"""Counts: how often each category was chosen in each context, how lately, and what that says of new rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import LABEL_MASK, Hashes

# Staff change their habits: a choice weighs half after so many days.
HALF_LIFE_DAYS = 90.0
# So many of a context's most chosen categories are told of; of a cost centre with eighty the last ones say nothing.
TOLD = 12
FEATURES = 5
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """What the counts say: for each pair (row, category) that some context names, its entries."""

    row: NDArray[np.int64]
    context: NDArray[np.int64]
    label: NDArray[np.int64]
    # rank within the context, 0 is the most chosen one
    rank: NDArray[np.int64]
    features: Floats


@dataclass(frozen=True)
class Counts:
    """A row for each context and category, sorted; `weight` is worth what it says on day `today`."""

    entries: Hashes
    weight: NDArray[np.float32]
    times: NDArray[np.float32]
    last: NDArray[np.int32]
    today: int

    @classmethod
    def of(
        cls,
        contexts: Hashes,
        labels: NDArray[np.int64],
        days: NDArray[np.int32],
        weights: NDArray[np.float32] | None = None,
    ) -> "Counts":
        """Count rows (rows x contexts) by what people chose."""
        today = int(days.max()) if len(days) else 0
        times = np.ones(len(labels), np.float32) if weights is None else weights
        fading = np.exp2((days - today) / HALF_LIFE_DAYS).astype(np.float32) * times
        # one context after the other: all at once, a million rows would take a gigabyte
        parts = [_summed(column, labels, fading, times, days) for column in contexts.T]
        return cls(*_sorted(parts), today)

    @property
    def contexts(self) -> Hashes:
        """The context of each entry."""
        return self.entries & ~LABEL_MASK

    def plus(self, other: "Counts") -> "Counts":
        """Both together, as of the later day."""
        today = max(self.today, other.today)
        parts = [
            (
                each.entries,
                each.weight * np.float32(np.exp2((each.today - today) / HALF_LIFE_DAYS)),
                each.times,
                each.last,
            )
            for each in (self, other)
        ]
        keys, weight, times, last = _sorted(parts)
        return Counts(*_grouped(keys, weight, times, last), today)

    def only(self, contexts: Hashes) -> "Counts":
        """Only what is known in these contexts."""
        wanted = np.unique(contexts[contexts != 0])
        low = np.searchsorted(self.entries, wanted)
        found = np.searchsorted(self.entries, wanted | LABEL_MASK, side="right") - low
        place = np.arange(int(found.sum())) - np.repeat(np.cumsum(found) - found, found) + np.repeat(low, found)
        return self.where(place)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> "Counts":
        """Only these entries."""
        return Counts(self.entries[kept], self.weight[kept], self.times[kept], self.last[kept], self.today)

    def tell(self, contexts: Hashes, days: NDArray[np.int32]) -> Told:
        """What is known in each context of each row (rows x contexts)."""
        asked = contexts.ravel()
        low = np.searchsorted(self.entries, asked)
        high = np.searchsorted(self.entries, asked | LABEL_MASK, side="right")
        found = np.where(asked != 0, high - low, 0)
        question = np.repeat(np.arange(len(asked)), found)
        starts = np.cumsum(found) - found
        entry = np.arange(len(question)) - np.repeat(starts, found) + np.repeat(low, found)
        fading = np.exp2((self.today - days) / HALF_LIFE_DAYS).astype(np.float32)
        return self._told(question, entry, starts, found, days, fading, contexts.shape[1])

    def _told(
        self,
        question: NDArray[np.int64],
        entry: NDArray[np.int64],
        starts: NDArray[np.int64],
        found: NDArray[np.int64],
        days: NDArray[np.int32],
        fading: Floats,
        width: int,
    ) -> Told:
        weight, times, last = self.weight[entry], self.times[entry], self.last[entry]
        any_of = np.flatnonzero(found)
        all_weight, all_times, newest = (np.zeros(len(found), np.float32) for _ in range(3))
        if len(any_of):
            at = starts[any_of]
            all_weight[any_of] = np.add.reduceat(weight, at)
            all_times[any_of] = np.add.reduceat(times, at)
            newest[any_of] = np.maximum.reduceat(last, at)
        order = np.lexsort((-weight, question))
        rank = np.empty(len(question), np.int64)
        rank[order] = np.arange(len(question)) - starts[question[order]]
        row = question // width
        features = np.empty((len(question), FEATURES), np.float32)
        features[:, 0] = weight * fading[row] / (all_weight[question] * fading[row] + 0.3)
        features[:, 1] = times / (all_times[question] + 0.5)
        features[:, 2] = np.log1p(all_times[question])
        features[:, 3] = np.minimum(days[row] - last, 400)
        features[:, 4] = newest[question] - last
        told = rank < TOLD
        label = (self.entries[entry] & LABEL_MASK).astype(np.int64)
        return Told(row[told], (question % width)[told], label[told], rank[told], features[told])


Entries = tuple[Hashes, Floats, Floats, NDArray[np.int32]]


def _summed(
    contexts: Hashes, labels: NDArray[np.int64], weight: Floats, times: Floats, days: NDArray[np.int32]
) -> Entries:
    there = np.flatnonzero(contexts)
    keys = contexts[there] | labels[there].astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    rows = there[order]
    return _grouped(keys[order], weight[rows], times[rows], days[rows])


def _grouped(keys: Hashes, weight: Floats, times: Floats, last: NDArray[np.int32]) -> Entries:
    """One entry for each key; keys are sorted."""
    if not len(keys):
        return keys, weight, times, last
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    return (
        keys[starts],
        np.add.reduceat(weight, starts),
        np.add.reduceat(times, starts),
        np.maximum.reduceat(last, starts),
    )


def _sorted(parts: list[Entries]) -> Entries:
    keys, weight, times, last = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], weight[order], times[order], last[order]
