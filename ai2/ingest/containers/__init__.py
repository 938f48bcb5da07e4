"""Containers: a statement file as it came, or inside gzip or zip, found by content and never extracted to disk.

A bomb is refused before it expands or while it does: by its total size, and by its ratio once it is large. Real
statements compress 4 to 40 times, generated ones up to 150 times; 200 MB of zeros compress 1,000 times.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, cast

from ai2.ingest.containers import archives, gunzip
from ai2.ingest.problems import EmptyArchive, EmptyFile, ExpandsTooMuch, FileTooLarge, NestedArchive

# As much as an upload may have by default; formats that are read in one piece have limits of their own.
MAX_EXPANDED_BYTES = 1_100_000_000
# Whatever its ratio; with the highest ratio; beyond that a statement compresses no better than real ones do.
FREE_BYTES, SQUEEZED_BYTES = 16 << 20, 300_000_000
MAX_RATIO, MAX_RATIO_OF_LARGE = 250, 60
MAX_ENTRIES = 200
# A workbook inside an archive is expanded in memory, for its own parts lie anywhere in it.
MAX_WORKBOOK_BYTES = 50_000_000
GZIP, ZIP = gunzip.MAGIC, (b"PK\x03\x04", b"PK\x05\x06")
NOT_STATEMENTS = ("__MACOSX/", ".DS_Store", "Thumbs.db")
# A workbook is a zip too; it is told by what lies in it, and left to the formats to refuse or read.
WORKBOOKS = ({"[Content_Types].xml"}, {"mimetype", "content.xml"})


@dataclass(frozen=True)
class Member:
    """One file to be read, as often as need be. Each `open` starts from its first byte and disturbs no other."""

    name: str
    open: Callable[[], BinaryIO]


class _Guarded(io.RawIOBase):
    """A stream that stops where it has given more than it may, and names what is broken in it."""

    def __init__(self, source: BinaryIO, allowed_bytes: int) -> None:
        self._source, self._allowed_bytes = source, allowed_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        with archives.damage_named():
            piece = self._source.read(len(view))
        self._allowed_bytes -= len(piece)
        if self._allowed_bytes < 0:
            raise ExpandsTooMuch
        view[: len(piece)] = piece
        return len(piece)


def members(source: BinaryIO, name: str) -> list[Member]:
    """The statement files in a seekable file: itself, or what its gzip or zip holds, in its order."""
    size_bytes = source.seek(0, io.SEEK_END)
    if not size_bytes:
        raise EmptyFile
    if size_bytes > MAX_EXPANDED_BYTES:
        raise FileTooLarge
    plain = Member(name, lambda: _rewound(source))
    head = _head(plain)
    if head.startswith(GZIP):
        return [_checked(_gzip_member(source, name, size_bytes))]
    if head.startswith(ZIP) and not is_workbook(source):
        return [_checked(member) for member in _zip_members(source)]
    return [plain]


def is_workbook(source: BinaryIO) -> bool:
    """Whether a zip is an office document."""
    names = set(archives.opened(source).namelist())
    return any(marks <= names for marks in WORKBOOKS)


def allowed_bytes(compressed_bytes: int) -> int:
    """How much so many compressed bytes may expand to."""
    squeezed = min(compressed_bytes * MAX_RATIO, SQUEEZED_BYTES)
    return min(MAX_EXPANDED_BYTES, max(FREE_BYTES, squeezed, compressed_bytes * MAX_RATIO_OF_LARGE))


def _gzip_member(source: BinaryIO, name: str, size_bytes: int) -> Member:
    inner = PurePath(name)

    def opened() -> BinaryIO:
        expanded = gunzip.Gunzip(_rewound(source), ratio=MAX_RATIO, free_bytes=FREE_BYTES)
        return guarded(cast(BinaryIO, expanded), allowed_bytes(size_bytes))

    return Member(inner.stem if inner.suffix.lower() in (".gz", ".gzip") else name, opened)


def _zip_members(source: BinaryIO) -> list[Member]:
    archive = archives.opened(source)
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_litter(entry.filename)]
    if not entries:
        raise EmptyArchive
    stated_bytes = [entry.file_size for entry in entries]
    if len(entries) > MAX_ENTRIES or sum(stated_bytes) > MAX_EXPANDED_BYTES:
        raise ExpandsTooMuch
    if any(stated > allowed_bytes(entry.compress_size) for stated, entry in zip(stated_bytes, entries, strict=True)):
        raise ExpandsTooMuch
    return [_zip_member(archive, entry) for entry in entries]


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    def opened() -> BinaryIO:
        with archives.damage_named():
            return guarded(cast(BinaryIO, archive.open(entry)), allowed_bytes(entry.compress_size))

    return Member(archives.base_name(entry), opened)


def _checked(member: Member) -> Member:
    """The file itself, unless it is an archive again; a workbook is one by its making only."""
    head = _head(member)
    if head.startswith(ZIP):
        workbook = Member(member.name, lambda: _in_memory(member))
        if is_workbook(workbook.open()):
            return workbook
    if head.startswith((GZIP, *ZIP)):
        raise NestedArchive
    return member


def _in_memory(member: Member) -> BinaryIO:
    with member.open() as opened:
        content = opened.read(MAX_WORKBOOK_BYTES + 1)
    if len(content) > MAX_WORKBOOK_BYTES:
        raise FileTooLarge
    return io.BytesIO(content)


def _is_litter(name: str) -> bool:
    return any(litter in name for litter in NOT_STATEMENTS)


def guarded(source: BinaryIO, most_bytes: int) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Guarded(source, most_bytes), 1 << 18))


def _rewound(source: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, archives.View(source))


def _head(member: Member) -> bytes:
    with member.open() as opened:
        return opened.read(4)
