"""How long a start takes and what the core profile weighs: a fresh clone, then again, then the core alone.

    python -m benchmarks.startup

The marks (2 cores, packages already downloaded): fresh clone to all addresses answering 240 s, second start 45 s;
`ai2 up --profile core` with everything it starts and PostgreSQL 1,024 MB. Memory is the proportional set size:
pages that processes share are counted once.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
SETTINGS = ("GATEWAY_PORT", "CORE_PORT", "AI_PORT", "DAGSTER_PORT", "DAGSTER_CODE_PORT", "MLFLOW_PORT")
PATIENCE_S = 900
UP = "Ctrl-C stops it"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as folder:
        Path(folder).chmod(0o711)
        clone = Path(folder) / "clone"
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        with _up(clone, "dev") as process:
            print(f"fresh clone to all addresses  {time.monotonic() - began:6.1f} s    mark 240 s")
            print(f"  everything                  {_megabytes(process):6.0f} MB")
        began = time.monotonic()
        with _up(clone, "dev"):
            print(f"second start                  {time.monotonic() - began:6.1f} s    mark  45 s")
        began = time.monotonic()
        with _up(clone, "core") as process:
            print(f"core profile, start           {time.monotonic() - began:6.1f} s")
            print(f"core profile, memory          {_megabytes(process):6.0f} MB   mark 1024 MB")


@contextmanager
def _up(clone: Path, profile: str) -> Iterator[psutil.Process]:
    """`make up`, from when it says that it is up; Ctrl-C at the end."""
    output = clone.parent / "up.txt"
    told = {**os.environ, **_free_ports()}
    with output.open("wb") as written:
        process = subprocess.Popen(
            ["make", "up", f"PROFILE={profile}"], cwd=clone, env=told, stdout=written, stderr=written
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while UP not in output.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(output.read_text())
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        for child in psutil.Process(process.pid).children():
            child.send_signal(signal.SIGINT)
        process.wait(60)


def _megabytes(process: psutil.Process) -> float:
    return sum(_bytes(member) for member in [process, *process.children(recursive=True)]) / 2**20


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:  # it ended meanwhile
        return 0


def _free_ports() -> dict[str, str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in SETTINGS]
    ports = {name: str(each.getsockname()[1]) for name, each in zip(SETTINGS, sockets, strict=True)}
    for each in sockets:
        each.close()
    return ports


if __name__ == "__main__":
    main()
