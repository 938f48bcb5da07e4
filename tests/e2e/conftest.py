"""The whole platform, started as a person starts it, on free ports and in a home of its own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ai2.kit import postgres

ROOT = Path(__file__).parents[2]
START_S = 540
PORTS = {
    "GATEWAY_PORT": 8000,
    "CORE_PORT": 3001,
    "AI_PORT": 3002,
    "ANALYTICS_PORT": 3004,
    "DAGSTER_PORT": 3000,
    "MLFLOW_PORT": 5000,
}


@dataclass
class Platform:
    """A running `ai2 up`: what it was told, and what it said."""

    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text()

    def url(self, setting: str) -> str:
        return f"http://127.0.0.1:{self.environment[setting]}"

    def here(self, text: str) -> str:
        """The README's words with this platform's ports."""
        for setting, number in PORTS.items():
            text = text.replace(f"localhost:{number}", f"localhost:{self.environment[setting]}")
        return text

    def run(self, command: str, folder: Path) -> str:
        """A line typed into a second terminal."""
        told = self.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=told, capture_output=True, text=True, timeout=120, check=False
        )
        return done.stdout + done.stderr


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def environment(home: Path) -> dict[str, str]:
    settings = [*PORTS, "DAGSTER_CODE_PORT"]
    ports = dict(zip(settings, map(str, free_ports(len(settings))), strict=True))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **ports, "AI2_HOME": str(home), "COLUMNS": "200"}


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """`ai2 up`, until it says that it is up."""
    home = Path(tempfile.mkdtemp(prefix="ai2-e2e-"))
    home.chmod(0o711)
    output = home / "up.txt"
    told = environment(home)
    with output.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "ai2", "up"], env=told, cwd=ROOT, stdout=written, stderr=written
        )
    platform = Platform(process, told, output)
    try:
        deadline = time.monotonic() + START_S
        while "Ctrl-C stops it" not in platform.said:
            assert process.poll() is None, platform.said
            assert time.monotonic() < deadline, platform.said
            time.sleep(0.5)
        yield platform
    finally:
        stop(process)
        shutil.rmtree(home)
        shutil.rmtree(postgres.cluster(home).folder, ignore_errors=True)


def stop(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Press Ctrl-C; what is still there afterwards."""
    if process.poll() is not None:
        return []
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    process.wait(120)
    return [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def console_lines(readme: str) -> list[tuple[str, str]]:
    """Every `$ command` of the README's console blocks, with what it shows."""
    blocks = re.findall(r"```console\n(.*?)```", readme, re.DOTALL)
    return [
        (command, shown)
        for block in blocks
        for command, shown in re.findall(r"^\$ (.*?)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]
