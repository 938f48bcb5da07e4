"""Boosted trees as flat arrays: grown by scikit-learn, kept and asked without it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.own.counts import Floats

TREES, LEAVES, LEAST_IN_LEAF, RATE, RIDGE = 120, 24, 60, 0.1, 5.0
# Few pairs are told apart by few trees.
FEWEST, PAIRS_A_TREE = 40, 2000
CHUNK = 1 << 14


@dataclass(frozen=True)
class Trees:
    """All nodes of all trees in one row; a leaf is its own child. Missing values go where `missing_left` says."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    base: float
    depth: int

    def scores(self, features: Floats) -> Floats:
        """How much speaks for each row, as a log-odds."""
        return np.concatenate(
            [self._scores(features[start : start + CHUNK]) for start in range(0, max(len(features), 1), CHUNK)]
        )

    def _scores(self, features: Floats) -> Floats:
        flat, width, trees = features.ravel(), features.shape[1], len(self.roots)
        at = np.tile(self.roots, len(features))
        base = np.repeat(np.arange(len(features), dtype=np.int64) * width, trees)
        going = np.arange(len(at))
        for _ in range(self.depth):
            node = at[going]
            value = flat[base[going] + self.feature[node]]
            goes_left = (value <= self.threshold[node]) | (np.isnan(value) & self.missing_left[node])
            following = np.where(goes_left, self.left[node], self.right[node])
            at[going] = following
            going = going[self.left[following] != following]  # the others are at their leaves
        return (self.value[at].reshape(len(features), trees).sum(axis=1) + self.base).astype(np.float32)  # type: ignore[no-any-return]


def grow(features: Floats, is_right: NDArray[np.bool_], seed: int = 0) -> Trees:
    """Trees that tell right pairs from wrong ones."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    # scikit-learn refuses columns without a value
    said = np.flatnonzero(~np.isnan(features).all(axis=0))
    grown = HistGradientBoostingClassifier(
        max_iter=int(np.clip(len(features) // PAIRS_A_TREE, FEWEST, TREES)),
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_LEAF,
        l2_regularization=RIDGE,
        early_stopping=False,
        random_state=seed,
    ).fit(features[:, said], is_right)
    return _flat(grown, said)


def _flat(grown: Any, said: NDArray[np.intp]) -> Trees:
    """scikit-learn keeps a table of nodes for each tree; they are laid behind each other here."""
    tables = [tree.nodes for (tree,) in grown._predictors]
    sizes = np.array([len(table) for table in tables])
    roots = np.cumsum(sizes) - sizes
    nodes, shift = np.concatenate(tables), np.repeat(roots, sizes)
    is_leaf, own = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
    return Trees(
        roots=roots.astype(np.int32),
        feature=np.where(is_leaf, 0, said[nodes["feature_idx"]]).astype(np.int16),
        threshold=_not_above(nodes["num_threshold"]),
        left=np.where(is_leaf, own, nodes["left"] + shift).astype(np.int32),
        right=np.where(is_leaf, own, nodes["right"] + shift).astype(np.int32),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(is_leaf, nodes["value"], 0).astype(np.float32),
        base=float(np.ravel(grown._baseline_prediction)[0]),
        depth=int(nodes["depth"].max()),
    )


def _not_above(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Single precision, rounded down: a feature that is above stays above."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
