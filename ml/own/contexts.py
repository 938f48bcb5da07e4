"""Contexts: what a movement of money has in common with others, from the most telling to the most general."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# The low bits of a context's hash make room for a category, so that both sort as one number.
LABEL_BITS = 12
LABEL_MASK = np.uint64((1 << LABEL_BITS) - 1)
# Attributes a1 to a3 are the organization's most telling ones, in this order.
ATTRIBUTES = ("a1", "a2", "a3")
CONTEXTS: tuple[tuple[str, ...], ...] = (
    # of the merchant itself: read as they are now, whenever something is asked
    ("text", "a1", "a2"),
    ("key", "a1", "a2"),
    ("key", "a1"),
    ("key", "a1", "band"),
    ("key", "amount"),
    ("key", "a2"),
    ("key", "a3"),
    ("key",),
    # of what resembles it
    ("two", "a1"),
    ("first", "a1"),
    ("first", "a2", "a3"),
    ("first",),
    ("last",),
    # of everything alike in other ways
    ("a1", "a2"),
    ("a1", "a2", "band"),
    ("a1",),
    ("a1", "amount"),
    ("a2", "a3", "band"),
)
OF_MERCHANT = tuple(number for number, names in enumerate(CONTEXTS) if names[0] in ("text", "key"))
OF_OTHERS = tuple(number for number in range(len(CONTEXTS)) if number not in OF_MERCHANT)


@dataclass(frozen=True)
class Rows:
    """Movements in columns. `fields` has a hash of each value (0: there is none); `size` is log(1 + amount)."""

    keys: NDArray[np.object_]
    fields: dict[str, Hashes]
    size: NDArray[np.float32]
    money_in: NDArray[np.bool_]
    day: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, where: NDArray[np.intp] | NDArray[np.bool_]) -> "Rows":
        return Rows(
            self.keys[where],
            {name: values[where] for name, values in self.fields.items()},
            self.size[where],
            self.money_in[where],
            self.day[where],
        )


def rows_of(
    texts: NDArray[np.object_],
    keys: NDArray[np.object_],
    amounts: NDArray[np.float64],
    days: NDArray[np.int32],
    attributes: dict[str, NDArray[np.object_]],
) -> Rows:
    """Columns of equal length; `attributes` by the names of `ATTRIBUTES`, an empty text where there is none."""
    absolute = np.abs(amounts)
    bands = (2 * np.floor(np.log2(np.maximum(absolute, 0.5))).astype(np.int64) + (amounts > 0)).astype(np.int64)
    distinct, where = distinct_of(keys)
    words = [str(key).split() or [""] for key in distinct]
    fields = {
        "text": _hashes("text", texts),
        "key": _hashes("key", distinct)[where],
        "first": _hashes("first", np.array([w[0] for w in words], dtype=object))[where],
        "two": _hashes("two", np.array([" ".join(w[:2]) for w in words], dtype=object))[where],
        "last": _hashes("last", np.array([w[-1] for w in words], dtype=object))[where],
        "amount": _numbers("amount", np.rint(amounts * 100).astype(np.int64)),
        "band": _numbers("band", bands),
    }
    for name in ATTRIBUTES:
        values = attributes.get(name)
        fields[name] = np.zeros(len(keys), np.uint64) if values is None else _hashes(name, values)
    return Rows(keys, fields, np.log1p(absolute).astype(np.float32), amounts > 0, days)


def contexts_of(rows: Rows, which: tuple[int, ...]) -> Hashes:
    """A hash for each row and each of these contexts (rows x contexts), its low bits free; 0 where one is missing."""
    columns = [mixed(rows, CONTEXTS[number], seed=number + 1) & ~LABEL_MASK for number in which]
    return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), np.uint64)


def mixed(rows: Rows, names: tuple[str, ...], *, seed: int = 0) -> Hashes:
    """One hash of several fields; 0 where one of them has no value."""
    found = np.full(len(rows), seed, np.uint64)
    for name in names:
        found = scrambled(found ^ rows.fields[name])
    for name in names:
        found[rows.fields[name] == 0] = 0
    return found


def scrambled(values: Hashes) -> Hashes:
    """splitmix64's finalizer (Steele, Lea, Flood 2014): every bit of the input moves half of the output's."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _hashes(name: str, values: NDArray[np.object_]) -> Hashes:
    distinct, where = distinct_of(values)
    return np.array([hash_of(name, str(value)) for value in distinct], np.uint64)[where]


def hash_of(name: str, value: str) -> int:
    """64 bits that are the same on every machine; 0 where there is no value."""
    return int.from_bytes(blake2b(f"{name}={value}".encode(), digest_size=8).digest()) or 1 if value else 0


def _numbers(name: str, values: NDArray[np.int64]) -> Hashes:
    return scrambled(values.astype(np.uint64) ^ np.uint64(hash_of("number", name)))


def distinct_of(values: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    if len(values) == 1:
        return values, np.zeros(1, np.intp)
    import pandas as pd  # not where one thing is asked

    where, distinct = pd.factorize(values)
    return np.asarray(distinct, dtype=object), where
