"""An organization's own model: whatever labels it uses, learnt from its history and kept as arrays, never as code.

model = fit(frame)                        # description, amount, label, date?, merchant?, weight?, attributes...
labels, confidence, applied = model.predict(frame)
model = model.learn(frame)                # counts at once; and words; trees at the next fit
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.own import training
from ml.own.attributes import telling
from ml.own.contexts import OF_MERCHANT, OF_OTHERS, Rows, contexts_of
from ml.own.counts import Counts, Floats, Told
from ml.own.evidence import pairs_of, seen, spoken
from ml.own.frames import attribute_columns, keys_of, rows_of_frame
from ml.own.linear import Linear, features_of
from ml.own.training import ALL, History
from ml.own.trees import Trees
from ml.own.trust import Trusts

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 4096
ALTERNATIVES = 3
# An entry of counts has room for so many categories; the rarest ones of more are left to people.
MOST_LABELS = 4000


class Predicted(NamedTuple):
    """For each row its likeliest label, how sure (0 to 1, calibrated), and whether the model may decide alone."""

    labels: NDArray[np.object_]
    confidence: Floats
    applied: NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """The likeliest labels of each row, by number, best first (-1: no more), how sure each is, and whether the model
    may decide alone.

    `context` is the most telling one that speaks for the best (-1: words alone do): in it `times` of `all_times`
    choices were the same.
    """

    labels: NDArray[np.int64]
    confidence: Floats
    applied: NDArray[np.bool_]
    context: NDArray[np.int64]
    times: Floats
    all_times: Floats


@dataclass(frozen=True)
class OwnModel:
    """`attributes` are the organization's most telling columns."""

    labels: tuple[str, ...]
    attributes: tuple[str, ...]
    counts: Counts
    linear: Linear
    trees: Trees | None
    trust: Trusts

    def predict(self, frame: "pd.DataFrame") -> Predicted:
        """Each row's label; the index of the frame does not matter, its order does."""
        answers = self.answers(rows_of_frame(frame, self.attributes))
        labels = np.array(self.labels, dtype=object)[answers.labels[:, 0]]
        return Predicted(labels, answers.confidence[:, 0], answers.applied)

    def learn(self, frame: "pd.DataFrame") -> "OwnModel":
        """The same model knowing what people chose since, new labels too; whom to believe comes with the next fit."""
        frame = _labelled(frame)
        named = frame["label"].astype(str)
        known = (*self.labels, *sorted(set(named) - set(self.labels)))[:MOST_LABELS]
        places = {label: place for place, label in enumerate(known)}
        frame = frame[named.isin(places)]
        rows = rows_of_frame(frame, self.attributes)
        labels = np.array([places[label] for label in frame["label"].astype(str)], np.int64)
        fresh = Counts.of(contexts_of(rows, ALL), labels, rows.day, _weights(frame))
        linear = training.taught(self.linear, rows, labels, _weights(frame), len(known))
        return replace(self, labels=known, counts=self.counts.plus(fresh), linear=linear)

    def answers(self, rows: Rows, live: Counts | None = None) -> Answers:
        """What is likeliest; `live` has what was chosen since for the rows' merchants."""
        pieces = [
            self._answers(rows.take(np.arange(start, min(start + CHUNK, len(rows)))), live)
            for start in range(0, max(len(rows), 1), CHUNK)
        ]
        return Answers(*(np.concatenate(parts) for parts in zip(*map(_columns, pieces), strict=True)))

    def _answers(self, rows: Rows, live: Counts | None) -> Answers:
        pairs = pairs_of(
            rows,
            self._told(rows, live),
            self.linear.probabilities(features_of(rows, self.linear.buckets)),
            self.counts.today,
        )
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
        is_seen = seen(pairs, len(rows))
        sure[:, 0] = self.trust.confidence(top, is_seen)
        return Answers(labels, sure, self.trust.applied(sure[:, 0], is_seen), *spoken(pairs.features[order[starts]]))

    def _told(self, rows: Rows, live: Counts | None) -> list[tuple[tuple[int, ...], Told]]:
        if live is None:
            return [(ALL, self.counts.tell(contexts_of(rows, ALL), rows.day))]
        of_merchant, of_others = contexts_of(rows, OF_MERCHANT), contexts_of(rows, OF_OTHERS)
        now = self.counts.only(of_merchant).plus(live)
        return [
            (OF_MERCHANT, now.tell(of_merchant, rows.day)),
            (OF_OTHERS, self.counts.tell(of_others, rows.day)),
        ]


def _columns(answers: Answers) -> tuple[NDArray[Any], ...]:
    return tuple(getattr(answers, each.name) for each in fields(answers))


def fit(frame: "pd.DataFrame", seed: int = 0) -> OwnModel:
    """Learn from a labelled history. Rows without a label teach nothing, nor do the rarest of too many labels."""
    frame = _labelled(frame)
    names = frame["label"].astype(str)
    labels = tuple(sorted(names.value_counts().index[:MOST_LABELS]))
    places = {label: place for place, label in enumerate(labels)}
    frame = frame[names.isin(places)]
    numbers = frame["label"].astype(str).map(places).to_numpy(np.int64)
    attributes = telling(keys_of(frame), numbers, attribute_columns(frame))
    history = History.of(rows_of_frame(frame, attributes), numbers, _weights(frame), len(labels))
    fitted = training.fit(history, seed)
    return OwnModel(labels, attributes, fitted.counts, fitted.linear, fitted.trees, fitted.trust)


def _labelled(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows that have a label, in the order of time."""
    frame = frame[frame["label"].notna() & (frame["label"].astype(str) != "")]
    return frame.sort_values("date", kind="stable") if "date" in frame else frame


def _weights(frame: "pd.DataFrame") -> Floats:
    return frame["weight"].to_numpy(np.float32) if "weight" in frame else np.ones(len(frame), np.float32)
