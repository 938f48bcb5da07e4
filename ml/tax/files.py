"""Files: the rules as they are shipped, a folder a jurisdiction, and the digest that tells whether they changed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ml.tax.rows import Row, RuleUnreadable, read

FOLDER = Path(__file__).with_name("rules")
# Nothing in these files is a number, a day or a truth before we say so: NO is Norway, and 0.725 is exact.
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
NOTHING = {"null", "~", ""}


def read_all(folder: Path = FOLDER) -> list[Row]:
    """Every row of every file, by rule and day. Raises RuleUnreadable."""
    found = [row for path in _paths(folder) for row in _rows(path)]
    keys = [(row.rule_id, row.valid_from, row.version) for row in found]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise RuleUnreadable(f"{sorted(twice)[0][0]}: the same row is there twice")
    return sorted(found, key=lambda row: (row.rule_id, row.valid_from, row.version))


def digest(folder: Path = FOLDER) -> str:
    """The digest of all files together."""
    whole = hashlib.sha256()
    for path in _paths(folder):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def signature(folder: Path = FOLDER) -> tuple[tuple[str, int, int], ...]:
    """What changes where a file is written, told without reading any."""
    return tuple((str(path), (known := path.stat()).st_mtime_ns, known.st_size) for path in _paths(folder))


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.yaml"))


def _rows(path: Path) -> Iterator[Row]:
    jurisdiction = path.parent.name.upper()
    for rule in yaml.load(path.read_bytes(), LOADER):  # noqa: S506 - the base loader makes texts and nothing else
        if not isinstance(rule, dict) or not isinstance(rule.get("rows"), list):
            raise RuleUnreadable(f"{path.name}: a rule is a mapping that has rows")
        shared = {"jurisdiction": jurisdiction, **{name: value for name, value in rule.items() if name != "rows"}}
        for row in rule["rows"]:
            yield read(_with_nothing({**shared, **row}))


def _with_nothing(written: dict[str, Any]) -> dict[str, Any]:
    """What is not published takes the figures of its rule away."""
    known = {name: None if value in NOTHING else value for name, value in written.items() if not _is_container(value)}
    held = {name: value for name, value in written.items() if _is_container(value)}
    if known.get("status") == "unpublished":
        return {**known, "value": None}
    return {**known, **held}


def _is_container(value: Any) -> bool:
    return isinstance(value, list | dict)
