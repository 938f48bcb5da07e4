"""Serve: the real process on real ports, started and stopped as the launcher does it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from api.serve import PortTaken, _listen


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def ports(server: None) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    core, gateway = free_port(), free_port()
    script = f"from api.serve import run; run({{'core': {core}}}, {gateway})"
    process = subprocess.Popen([sys.executable, "-c", script], env=os.environ)
    yield process, core, gateway
    process.kill()
    process.wait()


def get(port: int, path: str, patience_s: float = 30) -> str:
    """What is answered, waited for while the process starts."""
    until = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_gateway_and_the_port_answer_until_told_to_stop(
    ports: tuple[subprocess.Popen[str], int, int], number: int
) -> None:
    process, core, gateway = ports
    assert '"service":"core-app"' in get(core, "/health")
    assert '"service":"gateway"' in get(gateway, "/health")
    assert '"service":"core-app"' in get(gateway, "/api/core/health")
    process.send_signal(number)
    assert process.wait(timeout=20) == 0


def test_a_taken_port_is_named_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, other = taken.getsockname()[1], free_port()
        with pytest.raises(PortTaken, match=str(port)):
            _listen({"core": other, "gateway": port})
        with socket.create_server(("127.0.0.1", other)):
            pass  # it was given back
