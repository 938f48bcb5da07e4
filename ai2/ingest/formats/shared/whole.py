"""Whole texts: a file that is read in one piece, for formats whose records do not stand on lines of their own."""

import io
from collections.abc import Sequence

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.layout.model import Layout
from ai2.ingest.problems import FileTooLarge

MAX_LENGTH = 200_000_000


def text_of(
    member: Member, saved: Sequence[Layout] = (), *, said: str | None = None, longest: int = MAX_LENGTH
) -> tuple[str, encodings.Text]:
    """The file's text, without the zeros and the closing control sign that some banks add, and how it was encoded.

    `said` is a person's answer. Raises EmptyFile, NotText, NeedsAnswer and, beyond `longest` letters, FileTooLarge.
    """
    usual = next((layout.encoding for layout in saved if layout.encoding), "cp1252")
    with member.open() as opened:
        found = encodings.examine(opened, one_line=True, usual=usual, said=said)
    with member.open() as opened, io.TextIOWrapper(opened, found.encoding, errors="replace", newline="") as text:
        content = text.read(longest + 1)
    if len(content) > longest:
        raise FileTooLarge
    return content.translate({0: None, 0x1A: None, 0xFEFF: None}), found
