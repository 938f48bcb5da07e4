"""Plain text as paper: a line is a row, and what two spaces, a tab or a bar parts are pieces of it."""

import re

from ai2.ingest import encodings
from ai2.receipts.extraction.paper import Paper, Piece

MAX_LINES, MAX_WIDTH = 5_000, 1_000
_PIECE = re.compile(r"[^\s|](?:[^\s|]| (?=[^\s|]))*")


def paper(content: bytes) -> Paper:
    return of_text(decoded(content))


def decoded(content: bytes) -> str:
    """UTF-8 or UTF-16 where it is that, else as Western Windows writes, in which every byte but a few is a letter."""
    for mark, name in encodings.BOMS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def of_text(text: str) -> Paper:
    lines = [line[:MAX_WIDTH].expandtabs(8) for line in text.splitlines()[:MAX_LINES]]
    filled = [(top, line) for top, line in enumerate(lines) if line.strip(" |\t\xa0")]
    return Paper(tuple(_row(line.replace("\xa0", " "), top, row) for row, (top, line) in enumerate(filled)))


def _row(line: str, top: int, row: int) -> tuple[Piece, ...]:
    return tuple(Piece(match[0], 0, row, match.start(), match.end(), top, top + 1) for match in _PIECE.finditer(line))
