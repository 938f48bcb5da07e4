"""A sheet: a statement file as columns of text, each cell with the line it came from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.words import FLAGS, plain

Kind = Literal["empty", "date", "amount", "text"]
SAMPLE = 1000
CHUNK_ROWS = 20_000
LONGEST_FLAG = 24
DATE_SHARE, AMOUNT_SHARE = 0.5, 0.8


class Record(NamedTuple):
    """One row as the reader found it: its first and last line, counting from 1, and its cells.

    `damaged` tells a row whose quotes do not close.
    """

    first_line: int
    last_line: int
    cells: list[str]
    damaged: bool = False


@dataclass(frozen=True)
class Column:
    """One column: trimmed cells, null where blank. What only its different values say is asked of those."""

    position: int
    name: str
    encoded: pa.DictionaryArray
    # What was read out of the column already, by notation (ai2.ingest.layout.casting).
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def distinct(self) -> pa.StringArray:
        return self.encoded.dictionary

    @cached_property
    def sample(self) -> list[str]:
        return list(self.distinct.slice(0, SAMPLE).to_pylist())

    @cached_property
    def kind(self) -> Kind:
        """What most of the different values are."""
        if not self.sample:
            return "empty"
        if _share(self.sample, lambda cell: dates.written(cell) is not None) >= DATE_SHARE:
            return "date"
        return "amount" if _share(self.sample, amounts.is_amount) >= AMOUNT_SHARE else "text"

    @cached_property
    def filled(self) -> pa.BooleanArray:
        return self.encoded.is_valid()

    @cached_property
    def is_flags(self) -> bool:
        """Nearly all of its few different values say money in or money out."""
        known = [cell for cell in self.sample if flag(cell)]
        return 0 < len(self.sample) <= 8 and len(known) >= len(self.sample) * 0.6

    @cached_property
    def text(self) -> pa.StringArray:
        return self.encoded.cast(pa.string())

    def take(self, values: pa.Array) -> pa.Array:
        """One value for each different cell, spread over the rows."""
        return values.take(self.encoded.indices)


@dataclass(frozen=True)
class Sheet:
    """The rows below the header. `overfull` rows have text beyond the last column, `damaged` ones open quotes."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    first_line: NDArray[np.int32]
    last_line: NDArray[np.int32]
    overfull: NDArray[np.bool_]
    damaged: NDArray[np.bool_]

    @classmethod
    def of_whole_lines(cls, names: tuple[str, ...], cells: list[pa.Array], first_line: int) -> "Sheet":
        """A sheet in which every row is one line, the first of them `first_line`."""
        rows = len(cells[0])
        lines = np.arange(first_line, first_line + rows, dtype=np.int32)
        nowhere = np.zeros(rows, bool)
        columns = tuple(
            Column(position, name, _encoded(column))
            for position, (name, column) in enumerate(zip(names, cells, strict=True), 1)
        )
        return cls(names, columns, lines, lines, nowhere, nowhere)

    def __len__(self) -> int:
        return len(self.first_line)

    def column(self, position: int) -> Column:
        return self.columns[position - 1]

    def of_kind(self, kind: Kind) -> list[Column]:
        return [column for column in self.columns if column.kind == kind]


class SheetBuilder:
    """Takes records one by one; only a chunk of them exists as Python objects at a time."""

    def __init__(self, names: tuple[str, ...], width: int) -> None:
        self._names, self._width = names, width
        self._chunk: list[Record] = []
        self._columns: list[list[pa.Array]] = [[] for _ in range(width)]
        self._marks: list[NDArray[np.int32]] = []

    def add(self, record: Record) -> None:
        self._chunk.append(record)
        if len(self._chunk) == CHUNK_ROWS:
            self._flush()

    def build(self) -> Sheet:
        self._flush()
        marks = np.concatenate([np.empty((0, 4), np.int32), *self._marks])
        columns = tuple(
            Column(position, name, _encoded(_joined(chunks)))
            for position, (name, chunks) in enumerate(zip(self._names, self._columns, strict=True), 1)
        )
        first, last, overfull, damaged = marks.T
        return Sheet(self._names, columns, first.copy(), last.copy(), overfull.astype(bool), damaged.astype(bool))

    def _flush(self) -> None:
        if not self._chunk:
            return
        width = self._width
        rows = [record.cells for record in self._chunk]
        marks = [
            (
                record.first_line,
                record.last_line,
                len(record.cells) > width and any(cell.strip() for cell in record.cells[width:]),
                record.damaged,
            )
            for record in self._chunk
        ]
        self._marks.append(np.array(marks, np.int32))
        cells = list(zip_longest(*rows, fillvalue="")) + [("",) * len(rows)] * width
        for chunks, column in zip(self._columns, cells, strict=False):
            chunks.append(pa.array(column, pa.string()))
        self._chunk = []


def flag(cell: str) -> int:
    """+1 where a flag says money in, -1 where it says money out, 0 where it says nothing."""
    text = cell.strip()
    if len(text) > LONGEST_FLAG:
        return 0
    return FLAGS.get(text if text in ("+", "-") else plain(text), 0)


def _joined(chunks: list[pa.Array]) -> pa.Array:
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())


def _encoded(cells: pa.Array) -> pa.DictionaryArray:
    trimmed = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed).dictionary_encode()


def _share(cells: list[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, cells)) / len(cells)
