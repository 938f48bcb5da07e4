"""A watched folder: statement files that something else puts into a folder of this machine or a mounted one.

Only folders below one that the operator names may be watched. A file is taken once it has stopped changing, and again
where it changed; what is in it already is found to be so by ingestion.
"""

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from time import time

from ai2.ingest.sources.model import Connected, Document, Page, Session, Source
from ai2.ingest.sources.problems import Permanent
from ai2.kit.settings import settings

SETTLED_S = 2.0
LARGEST_BYTES = 1_100_000_000


class FolderNotAllowed(Permanent):
    """This folder cannot be watched: the operator has not named one above it (WATCHED_FOLDERS), or it is not there."""

    what_to_do = "Ask the operator to add the folder to WATCHED_FOLDERS, or name one below those."


def connect(session: Session) -> Connected:
    _folder(session)
    return Connected()


def pages(session: Session) -> Iterator[Page]:
    """A page for each file, the oldest first; the cursor has the digest of each that was taken."""
    taken = dict((session.cursor or {}).get("taken", {}))
    for path in _files(_folder(session), str(session.settings.get("pattern", "*"))):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if taken.get(path.name) != digest:
            taken[path.name] = digest
            yield Page(documents=(Document(path.name, content, kind="file"),), cursor={"taken": dict(taken)})


def _folder(session: Session) -> Path:
    folder = Path(str(session.settings["path"])).resolve()
    allowed = [path.resolve() for path in settings().watched_folders]
    if not folder.is_dir() or not any(folder.is_relative_to(path) for path in allowed):
        raise FolderNotAllowed
    return folder


def _files(folder: Path, pattern: str) -> list[Path]:
    """Those that match and are settled, the oldest first. A link out of the folder is no file of it."""
    found = [path for path in folder.iterdir() if fnmatch(path.name, pattern) and not path.name.startswith(".")]
    files = [path for path in found if path.is_file() and path.resolve().is_relative_to(folder)]
    known = [(path.stat(), path) for path in files]
    settled = [
        (stat.st_mtime, path)
        for stat, path in known
        if 0 < stat.st_size <= LARGEST_BYTES and time() - stat.st_mtime > SETTLED_S
    ]
    return [path for _, path in sorted(settled)]


SOURCE = Source(
    name="folder",
    title="Watched folder",
    kind="bank",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["path"],
        "properties": {
            "path": {"type": "string", "minLength": 1, "description": "The folder, below one of WATCHED_FOLDERS."},
            "pattern": {"type": "string", "default": "*", "description": "Which files, such as *.csv."},
        },
    },
    credentials={"type": "object", "additionalProperties": False, "properties": {}},
    connect=connect,
    pages=pages,
    can=frozenset({"files"}),
)
