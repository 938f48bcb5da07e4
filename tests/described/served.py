"""Served: the API as it runs, in a process of its own, for tools that speak HTTP; and a worker beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from api.app import TITLES
from tests.e2e.conftest import free_ports

START_S = 60


@contextmanager
def served(home: Path, **settings: str) -> Iterator[str]:
    """The gateway's address. Anybody may register, as often as they like."""
    port, *ports = free_ports(1 + len(TITLES))
    program = f"from api.serve import run; run({dict(zip(TITLES, ports, strict=True))}, {port})"
    with _process(home, "served.log", ["-c", program], settings) as process:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process)
        yield address


@contextmanager
def worked(home: Path, **settings: str) -> Iterator[None]:
    """Whatever is queued gets done meanwhile."""
    with _process(home, "worked.log", ["-m", "ai2.worker"], settings):
        yield


@contextmanager
def _process(home: Path, log: str, program: list[str], settings: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    told = {
        **os.environ,
        "AI2_HOME": str(home),
        "RATE_LIMIT_MAX": "100000000",
        "ENABLE_MULTI_TENANT": "true",
        "TRUSTED_PROXIES": '["127.0.0.1"]',
        "LOG_LEVEL": "error",
        **settings,
    }
    with (home / log).open("ab") as output:
        process = subprocess.Popen([sys.executable, *program], env=told, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            httpx.get(f"{address}/ready").raise_for_status()
        except httpx.HTTPError:
            assert process.poll() is None, "it ended while it started; served.log in its home says why"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.1)
        else:
            return
