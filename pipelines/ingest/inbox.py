"""The inbox: files dropped at `inbox/<organization>/<account>/`, by name or id.

A file is taken once it has stopped growing. One that was imported moves to `done/` beside it; one that could not be
read, asks a question or is held stays where it is, and is tried again when it or its account's layouts change.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from uuid import UUID

DONE = "done"
# Names that programs give to what they are still writing.
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".swp")


@dataclass(frozen=True)
class Dropped:
    """A file as a look at the inbox found it. `changed_ns` also changes when the file is moved or replaced."""

    path: Path
    size_bytes: int
    changed_ns: int

    @property
    def place(self) -> tuple[str, str]:
        """The names of its folders: organization and account."""
        return self.path.parent.parent.name, self.path.parent.name

    @property
    def look(self) -> list[int]:
        return [self.size_bytes, self.changed_ns]


@dataclass(frozen=True)
class Place:
    """Whose files a folder's are. `layouts` differs whenever the account's files are read differently."""

    organization_id: UUID
    account_id: UUID
    layouts: str


def look(inbox: Path) -> list[Dropped]:
    """Every file that somebody dropped, in the order of their paths."""
    found = (_dropped(path) for path in sorted(inbox.glob("*/*/*")) if _is_meant(path))
    return [file for file in found if file]


def settled(before: Mapping[str, list[int]], now: Iterable[Dropped]) -> list[Dropped]:
    """The files that did not change between two looks: nobody writes them any more."""
    return [file for file in now if before.get(str(file.path)) == file.look]


def remembered(now: Iterable[Dropped]) -> str:
    """A look, to be compared with the next."""
    return json.dumps({str(file.path): file.look for file in now})


def run_key(file: Dropped, place: Place) -> str:
    """One run for one file as it was dropped; another once its account's files are read differently."""
    return f"{place.account_id}:{_digest_of(file)}:{file.changed_ns}:{place.layouts}"


@lru_cache(maxsize=1000)  # a file that waits is looked at every few seconds
def _digest_of(file: Dropped) -> str:
    return digest(file.path)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put_away(path: Path) -> Path:
    """Move an imported file to `done/`; an earlier one of that name stays."""
    folder = path.parent / DONE
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    return path.rename(target)


def _is_meant(path: Path) -> bool:
    return not path.name.startswith((".", "~")) and not path.name.lower().endswith(UNFINISHED)


def _dropped(path: Path) -> Dropped | None:
    """A file of its own: no folder, no link to somewhere else, and not taken away meanwhile."""
    with suppress(FileNotFoundError):
        stat = path.lstat()
        if S_ISREG(stat.st_mode):
            return Dropped(path, stat.st_size, stat.st_ctime_ns)
    return None
