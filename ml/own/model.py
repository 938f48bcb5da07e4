"""An organization's own model: whatever labels it uses, learnt from its history and kept as arrays, never as code.

model = fit(frame)                        # description, amount, label, date?, merchant?, weight?, attributes...
labels, confidence, applied = model.predict(frame)
model = model.learn(frame)                # counts at once; words and trees at the next fit
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.own import training
from ml.own.attributes import telling
from ml.own.contexts import Rows, contexts_of
from ml.own.counts import Counts, Floats
from ml.own.evidence import pairs_of
from ml.own.frames import attribute_columns, keys_of, rows_of_frame
from ml.own.linear import Linear, features_of
from ml.own.training import ALL, History
from ml.own.trees import Trees
from ml.own.trust import Trust

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 4096
ALTERNATIVES = 3
# An entry of counts has room for so many categories; the rarest ones of more are left to people.
MOST_LABELS = 4000
Known = tuple[tuple[int, ...], Counts]


class Predicted(NamedTuple):
    """For each row its likeliest label, how sure (0 to 1, calibrated), and whether the model may decide alone."""

    labels: NDArray[np.object_]
    confidence: Floats
    applied: NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """The likeliest labels of each row, by number, best first (-1: no more), and how sure each is."""

    labels: NDArray[np.int64]
    confidence: Floats


@dataclass(frozen=True)
class OwnModel:
    """`attributes` are the organization's most telling columns; `counts` are of the contexts in `counted`."""

    labels: tuple[str, ...]
    attributes: tuple[str, ...]
    counted: tuple[int, ...]
    counts: Counts
    linear: Linear
    trees: Trees | None
    trust: Trust

    def predict(self, frame: "pd.DataFrame") -> Predicted:
        """Each row's label; the index of the frame does not matter, its order does."""
        answers = self.answers(rows_of_frame(frame, self.attributes))
        confidence = answers.confidence[:, 0]
        threshold = self.trust.threshold
        applied = confidence >= threshold if threshold is not None else np.zeros(len(frame), bool)
        return Predicted(np.array(self.labels, dtype=object)[answers.labels[:, 0]], confidence, applied)

    def learn(self, frame: "pd.DataFrame") -> "OwnModel":
        """The same model knowing what people chose since; labels that it has not yet come with the next fit."""
        places = {label: place for place, label in enumerate(self.labels)}
        known = frame[frame["label"].astype(str).isin(places)]
        rows = rows_of_frame(known, self.attributes)
        labels = known["label"].astype(str).map(places).to_numpy(np.int64)
        fresh = Counts.of(contexts_of(rows, self.counted), labels, rows.day, _weights(known))
        return replace(self, counts=self.counts.plus(fresh))

    def answers(self, rows: Rows, *live: Known) -> Answers:
        """What is likeliest; `live` are counts of other contexts, as they are now."""
        pieces = [
            self._answers(rows.take(np.arange(start, min(start + CHUNK, len(rows)))), live)
            for start in range(0, max(len(rows), 1), CHUNK)
        ]
        return Answers(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))

    def _answers(self, rows: Rows, live: tuple[Known, ...]) -> tuple[NDArray[np.int64], Floats]:
        known = [(self.counted, self.counts), *live]
        told = [(which, counts.tell(contexts_of(rows, which), rows.day)) for which, counts in known]
        pairs = pairs_of(rows, told, self.linear.probabilities(features_of(rows, self.linear.buckets)))
        _, top, shares = training.best(pairs, self.trees, len(rows))
        order = np.lexsort((-shares, pairs.row))
        starts = np.flatnonzero(np.r_[True, pairs.row[order][1:] != pairs.row[order][:-1]]) if len(order) else order
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        kept = rank <= ALTERNATIVES
        labels = np.full((len(rows), ALTERNATIVES + 1), -1, np.int64)
        sure = np.zeros((len(rows), ALTERNATIVES + 1), np.float32)
        where = pairs.row[order][kept], rank[kept]
        labels[where] = pairs.label[order][kept]
        sure[where] = shares[order][kept]
        sure[:, 0] = self.trust.confidence(top)
        return labels, sure


def fit(frame: "pd.DataFrame", seed: int = 0) -> OwnModel:
    """Learn from a labelled history. Rows without a label teach nothing, nor do the rarest of too many labels."""
    frame = frame[frame["label"].notna() & (frame["label"].astype(str) != "")]
    if "date" in frame:
        frame = frame.sort_values("date", kind="stable")
    names = frame["label"].astype(str)
    labels = tuple(sorted(names.value_counts().index[:MOST_LABELS]))
    places = {label: place for place, label in enumerate(labels)}
    frame = frame[names.isin(places)]
    numbers = frame["label"].astype(str).map(places).to_numpy(np.int64)
    attributes = telling(keys_of(frame), numbers, attribute_columns(frame))
    history = History.of(rows_of_frame(frame, attributes), numbers, _weights(frame), len(labels))
    fitted = training.fit(history, seed)
    return OwnModel(labels, attributes, ALL, fitted.counts, fitted.linear, fitted.trees, fitted.trust)


def _weights(frame: "pd.DataFrame") -> Floats:
    return frame["weight"].to_numpy(np.float32) if "weight" in frame else np.ones(len(frame), np.float32)
