"""Three ways to hold rows back: at random, the latest, and whole merchants. The same for the same file."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

HELD_BACK = 0.2
Which = NDArray[np.bool_]


def at_random(rows: int) -> Which:
    """A fifth of the rows: what a model meets that learns among the very rows it is asked about."""
    return np.random.default_rng(0).random(rows) < HELD_BACK


def latest(days: NDArray[Any]) -> Which:
    """The rows after the day that four fifths lie before or on: what a model meets in use."""
    last_learnt = np.sort(days)[int(len(days) * (1 - HELD_BACK)) - 1] if len(days) else None
    return np.asarray(days > last_learnt) if last_learnt is not None else np.zeros(0, dtype=bool)


def unseen(keys: NDArray[np.object_]) -> Which:
    """All rows of a fifth of the merchants, by a fixed hash of the name: what a model meets that it never saw."""
    held = {key: _place(key) < HELD_BACK for key in dict.fromkeys(keys)}
    return np.array([held[key] for key in keys], dtype=bool)


def _place(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
