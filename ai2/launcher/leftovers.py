"""Leftovers: a start that was killed could not end its processes; the next one does, by the note of who ran."""

import json
from collections.abc import Sequence
from pathlib import Path

import psutil

from ai2.launcher import process
from ai2.launcher.process import Started


def note(home: Path, running: Sequence[Started]) -> None:
    """Write down who runs, each with the time it was born: a process id alone may come to mean another."""
    seen = [{"name": started.name, "pid": started.popen.pid, "born": _born(started.popen.pid)} for started in running]
    path = home / "processes.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([entry for entry in seen if entry["born"]]))
    draft.replace(path)


def end(home: Path) -> list[str]:
    """End what an earlier start left running; their names."""
    path = home / "processes.json"
    noted = json.loads(path.read_text()) if path.exists() else []
    alive = [entry for entry in noted if _born(entry["pid"]) == entry["born"]]
    leaders = [psutil.Process(entry["pid"]) for entry in alive]
    families = [child for leader in leaders for child in leader.children(recursive=True)]
    process.end_all([*leaders, *families])
    path.unlink(missing_ok=True)
    return [entry["name"] for entry in alive]


def _born(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
