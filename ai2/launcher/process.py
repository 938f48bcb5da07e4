"""A process of ours: started in a group of its own with its log, and ended with all that it started."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from ai2.launcher.environment import ROOT

PATIENCE_S = 15
LOG_BYTES = 20_000_000  # a larger log of earlier starts makes room for a new one


@dataclass(frozen=True)
class Started:
    """A process that was started: the leader of its group."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path
    log_began: int

    def ended(self) -> str | None:
        """How it ended, in words; none while it runs."""
        code = self.popen.poll()
        if code is None:
            return None
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, from this life of it."""
        with self.log.open("rb") as log:
            log.seek(max(self.log_began, self.log.stat().st_size - 4000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def start(name: str, command: Sequence[str], environment: Mapping[str, str], logs: Path) -> Started:
    """Start a process in a session of its own, so that a Ctrl-C in the terminal reaches us alone."""
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        began = log.seek(0, os.SEEK_END)
        popen = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Started(name, popen, path, began)


def stop(processes: Sequence[Started]) -> None:
    """End processes and whatever they started: asked first, made to after a while."""
    families = [member for process in processes for member in _family(process.popen.pid)]
    for process in processes:
        _signal_group(process.popen.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while any(process.popen.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        _signal_group(process.popen.pid, signal.SIGKILL)
    for process in processes:
        process.popen.wait()
    end_all(families)


def end_all(processes: Sequence[psutil.Process]) -> None:
    """End what is still there of these."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(processes, timeout=PATIENCE_S)


def _family(pid: int) -> list[psutil.Process]:
    """Those below a process, also where they have left its group."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return
