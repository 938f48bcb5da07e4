"""Measure a labelled file: the organization's own model on three splits, and public knowledge alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.answers import Descriptor
from ml.cold import money_in, negative_means_out, sign_of
from ml.evaluation import splits
from ml.evaluation.measures import Answered, measured, share
from ml.evaluation.reading import Columns, labelled, mapping
from ml.knowledge.labels import primary_of

if TYPE_CHECKING:
    import pandas as pd

# A split with fewer rows to learn from, or to be asked about, says nothing.
FEWEST = 20
Tell = Callable[[str], None]


def evaluate(path: Path, columns: Columns, map_file: Path | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """All figures of a file, by split; a split that cannot be made is null, and `notes` say why."""
    frame = labelled(path, columns)
    notes: list[str] = []
    report: dict[str, Any] = {
        "file": path.name,
        "rows": len(frame),
        "labels": int(frame["label"].nunique()),
        "splits": {},
    }
    for name, held in _splits(frame, notes):
        tell(name)
        report["splits"][name] = _own(frame, held, notes, name)
    tell("cold start")
    report["splits"]["cold_start"] = _cold(frame, map_file, bool(columns.amount), notes)
    return {**report, "notes": notes}


def _splits(frame: "pd.DataFrame", notes: list[str]) -> Iterator[tuple[str, splits.Which]]:
    from ml.own.frames import keys_of

    yield "random", splits.at_random(len(frame))
    if "date" in frame:
        yield "later", splits.latest(frame["date"].to_numpy())
    else:
        notes.append("later: no column of dates is named")
    yield "unseen_merchants", splits.unseen(keys_of(frame))


def _own(frame: "pd.DataFrame", held: splits.Which, notes: list[str], name: str) -> dict[str, Any] | None:
    """The organization's own model, learnt from what is not held back and asked about what is."""
    from ml.own import model
    from ml.own.frames import keys_of

    if held.sum() < FEWEST or (~held).sum() < FEWEST:
        notes.append(f"{name}: {int(held.sum())} rows to ask about and {int((~held).sum())} to learn from are too few")
        return None
    rows = frame.drop(columns=["written"])
    learnt, asked = rows[~held], rows[held].drop(columns=["label"])
    said = model.fit(learnt).predict(asked)
    truth = frame["label"].to_numpy(dtype=object)[held]
    answered = Answered(truth, said.labels, said.confidence.astype(float), said.applied)
    is_seen = np.isin(keys_of(frame)[held].astype(str), keys_of(frame)[~held].astype(str))
    return {
        **measured(answered),
        "learnt_from": int((~held).sum()),
        "accuracy_seen_merchants": share(int(answered.is_right[is_seen].sum()), int(is_seen.sum())),
        "accuracy_unseen_merchants": share(int(answered.is_right[~is_seen].sum()), int((~is_seen).sum())),
    }


def _cold(frame: "pd.DataFrame", map_file: Path | None, has_amount: bool, notes: list[str]) -> dict[str, Any] | None:
    """What is answered before there is a history, to the primary category."""
    from ml import registry
    from ml.governance.retrain import ensure_champion

    primary = mapping(map_file, list(frame["label"].unique()))
    is_mapped = frame["label"].isin(primary).to_numpy()
    if not is_mapped.any():
        notes.append("cold_start: no label is a category that is known to all; --map FILE says which it means")
        return None
    if not is_mapped.all():
        notes.append(f"cold_start: {int((~is_mapped).sum())} rows have a label without a category, and are left out")
    ensure_champion()
    known = frame[is_mapped]
    asked = [(text, sign_of(written)) for text, written in zip(known["description"], known["written"], strict=True)]
    is_out = negative_means_out(Counter(asked)) if has_amount else None
    questions = list(dict.fromkeys(asked))
    verdicts = registry.champion().decide([Descriptor(text, money_in(sign, is_out)) for text, sign in questions])
    found = dict(zip(questions, verdicts, strict=True))
    answers = [found[each] for each in asked]
    answered = Answered(
        known["label"].map(primary).to_numpy(dtype=object),
        np.array([primary_of(verdict.detailed) or "" for verdict in answers], dtype=object),
        np.array([verdict.confidence for verdict in answers], dtype=float),
        np.array([verdict.decision == "apply" for verdict in answers], dtype=bool),
    )
    return {**measured(answered), "version": registry.champion().version, "negative_is_out": is_out}
