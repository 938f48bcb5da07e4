"""Lists of passwords: sorted lines, searched by bisection, so that a list of any size costs neither memory nor time."""

import asyncio
import gzip
import hashlib
import io
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import BinaryIO

from ai2.kit.errors import Unavailable

COMMON = Path(__file__).with_name("common.txt.gz")
LINE_LENGTH = 256
# A line of Have I Been Pwned: a SHA-1 in hex, or the beginning of one, and how often it was seen.
BREACHED = re.compile(rb"[0-9A-Fa-f]{10,40}(:\d+)?\s*")


class BreachedListUnusable(Unavailable):
    """The list of breached passwords cannot be read; tell whoever runs this (BREACHED_PASSWORDS_FILE)."""


def is_common(word: str) -> bool:
    """Whether the word, in lower case, is among the passwords that are tried first."""
    wanted = word.encode("utf-8", "replace")
    return bool(wanted) and last_not_after(io.BytesIO(_common()), wanted) == wanted


async def is_breached(file: Path, forms: Iterable[str]) -> bool:
    """Whether one of these forms of a password is in the file: sorted lines as Have I Been Pwned gives them out."""
    try:
        return await asyncio.to_thread(_holds, file, set(forms))
    except OSError as error:
        raise BreachedListUnusable from error


def last_not_after(file: BinaryIO, wanted: bytes, *, until: bytes = b"\n") -> bytes:
    """The last line that does not come after `wanted`, each as far as `until`; empty where all come after it."""
    low, high, found = 0, file.seek(0, io.SEEK_END), b""
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            file.readline(LINE_LENGTH)  # to the next line that begins at the middle or after it
        at, line = file.tell(), file.readline(LINE_LENGTH)
        word = line.partition(until)[0].rstrip(b"\r\n")
        if line and word <= wanted:
            low, found = at + len(line), word
        else:
            high = middle
    return found


def _holds(path: Path, forms: set[str]) -> bool:
    with path.open("rb") as file:
        if not BREACHED.fullmatch(file.readline(LINE_LENGTH)):
            raise BreachedListUnusable
        digests = [hashlib.sha1(form.encode("utf-8", "replace"), usedforsecurity=False).hexdigest() for form in forms]
        return any(_names(file, written) for digest in digests for written in (digest, digest.upper()))


def _names(file: BinaryIO, digest: str) -> bool:
    begins = last_not_after(file, digest.encode(), until=b":")
    return bool(BREACHED.fullmatch(begins)) and digest.encode().startswith(begins)


@cache
def _common() -> bytes:
    return gzip.decompress(COMMON.read_bytes())
