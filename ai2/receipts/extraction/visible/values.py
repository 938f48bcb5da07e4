"""Values and their labels: where on the paper something stands, and which words beside or above it say what it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ai2.receipts.extraction.paper import Paper, Piece

Value = TypeVar("Value")
Place = Literal["same", "left", "above"]
# A label above stands no more than so many rows higher; a table's header may be further away.
ABOVE_ROWS = 3


@dataclass(frozen=True)
class Found(Generic[Value]):
    """A value in a piece, from `start` to `end` of its text."""

    value: Value
    piece: Piece
    start: int
    end: int

    @property
    def before(self) -> str:
        return self.piece.text[: self.start]


def labels(paper: Paper, found: Found[Value]) -> Iterator[tuple[Place, str]]:
    """The texts that may say what it is, the nearest first: before it, left of it in its row, above it."""
    if found.before.strip(" :-–#"):
        yield "same", found.before
    left = [piece for piece in paper.rows[found.piece.row] if piece.left < found.piece.left]
    for piece in reversed(left[-2:]):
        yield "left", piece.text
    for piece in above(paper, found.piece, ABOVE_ROWS):
        yield "above", piece.text


def above(paper: Paper, piece: Piece, rows: int) -> Iterator[Piece]:
    """What stands over it on the same page, the nearest first."""
    for row in reversed(paper.rows[max(0, piece.row - rows) : piece.row]):
        for other in row:
            if other.page == piece.page and other.overlap(piece) > 0.3:
                yield other


def labelled(paper: Paper, found: Found[Value], kind: Callable[[str], str | None]) -> tuple[str | None, Place | None]:
    """The kind that the nearest of its labels tells, and where that label stands."""
    for place, text in labels(paper, found):
        known = kind(text)
        if known:
            return known, place
    return None, None
