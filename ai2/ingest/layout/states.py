"""States: which rows say that the bank has not booked them yet, or never did."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.sheet import Column
from ai2.ingest.layout.words import NOT_BOOKED, PENDING, plain

Mask = NDArray[np.bool_]
# Up to so many different cells are looked at one by one, accents and all.
FEW = 1000


def pending(columns: Sequence[Column], own: Sequence[str], rows: int) -> Mask:
    """Rows in which one of these columns says `pending`, in the bank's words or in those of the account's layout."""
    return _any_says(columns, PENDING | frozenset(map(plain, own)), rows)


def not_booked(columns: Sequence[Column], rows: int) -> Mask:
    """Rows in which one of these columns says that the payment did not take place."""
    return _any_says(columns, NOT_BOOKED, rows)


def says(column: Column, known: frozenset[str]) -> Mask:
    """Where a cell is one of the known phrases."""
    if len(column.distinct) <= FEW:
        return spread(column, [plain(cell) in known for cell in column.distinct.to_pylist()])
    words = pc.replace_substring_regex(pc.utf8_lower(column.distinct), r"[^a-z0-9]+", " ")
    return spread(column, pc.is_in(pc.utf8_trim_whitespace(words), value_set=pa.array(known)).to_pylist())


def spread(column: Column, found: list[bool]) -> Mask:
    """One answer for each different cell, over the rows."""
    if not any(found):
        return np.zeros(len(column.encoded), bool)
    return mask(column.take(pa.array(found, pa.bool_())))


def mask(values: pa.Array) -> Mask:
    return np.array(pc.fill_null(values, False), dtype=bool)


def _any_says(columns: Sequence[Column], known: frozenset[str], rows: int) -> Mask:
    found = np.zeros(rows, bool)
    for column in columns:
        found |= says(column, known)
    return found
