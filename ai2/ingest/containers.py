"""Containers: a statement file as it came, or inside gzip or zip, found by content and never extracted to disk.

A bomb is refused while it expands: by its total size, and by its ratio once it is large. Real statements
compress 4 to 40 times, generated ones up to 150 times; 200 MB of zeros compress 1,000 times.
"""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, cast

from ai2.ingest.problems import (
    DamagedArchive,
    EmptyArchive,
    EmptyFile,
    EncryptedArchive,
    ExpandsTooMuch,
    FileTooLarge,
    NestedArchive,
)

# A file is read as columns in memory: some four times its bytes.
MAX_EXPANDED_BYTES = 300_000_000
MAX_RATIO = 250
RATIO_COUNTS_FROM_BYTES = 16 << 20
MAX_ENTRIES = 200
GZIP, ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
NOT_STATEMENTS = ("__MACOSX/", ".DS_Store", "Thumbs.db")
# A workbook is a zip too; it is told by what lies in it, and left to the formats to refuse or read.
WORKBOOKS = ("[Content_Types].xml", "mimetype")


@dataclass(frozen=True)
class Member:
    """One file to be read, as often as need be. Each `open` starts from its first byte and disturbs no other."""

    name: str
    open: Callable[[], BinaryIO]


class _Guarded(io.RawIOBase):
    """A stream that stops where it has given more than it may."""

    def __init__(self, source: BinaryIO, compressed_bytes: int, spent_bytes: int = 0) -> None:
        self._source = source
        self._allowed_bytes = min(
            MAX_EXPANDED_BYTES - spent_bytes, max(compressed_bytes * MAX_RATIO, RATIO_COUNTS_FROM_BYTES)
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        with _damage_named():
            piece = self._source.read(len(view))
        self._allowed_bytes -= len(piece)
        if self._allowed_bytes < 0:
            raise ExpandsTooMuch
        view[: len(piece)] = piece
        return len(piece)


def members(source: BinaryIO, name: str) -> list[Member]:
    """The statement files in a seekable file: itself, or what its gzip or zip holds, in its order."""
    size_bytes = source.seek(0, io.SEEK_END)
    head = _head(source)
    if not size_bytes:
        raise EmptyFile
    if size_bytes > MAX_EXPANDED_BYTES:
        raise FileTooLarge
    if head.startswith(GZIP):
        return [_gzip_member(source, name, size_bytes)]
    if head.startswith(ZIP):
        return _zip_members(source, name)
    return [Member(name, lambda: _rewound(source))]


def _gzip_member(source: BinaryIO, name: str, size_bytes: int) -> Member:
    inner = PurePath(name)
    member = Member(
        inner.stem if inner.suffix.lower() in (".gz", ".gzip") else name,
        lambda: _guarded(cast(BinaryIO, gzip.GzipFile(fileobj=_rewound(source))), size_bytes),
    )
    _refuse_nested(member)
    return member


def _zip_members(source: BinaryIO, name: str) -> list[Member]:
    with _damage_named():
        archive = zipfile.ZipFile(source)
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if {entry.filename for entry in entries} & set(WORKBOOKS):
        return [Member(name, lambda: _rewound(source))]
    entries = [entry for entry in entries if not _is_litter(entry.filename)]
    _check_entries(entries)
    found = [_zip_member(archive, entry) for entry in entries]
    for member in found:
        _refuse_nested(member)
    return found


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if not entries:
        raise EmptyArchive
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise EncryptedArchive
    # What an archive says of itself may be a lie; it is believed where it condemns, and measured while it expands.
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_EXPANDED_BYTES:
        raise ExpandsTooMuch


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    def opened() -> BinaryIO:
        with _damage_named():
            return _guarded(cast(BinaryIO, archive.open(entry)), entry.compress_size)

    return Member(PurePath(entry.filename).name, opened)


def _refuse_nested(member: Member) -> None:
    with member.open() as opened:
        if opened.read(4).startswith((GZIP, *ZIP)):
            raise NestedArchive


def _is_litter(name: str) -> bool:
    return any(litter in name for litter in NOT_STATEMENTS)


def _guarded(source: BinaryIO, compressed_bytes: int) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Guarded(source, compressed_bytes), 1 << 18))


def _rewound(source: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, _FromStart(source))


def _head(source: BinaryIO) -> bytes:
    source.seek(0)
    head = source.read(4)
    source.seek(0)
    return head


class _FromStart(io.RawIOBase):
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
        self._position = start[whence] + offset if whence in start else self._source.seek(offset, whence)
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


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, struct.error, NotImplementedError) as error:
        raise DamagedArchive from error
