"""Plain text as paper: a line is a row, and what two spaces, a tab or a bar parts are pieces of it."""

import codecs
import re

from ai2.ingest import encodings
from ai2.receipts.extraction.paper import LONGEST_PIECE, MAX_ROWS, Paper, Piece, bounded

MAX_CHARACTERS = 1_000_000
_PIECE = re.compile(r"[^\s|](?:[^\s|]| (?=[^\s|]))*")


def paper(content: bytes) -> Paper:
    return of_text(decoded(content))


def decoded(content: bytes, said: str = "") -> str:
    """UTF-8 or UTF-16 where it is that, else what it is said to be, else as Western Windows writes."""
    for mark, name in encodings.BOMS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode(said if _is_text_encoding(said) else "cp1252", "replace")


def _is_text_encoding(name: str) -> bool:
    """Whether Python knows it as one of text; it has others, such as base64."""
    try:
        return isinstance("".encode(name), bytes) and codecs.lookup(name).name not in ("utf-8", "idna", "punycode")
    except (LookupError, UnicodeError, ValueError, TypeError):
        return False


def of_text(text: str) -> Paper:
    lines = [line[:LONGEST_PIECE].expandtabs(8) for line in text[:MAX_CHARACTERS].splitlines()]
    filled = [(top, line) for top, line in enumerate(lines) if line.strip(" |\t\xa0")]
    rows = (_row(line.replace("\xa0", " "), top, row) for row, (top, line) in enumerate(filled[:MAX_ROWS]))
    return Paper(bounded(rows))


def _row(line: str, top: int, row: int) -> tuple[Piece, ...]:
    return tuple(Piece(match[0], 0, row, match.start(), match.end(), top, top + 1) for match in _PIECE.finditer(line))
