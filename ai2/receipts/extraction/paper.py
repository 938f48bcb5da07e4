"""Paper: what people see of a document, whatever it came as: pieces of text and where each stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

# What a longer one says stands in its beginning, and more would only cost time.
LONGEST_PIECE, MAX_ROWS, MAX_PIECES = 500, 1_500, 5_000


@dataclass(frozen=True)
class Piece:
    """Text that stands together. Units are points of a PDF, or characters and lines of a text; `top` grows downwards.

    `row` numbers the lines of the whole document from its beginning.
    """

    text: str
    page: int
    row: int
    left: float
    right: float
    top: float
    bottom: float
    size: float = 1.0

    @property
    def where(self) -> str:
        return f"page {self.page + 1}, line {self.row + 1}: {self.text[:80]}"

    def overlap(self, other: "Piece") -> float:
        """How much of the narrower of both stands above or below the other, 0 to 1."""
        if other.left >= self.right or self.left >= other.right:
            return 0.0
        shared = min(self.right, other.right) - max(self.left, other.left)
        return shared / max(min(self.right - self.left, other.right - other.left), 0.01)


@dataclass(frozen=True)
class Paper:
    """The rows of a document from top to bottom, each from left to right, and texts that only name it: alt texts."""

    rows: tuple[tuple[Piece, ...], ...]
    names: tuple[str, ...] = ()

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(piece for row in self.rows for piece in row)

    @cached_property
    def text(self) -> str:
        return "\n".join("  ".join(piece.text for piece in row) for row in self.rows)

    def below(self, piece: Piece, lines: int) -> Iterator[Piece]:
        """What stands in the next rows of the same page, in the same column, the nearest first."""
        for row in self.rows[piece.row + 1 : piece.row + 1 + lines]:
            for other in row:
                if other.page == piece.page and other.overlap(piece) > 0.3:
                    yield other

    def after(self, piece: Piece) -> tuple[Piece, ...]:
        """What stands to the right of it in its row."""
        return tuple(other for other in self.rows[piece.row] if other.left > piece.left)


def bounded(rows: Iterable[tuple[Piece, ...]]) -> tuple[tuple[Piece, ...], ...]:
    """As many rows as have no more than MAX_PIECES together: no receipt is longer."""
    kept, count = list[tuple[Piece, ...]](), 0
    for row in rows:
        count += len(row)
        if count > MAX_PIECES or len(kept) >= MAX_ROWS:
            break
        kept.append(row)
    return tuple(kept)
