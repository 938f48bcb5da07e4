"""Formats: a parser from bytes to statement lines each, found by content and not by name.

A format is a module with a NAME, `matches(head)` and `read(member, account, options, saved)`. The first in FORMATS
that matches the beginning of a file reads it; delimited text is the last, for anything may be that.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from ai2.ingest.containers import Member
from ai2.ingest.formats import bai2, camt, delimited, jsonlines, mt940, ofx, qif, workbook
from ai2.ingest.layout.model import Layout, Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.problems import UnknownFormat

HEAD_BYTES = 1 << 14
# What a file begins with when it is something else than a statement; named so that people know what they sent.
OTHER_FORMATS = ((re.compile(rb"%PDF"), "a PDF"),)


class Format(Protocol):
    """What every module here offers."""

    NAME: str

    def matches(self, head: bytes) -> bool:
        """Whether a file that begins so (HEAD_BYTES at most, see `without_marks`) is of this format."""

    def read(self, member: Member, account: Account, options: Options, saved: Sequence[Layout]) -> Statement:
        """The statement in one file. Raises Unreadable and its kinds; never skips a row."""


# A workbook may be XML or a page of HTML, so it comes before the messages that are XML.
FORMATS: tuple[Format, ...] = (ofx, workbook, camt, mt940, qif, bai2, jsonlines, delimited)


def detect(head: bytes) -> Format:
    """The format of a file that begins so. Raises UnknownFormat where it is that of something else."""
    plain = without_marks(head)
    for known in FORMATS[:-1]:
        if known.matches(plain):
            return known
    for pattern, name in OTHER_FORMATS:
        if pattern.match(plain):
            raise UnknownFormat(f"This is {name}, which is not read yet; export the statement as CSV or OFX.")
    return FORMATS[-1]


def without_marks(head: bytes) -> bytes:
    """Without byte order marks, leading space, and the zeros of UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:200].count(0) > 60:
        head = head.replace(b"\0", b"")
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
