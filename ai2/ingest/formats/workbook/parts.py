"""Parts: the XML files inside a workbook's zip, read one by one, together never more than a statement could be."""

import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from ai2.ingest import containers
from ai2.ingest.containers import Member, archives
from ai2.ingest.formats.shared.markup import Reader, Walk
from ai2.ingest.problems import BrokenMarkup, DamagedWorkbook, EmptyFile, ExpandsTooMuch, LineTooLong, NotText

# A workbook's shared texts are held in memory, and a sheet of this length takes a minute.
MAX_EXPANDED_BYTES = 100_000_000


class Parts:
    """The parts of one workbook by name. Raises DamagedArchive and its kinds, ExpandsTooMuch."""

    def __init__(self, source: BinaryIO) -> None:
        self._archive = archives.opened(source)
        entries = self._archive.infolist()
        self._entries = {entry.filename.lstrip("/").casefold(): entry for entry in entries}
        markup = [entry for entry in entries if entry.filename.casefold().endswith((".xml", ".rels"))]
        if sum(entry.file_size for entry in markup) > MAX_EXPANDED_BYTES:
            raise ExpandsTooMuch
        if any(entry.file_size > containers.allowed_bytes(entry.compress_size) for entry in markup):
            raise ExpandsTooMuch

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._entries

    def named(self, pattern: str) -> list[str]:
        return [entry.filename for name, entry in self._entries.items() if re.fullmatch(pattern, name)]

    def read(self, name: str, reader: Reader) -> None:
        """Tell a reader of a part's content. Raises DamagedWorkbook where it is missing or broken, UnsafeMarkup."""
        for _ in steps(self.member(name), reader):
            pass

    def member(self, name: str) -> Member:
        entry = self._entries.get(name.lstrip("/").casefold())
        if entry is None:
            raise DamagedWorkbook

        def opened() -> BinaryIO:
            with archives.damage_named():
                inner = cast(BinaryIO, self._archive.open(entry))
            return containers.guarded(inner, containers.allowed_bytes(entry.compress_size))

        return Member(name, opened)


def steps(member: Member, reader: Reader) -> Iterator[None]:
    """Tell a reader of a file's content, piece by piece. Raises DamagedWorkbook, UnsafeMarkup."""
    try:
        yield from Walk(member).steps(reader)
    except (BrokenMarkup, EmptyFile, NotText, LineTooLong) as problem:
        raise DamagedWorkbook from problem


def local(name: str) -> str:
    """A tag without its prefix."""
    return name.rpartition(":")[2]


def attribute(attributes: dict[str, str], name: str) -> str | None:
    """An attribute whatever its prefix."""
    if name in attributes:
        return attributes[name]
    return next((value for key, value in attributes.items() if local(key) == name), None)
