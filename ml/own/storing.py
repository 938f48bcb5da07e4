"""Storing: a model as bytes of arrays, which are looked at and never run. At most MOST_BYTES for an organization."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import OF_MERCHANT, Hashes, Rows, contexts_of
from ml.own.counts import Counts
from ml.own.linear import Linear
from ml.own.model import OwnModel
from ml.own.trees import Trees
from ml.own.trust import Trust, Trusts

FORMAT = 2
MOST_BYTES = 2_000_000
MOST_ENTRIES = 120_000
_ENTRIES = ("entries", "weight", "times", "latest", "late", "last")
# Never large, and of what is faded no more than three digits matter.
_SMALL = ("latest", "late")
_TRUST = ("scores", "confidences", "threshold")


class ModelSpoilt(ValueError):
    """Not a model of this version of the program; it is learnt again with the next training."""


def dump(model: OwnModel) -> bytes:
    """The model in at most MOST_BYTES: what is rare and old goes first."""
    entries = MOST_ENTRIES
    while True:
        raw = _dump(model, entries)
        if len(raw) <= MOST_BYTES:
            return raw
        entries //= 2
        if entries < MOST_ENTRIES // 8:  # the words are what is large
            model = replace(model, linear=_thinner(model.linear))


def load(raw: bytes, labels: tuple[str, ...], attributes: tuple[str, ...]) -> OwnModel:
    """The model again. Only numbers are read: NumPy refuses anything that would be code."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as kept:
        if int(kept["format"]) != FORMAT:
            raise ModelSpoilt
        trees = {each.name: kept[f"trees_{each.name}"] for each in fields(Trees)} if "trees_roots" in kept else None
        known = [_trust(kept, name) for name in ("seen", "new")]
        return OwnModel(
            labels=labels,
            attributes=attributes,
            counts=Counts(**_entries(kept), today=int(kept["today"])),
            linear=Linear.kept(kept["weights"], kept["bias"], kept["unit"]),
            trees=Trees(**trees | {"base": float(trees["base"]), "depth": int(trees["depth"])}) if trees else None,
            trust=Trusts(*known),
        )


def _entries(kept: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    entries = {name: kept[name] for name in _ENTRIES}
    return entries | {name: entries[name].astype(np.float32) for name in _SMALL}


def _trust(kept: Mapping[str, NDArray[Any]], name: str) -> Trust:
    scores, confidences, threshold = (kept[f"{name}_{part}"] for part in _TRUST)
    return Trust(scores, confidences, None if np.isnan(threshold) else float(threshold))


def digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def without(counts: Counts, rows: Rows) -> Counts:
    """Counts without what the contexts of these rows' merchants say: that is read from the books when asked."""
    gone: Hashes = np.unique(contexts_of(rows, OF_MERCHANT))
    place = np.minimum(np.searchsorted(gone, counts.contexts), len(gone) - 1)
    return counts.where(gone[place] != counts.contexts) if len(gone) else counts


def _dump(model: OwnModel, entries: int) -> bytes:
    counts, linear = _weightiest(model.counts, entries), model.linear.small()
    arrays = {name: getattr(counts, name) for name in _ENTRIES}
    arrays |= {name: arrays[name].astype(np.float16) for name in _SMALL}
    arrays |= {"weights": linear.weights, "bias": linear.bias, "unit": linear.unit}
    for name, trust in (("seen", model.trust.seen), ("new", model.trust.new)):
        threshold = np.nan if trust.threshold is None else trust.threshold
        arrays |= {
            f"{name}_{part}": value
            for part, value in zip(_TRUST, (trust.scores, trust.confidences, threshold), strict=True)
        }
    if model.trees:
        arrays |= {f"trees_{each.name}": getattr(model.trees, each.name) for each in fields(Trees)}
    kept = io.BytesIO()
    np.savez_compressed(kept, format=FORMAT, today=counts.today, **arrays)
    return kept.getvalue()


def _weightiest(counts: Counts, most: int) -> Counts:
    if len(counts.entries) <= most:
        return counts
    least = np.partition(counts.weight, -most)[-most]
    return counts.where(counts.weight >= max(least, np.finfo(np.float32).tiny))


def _thinner(linear: Linear) -> Linear:
    """Without the half of its weights that say least."""
    small = linear.small()
    said = np.abs(small.weights[small.weights != 0].astype(np.int16))
    least = int(np.median(said)) + 1 if len(said) else 1
    weights = np.where(np.abs(small.weights.astype(np.int16)) >= least, small.weights, 0).astype(np.int8)
    return Linear.kept(weights, small.bias, small.unit)
