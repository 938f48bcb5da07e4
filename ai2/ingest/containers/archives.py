"""Zip archives, checked before anything in them is expanded: what they name, how they overlap, what they claim.

Nothing is ever written under a name from an archive; names that point outside are refused all the same, for nobody
makes them by accident. Sizes that an archive states are believed where they condemn it, and held to while it expands:
Python's reader stops at the stated size, and a wrong one fails the check sum.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from ai2.ingest.problems import DamagedArchive, EncryptedArchive, ExpandsTooMuch, UnsafeArchive, UnusualArchive

# The list of an archive's files; one of this length names some ten thousand.
MAX_DIRECTORY_BYTES = 1 << 20
LOCAL_HEADER_BYTES = 30
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OUTSIDE = re.compile(r"^(?:[A-Za-z]:|/)|(?:^|/)\.\.(?:/|$)|\0")


class View(io.RawIOBase):
    """A view of a file with a place of its own in it; closing it leaves the file to its owner."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        position = start[whence] + offset if whence in start else self._source.seek(offset, whence)
        if position < 0:
            raise DamagedArchive
        self._position = position
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        self._source.seek(self._position)
        piece = self._source.read(len(view))
        self._position += len(piece)
        view[: len(piece)] = piece
        return len(piece)


class _Directory(View):
    """A view that gives no list of files longer than any real one."""

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise ExpandsTooMuch
        return super().read(size) or b""


def opened(source: BinaryIO) -> zipfile.ZipFile:
    """An archive, its list of files checked. Raises DamagedArchive and its neighbours in `problems`."""
    with damage_named():
        archive = zipfile.ZipFile(cast(BinaryIO, _Directory(source)))
    entries = archive.infolist()
    if any(_OUTSIDE.search(_plain(entry)) or stat.S_ISLNK(entry.external_attr >> 16) for entry in entries):
        raise UnsafeArchive
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise EncryptedArchive
    if any(entry.compress_type not in METHODS for entry in entries):
        raise UnusualArchive
    _refuse_overlap(entries)
    return archive


def _plain(entry: zipfile.ZipInfo) -> str:
    return str(getattr(entry, "orig_filename", entry.filename)).replace("\\", "/")


def base_name(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(_plain(entry)).name


def _refuse_overlap(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes expand the same few bytes again and again."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise ExpandsTooMuch
        end = entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size


@contextmanager
def damage_named() -> Iterator[None]:
    """What Python's reader raises for a broken archive, under its business name."""
    try:
        yield
    except (
        EOFError, OSError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile, struct.error,
    ) as error:  # fmt: skip
        raise DamagedArchive from error
