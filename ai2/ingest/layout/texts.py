"""Texts: a row's description, and the JSON of the columns that have no place of their own."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.sheet import Column


def description(parts: list[Column], others: list[pa.Array], continued: NDArray[np.bool_]) -> pa.Array:
    """The parts in their order; where they say nothing, the first of `others` that says something; else nothing."""
    text = joined([part.text for part in parts], " ") if parts else pa.nulls(len(continued), pa.string())
    if continued.any():
        text = _with_continuations(text, continued)
    return pc.replace_substring_regex(pc.coalesce(text, *others, pa.scalar("")), r"[\r\n]+", " ")


def attributes(columns: list[Column], rows: int) -> pa.Array:
    """A JSON object a row, put together from one piece for each different cell."""
    if not columns:
        return pa.array(["{}"]).take(pa.array(np.zeros(rows, np.int8)))
    pieces = joined([_pieces(column) for column in columns], ", ")
    return pc.binary_join_element_wise("{", pc.fill_null(pieces, ""), "}", "")


def joined(parts: list[pa.Array], separator: str) -> pa.Array:
    """The parts that there are, in order; null where there are none (Arrow's own `skip` loses such rows)."""
    first, *rest = parts
    for part in rest:
        first = pc.coalesce(pc.binary_join_element_wise(first, part, separator), first, part)
    return first


def _pieces(column: Column) -> pa.Array:
    """`"name": "cell"` a row. Only cells with a quote, a backslash or a control sign need more than quotes around."""
    name = json.dumps(column.name, ensure_ascii=False)
    odd = pc.match_substring_regex(column.distinct, r'["\\\x00-\x1f]')
    pieces = pc.binary_join_element_wise(f'{name}: "', column.distinct, '"', "")
    if pc.any(odd).as_py():
        cells = column.distinct.filter(odd).to_pylist()
        escaped = pa.array([f"{name}: {json.dumps(cell, ensure_ascii=False)}" for cell in cells], pa.string())
        pieces = pc.replace_with_mask(pieces, odd, escaped)
    return column.take(pieces)


def _with_continuations(text: pa.Array, continued: NDArray[np.bool_]) -> pa.Array:
    """Each continued row's text behind that of the row above it that is none."""
    found = text.to_pylist()
    head = 0
    for place, follows in enumerate(continued):
        if not follows:
            head = place
        elif found[place]:
            found[head] = f"{found[head]}  {found[place]}" if found[head] else found[place]
    return pa.array(found, pa.string())
