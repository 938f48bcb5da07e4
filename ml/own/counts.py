"""Counts: how often each category was chosen in each context, how lately, and what that says of new rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import LABEL_MASK, Hashes

# Staff change their habits: a choice weighs half after so many days.
HALF_LIFE_DAYS = 90.0
# So many of a context's most chosen categories are told of; of a cost centre with eighty the last ones say nothing.
TOLD = 12
# And whatever is more than this of what was chosen last.
MOSTLY = 0.2
FEATURES = 7
# And half after so many later choices in the same context: by the first the very last one says most, whatever is usual.
HALF_LIFE_TIMES = (1.0, 6.0)
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
    """A row for each context and category, sorted; `weight` is worth what it says on day `today`.

    `latest` and `late` fade with each later choice in the context, whenever it was made.
    """

    entries: Hashes
    weight: Floats
    times: Floats
    latest: Floats
    late: Floats
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
        """Count rows (rows x contexts) by what people chose; of one day, later rows were chosen later."""
        today = int(days.max()) if len(days) else 0
        times = np.ones(len(labels), np.float32) if weights is None else weights
        fading = np.exp2((days - today) / HALF_LIFE_DAYS).astype(np.float32) * times
        # one context after the other: all at once, a million rows would take a gigabyte
        in_order = np.argsort(days, kind="stable")
        parts = [_summed(column, labels, fading, times, days, in_order) for column in contexts.T]
        return cls(*_sorted(parts), today)

    @property
    def contexts(self) -> Hashes:
        """The context of each entry."""
        return self.entries & ~LABEL_MASK

    def plus(self, later: "Counts") -> "Counts":
        """Both together, as of the later day; what is in `later` was chosen after all of this."""
        today = max(self.today, later.today)
        before, after = self._as_of(today), later._as_of(today)
        contexts, starts = np.unique(later.contexts, return_index=True)
        since = np.append(np.add.reduceat(later.times, starts) if len(starts) else later.times, np.float32(0))
        at = np.searchsorted(contexts, self.contexts)
        at[np.append(contexts, np.uint64(0))[at] != self.contexts] = len(contexts)
        latest, late = (np.exp2(-since[at] / each).astype(np.float32) for each in HALF_LIFE_TIMES)
        faded = (before[0], before[1], before[2], self.latest * latest, self.late * late, self.last)
        return Counts(*_grouped(*_sorted([faded, after])), today)

    def _as_of(self, day: int) -> "Entries":
        fading = np.float32(np.exp2((self.today - day) / HALF_LIFE_DAYS))
        return self.entries, self.weight * fading, self.times, self.latest, self.late, self.last

    def only(self, contexts: Hashes) -> "Counts":
        """Only what is known in these contexts."""
        wanted = np.unique(contexts[contexts != 0])
        low = np.searchsorted(self.entries, wanted)
        found = np.searchsorted(self.entries, wanted | LABEL_MASK, side="right") - low
        place = np.arange(int(found.sum())) - np.repeat(np.cumsum(found) - found, found) + np.repeat(low, found)
        return self.where(place)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> "Counts":
        """Only these entries."""
        weight, times, latest, late = (each[kept] for each in (self.weight, self.times, self.latest, self.late))
        return Counts(self.entries[kept], weight, times, latest, late, self.last[kept], self.today)

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
        latest, late = self.latest[entry], self.late[entry]
        all_weight, all_times, all_latest, all_late, newest = (np.zeros(len(found), np.float32) for _ in range(5))
        if len(any_of):
            at = starts[any_of]
            all_weight[any_of] = np.add.reduceat(weight, at)
            all_times[any_of] = np.add.reduceat(times, at)
            all_latest[any_of] = np.add.reduceat(latest, at)
            all_late[any_of] = np.add.reduceat(late, at)
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
        features[:, 5] = latest / np.maximum(all_latest[question], np.float32(1e-9))
        features[:, 6] = late / np.maximum(all_late[question], np.float32(1e-9))
        told = (rank < TOLD) | (features[:, 5] > MOSTLY)
        label = (self.entries[entry] & LABEL_MASK).astype(np.int64)
        return Told(row[told], (question % width)[told], label[told], rank[told], features[told])


Entries = tuple[Hashes, Floats, Floats, Floats, Floats, NDArray[np.int32]]


def _summed(
    contexts: Hashes,
    labels: NDArray[np.int64],
    weight: Floats,
    times: Floats,
    days: NDArray[np.int32],
    in_order: NDArray[np.intp],
) -> Entries:
    in_order = in_order[contexts[in_order] != 0]
    rows = in_order[np.argsort(contexts[in_order], kind="stable")]
    since = _since(contexts[rows], times[rows])
    latest, late = (np.exp2(-since / each).astype(np.float32) * times[rows] for each in HALF_LIFE_TIMES)
    keys = contexts[rows] | labels[rows].astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    of = rows[order]
    return _grouped(keys[order], weight[of], times[of], latest[order], late[order], days[of])


def _since(contexts: Hashes, times: Floats) -> NDArray[np.float64]:
    """How much was chosen after each row in its context; rows are sorted by context, and then in order of time."""
    so_far = np.cumsum(times, dtype=np.float64)
    ends = np.flatnonzero(np.r_[contexts[1:] != contexts[:-1], True])[: len(contexts)]
    return np.repeat(so_far[ends], np.diff(np.r_[-1, ends])) - so_far


def _grouped(
    keys: Hashes, weight: Floats, times: Floats, latest: Floats, late: Floats, last: NDArray[np.int32]
) -> Entries:
    """One entry for each key; keys are sorted."""
    if not len(keys):
        return keys, weight, times, latest, late, last
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    weight, times, latest, late = (np.add.reduceat(each, starts) for each in (weight, times, latest, late))
    return keys[starts], weight, times, latest, late, np.maximum.reduceat(last, starts)


def _sorted(parts: list[Entries]) -> Entries:
    keys, weight, times, latest, late, last = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], weight[order], times[order], latest[order], late[order], last[order]
