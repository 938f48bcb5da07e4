"""Remote files: which of the files on a server are to be taken now, and the pages they make. Whose server is no matter.

A file is known by its version: its size and when it was changed, or what its store calls it. One that has changed is
taken again, and what is in the books already is found to be so by ingestion. A file comes whole or not at all: the
cursor has it only once all of its bytes are in the books.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from ai2.ingest.sources.model import Document, Page, Session
from ai2.ingest.sources.problems import Permanent

# Whoever writes a file may pause so long and go on.
SETTLED_S = 60.0
# It is held in memory as a whole.
LARGEST_BYTES = 300_000_000
MOST_FILES = 20_000
# Pieces: after each the run says that it is alive.
PIECE_BYTES = 4_000_000

PATTERN = {"type": "string", "minLength": 1, "maxLength": 200, "default": "*", "description": "Which files: *.csv."}
DONE_MARKER = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": 50,
    "pattern": "^[^/]+$",
    "default": None,
    "description": (
        "An ending, such as .done: a file is taken once an empty one of its name and this ending lies beside it. "
        "Without one, a file is taken once it has not been changed for a minute."
    ),
}


class FolderNotThere(Permanent):
    """The folder is not there, or may not be read."""

    what_to_do = "Correct the path, or have its owner let you read it, and sync again."


class FileTooLarge(Permanent):
    """A file is larger than is fetched; all others were taken."""

    what_to_do = "Split the file or move it away, and sync again. It can be uploaded as it is."


class TooManyFiles(Permanent):
    """There are more files in the folder than are looked through."""

    what_to_do = "Move away what was taken, or name a folder of its own."


@dataclass(frozen=True)
class RemoteFile:
    """A file as its server lists it."""

    name: str
    size_bytes: int
    changed_at: datetime | None
    # what its store calls this version of it, where it does
    version: str | None = None

    @property
    def told(self) -> str:
        at = int(self.changed_at.timestamp()) if self.changed_at else 0
        return self.version or f"{self.size_bytes} {at}"


def pages(
    session: Session, found: Iterable[RemoteFile], read: Callable[[RemoteFile], Iterator[bytes]]
) -> Iterator[Page]:
    """A page for each file, the oldest first; on the way to it pages with nothing, so that the run is known to live.

    `read` gives a file's pieces, and none after which it turns out to be another file meanwhile.
    """
    listed = _listed(found)
    names = {file.name for file in listed}
    taken = {name: version for name, version in _taken(session.cursor).items() if name in names}
    due = wanted(listed, session.settings, taken, since=session.since)
    for file in due:
        if file.size_bytes > LARGEST_BYTES:
            continue
        content = bytearray()
        for piece in read(file):
            content += piece
            yield Page()
        if len(content) == file.size_bytes:  # else it is being written: the next run has it
            taken[file.name] = file.told
            yield Page(documents=(Document(file.name, bytes(content), kind="file"),), cursor={"taken": dict(taken)})
    if too_large := [file.name for file in due if file.size_bytes > LARGEST_BYTES]:
        raise FileTooLarge(f"{too_large[0]} is larger than {LARGEST_BYTES // 1_000_000} MB; all others were taken.")


def wanted(
    listed: list[RemoteFile],
    settings: Mapping[str, Any],
    taken: Mapping[str, str],
    *,
    since: date | None = None,
    now: datetime | None = None,
) -> list[RemoteFile]:
    """Those that match, are whole, and are not taken yet, the oldest first."""
    pattern, marker = str(settings.get("pattern") or "*"), settings.get("done_marker")
    names = {file.name for file in listed}
    now = now or datetime.now(UTC)
    due = [
        file
        for file in listed
        if fnmatchcase(file.name, pattern)
        and file.size_bytes > 0
        and taken.get(file.name) != file.told
        and (_is_marked(file, marker, names) if marker else _is_settled(file, now))
        # what is of a day was written on it or after it
        and (since is None or file.changed_at is None or file.changed_at.date() >= since)
    ]
    earliest = datetime.min.replace(tzinfo=UTC)
    return sorted(due, key=lambda file: (file.changed_at or earliest, file.name))


def _is_marked(file: RemoteFile, marker: str, names: set[str]) -> bool:
    return file.name + marker in names and not file.name.endswith(marker)


def _is_settled(file: RemoteFile, now: datetime) -> bool:
    """A store that has versions shows none before it is whole."""
    return file.version is not None or file.changed_at is None or (now - file.changed_at).total_seconds() > SETTLED_S


def _listed(found: Iterable[RemoteFile]) -> list[RemoteFile]:
    listed: list[RemoteFile] = []
    for file in found:
        if len(listed) == MOST_FILES:
            raise TooManyFiles
        if file.name and not file.name.startswith(".") and "/" not in file.name and "\0" not in file.name:
            listed.append(file)
    return listed


def _taken(cursor: Mapping[str, Any] | None) -> dict[str, str]:
    return dict((cursor or {}).get("taken", {}))
