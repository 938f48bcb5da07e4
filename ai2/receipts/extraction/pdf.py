"""PDF as paper: a process of its own in which PDFium runs, for it is native code and files come from strangers.

The process knows no secret, has a limit of memory and of time, reads so many pages and characters and no more, and
runs no script of the file. A question is the file; an answer is JSON: the words of each page with their places, and
the XML files that are attached to it.
"""

import json
import os
import resource
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ai2.kit import answering
from ai2.kit.answering import Answering
from ai2.receipts.extraction.paper import Paper, Piece

MAX_BYTES = 25_000_000
# Totals stand at the end and letterheads at the beginning.
FIRST_PAGES, LAST_PAGES, MAX_CHARACTERS = 8, 2, 40_000
MAX_ATTACHMENTS, MAX_ATTACHED_BYTES = 20, 5_000_000
PATIENCE_S, CPU_S, MEMORY_BYTES = 10, 8, 1_500_000_000
# Parts of the size of type: what parts words, and what parts pieces of a row.
_WORD_GAP, _PIECE_GAP, _SAME_ROW = 0.25, 0.9, 0.5

PROCESS = Answering(
    __name__,
    patience_s=PATIENCE_S,
    environment={name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ},
)


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
    """Nothing where it is no PDF, is protected by a password, or asks for more than one of its kind may."""
    answer = PROCESS.ask(content) if len(content) <= MAX_BYTES else None
    told = json.loads(answer) if answer else None
    if not told:
        return None
    pages = [[_Word(*word) for word in page] for page in told["pages"]]
    return Opened(_paper(pages), tuple(b64decode(each) for each in told["attached"]))


def _paper(pages: list[list[_Word]]) -> Paper:
    rows: list[tuple[Piece, ...]] = []
    for number, words in enumerate(pages):
        for line in _lines(words):
            rows.append(tuple(_piece(part, number, len(rows)) for part in _parts(line)))
    return Paper(tuple(rows))


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
    text = " ".join(word.text for word in words)
    left, right = min(word.left for word in words), max(word.right for word in words)
    top, bottom = min(word.top for word in words), max(word.bottom for word in words)
    return Piece(text, page, row, left, right, top, bottom, max(word.size for word in words))


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answering.run(answer_to)


def answer_to(question: bytes) -> bytes:
    """The words; nothing where it cannot be read."""
    import pypdfium2

    # of each file anew, counted from what was worked so far
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, resource.RLIM_INFINITY))
    try:
        with pypdfium2.PdfDocument(question) as document:
            told = {"pages": list(_pages(document)), "attached": list(_attached(document))}
            return json.dumps(told).encode()
    except (pypdfium2.PdfiumError, MemoryError, ValueError) as error:
        sys.stderr.write(f"a PDF could not be read: {type(error).__name__}\n")
        return b"null"


def _pages(document: Any) -> Iterator[list[tuple[Any, ...]]]:
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


def _words(page: Any, count: int, height: float) -> Iterator[tuple[Any, ...]]:
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


def _joined(word: list[tuple[str, float, float, float, float, float]]) -> Iterator[tuple[Any, ...]]:
    if word:
        _, lefts, tops, rights, bottoms, sizes = zip(*word, strict=True)
        text = "".join(sign for sign, *_ in word)
        box = (min(lefts), min(tops), max(rights), max(bottoms), max(sizes))
        yield (text, *(round(edge, 1) for edge in box))


def _attached(document: Any) -> Iterator[str]:
    for number in range(min(document.count_attachments(), MAX_ATTACHMENTS)):
        attachment = document.get_attachment(number)
        if attachment.get_name().lower().endswith(".xml"):
            content = bytes(attachment.get_data())
            if len(content) <= MAX_ATTACHED_BYTES:
                yield b64encode(content).decode()


if __name__ == "__main__":
    main()
