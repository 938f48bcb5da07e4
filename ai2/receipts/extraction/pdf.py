"""PDF as paper: the words of its pages with their places, and the XML files that are attached to it.

So many pages and characters are read and no more, and no script of the file is run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ai2.receipts.extraction.paper import LONGEST_PIECE, Paper, Piece, bounded

# Totals stand at the end and letterheads at the beginning.
FIRST_PAGES, LAST_PAGES, MAX_CHARACTERS = 8, 2, 40_000
MAX_ATTACHMENTS, MAX_ATTACHED_BYTES = 20, 5_000_000
# Parts of the size of type: what parts words, and what parts pieces of a row.
_WORD_GAP, _PIECE_GAP, _SAME_ROW = 0.25, 0.9, 0.5


@dataclass(frozen=True)
class Opened:
    """What people see of a PDF, and the XML in it that machines read."""

    paper: Paper
    attached: tuple[bytes, ...]


@dataclass(frozen=True)
class _Word:
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float


def opened(content: bytes) -> Opened | None:
    """Nothing where it is no PDF, is broken, or is protected by a password."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(content) as document:
            return Opened(_paper(list(_pages(document))), tuple(_attached(document)))
    except pypdfium2.PdfiumError:
        return None


def _paper(pages: list[list[_Word]]) -> Paper:
    rows: list[tuple[Piece, ...]] = []
    for number, words in enumerate(pages):
        for line in _lines(words):
            rows.append(tuple(_piece(part, number, len(rows)) for part in _parts(line)))
    return Paper(bounded(rows))


def _lines(words: list[_Word]) -> Iterator[list[_Word]]:
    """Words whose middles are on a height, from left to right."""
    line: list[_Word] = []
    for word in sorted(words, key=lambda word: (word.top + word.bottom, word.left)):
        middle = (word.top + word.bottom) / 2
        if line and middle - (line[0].top + line[0].bottom) / 2 > _SAME_ROW * min(word.size, line[0].size):
            yield sorted(line, key=lambda word: word.left)
            line = []
        line.append(word)
    if line:
        yield sorted(line, key=lambda word: word.left)


def _parts(line: list[_Word]) -> Iterator[list[_Word]]:
    start = 0
    for place, (one, other) in enumerate(pairwise(line), 1):
        if other.left - one.right > _PIECE_GAP * max(one.size, other.size):
            yield line[start:place]
            start = place
    yield line[start:]


def _piece(words: list[_Word], page: int, row: int) -> Piece:
    text = " ".join(word.text for word in words)[:LONGEST_PIECE]
    left, right = min(word.left for word in words), max(word.right for word in words)
    top, bottom = min(word.top for word in words), max(word.bottom for word in words)
    return Piece(text, page, row, left, right, top, bottom, max(word.size for word in words))


def _pages(document: Any) -> Iterator[list[_Word]]:
    left, count = MAX_CHARACTERS, len(document)
    for number in range(count):
        if left > 0 and (number < FIRST_PAGES or number >= count - LAST_PAGES):
            page = document[number]
            height, text = page.get_height(), page.get_textpage()
            characters = min(text.count_chars(), left)
            left -= characters
            yield list(_words(text, characters, height))
            text.close()
            page.close()


def _words(page: Any, count: int, height: float) -> Iterator[_Word]:
    """Characters that stand together; `top` is counted from the upper edge."""
    from pypdfium2 import raw

    word: list[tuple[str, float, float, float, float, float]] = []
    for index in range(count):
        sign = chr(raw.FPDFText_GetUnicode(page, index) or 32)
        if sign.isspace() or sign in "\ufffe\uffff\x02":
            yield from _joined(word)
            word = []
            continue
        left, bottom, right, top = page.get_charbox(index, loose=True)
        size = max(top - bottom, 1.0)
        if word and not (-size < left - word[-1][3] < _WORD_GAP * size and abs(height - top - word[-1][2]) < size / 2):
            yield from _joined(word)
            word = []
        word.append((sign, left, height - top, right, height - bottom, size))
    yield from _joined(word)


def _joined(word: list[tuple[str, float, float, float, float, float]]) -> Iterator[_Word]:
    if word:
        _, lefts, tops, rights, bottoms, sizes = zip(*word, strict=True)
        text = "".join(sign for sign, *_ in word)
        yield _Word(text, min(lefts), min(tops), max(rights), max(bottoms), max(sizes))


def _attached(document: Any) -> Iterator[bytes]:
    for number in range(min(document.count_attachments(), MAX_ATTACHMENTS)):
        attachment = document.get_attachment(number)
        if attachment.get_name().lower().endswith(".xml"):
            content = bytes(attachment.get_data())
            if len(content) <= MAX_ATTACHED_BYTES:
                yield content
