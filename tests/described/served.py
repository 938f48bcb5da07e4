"""Served: the API as it runs, in a process of its own, for tools that speak HTTP."""

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
    told = {
        **os.environ,
        "AI2_HOME": str(home),
        "RATE_LIMIT_MAX": "100000000",
        "ENABLE_MULTI_TENANT": "true",
        "TRUSTED_PROXIES": '["127.0.0.1"]',
        "LOG_LEVEL": "error",
        **settings,
    }
    with (home / "served.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", program], env=told, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process)
            yield address
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
