"""Up: the core profile from the first look at the ports to the last process ended, in this process."""

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from ai2.kit import postgres
from ai2.kit.settings import Settings
from ai2.launcher.console import Screen
from ai2.launcher.profiles import Profile
from ai2.launcher.status import look
from ai2.launcher.up import up

PATIENCE_S = 120


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ai2-up-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
    shutil.rmtree(postgres.cluster(folder).folder, ignore_errors=True)


@pytest.fixture
def using(home: Path) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        gateway, core = one.getsockname()[1], two.getsockname()[1]
    return Settings(ai2_home=home, gateway_port=gateway, core_port=core, _env_file=None)  # type: ignore[call-arg]


def run(using: Settings, meanwhile: Callable[[str], None], *, ends_by_itself_within_s: float = 0) -> tuple[int, str]:
    """A start, what is done while it runs, and Ctrl-C: the exit code and what was said."""
    said = io.StringIO()
    failed: list[BaseException] = []
    has_ended = threading.Event()

    def watch() -> None:
        _until_up(said, has_ended)
        try:
            meanwhile(said.getvalue())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failed.append(error)
        if not has_ended.wait(ends_by_itself_within_s):
            os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = up(Profile.CORE, using, Screen(Console(file=said, width=200)))
    has_ended.set()
    watcher.join()
    if failed:
        raise failed[0]
    return code, said.getvalue()


def test_starts_fills_and_stops(using: Settings) -> None:
    states: list[str] = []

    def ask(said: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{using.gateway_port}/health", timeout=10) as answer:
            states.append(json.load(answer)["status"])
        states.extend(part.title for part in asyncio.run(look(using)) if not part.answers)

    before = set(psutil.Process().children(recursive=True))
    code, said = run(using, ask)
    assert code == 0, said
    assert states == ["healthy"]
    assert "AI2 is up. Ctrl-C stops it." in said
    assert "Harbour Lane Coffee Ltd" in said
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_second_start_keeps_the_data_and_shows_the_same_key(using: Settings) -> None:
    known = json.loads((using.home / "sample.json").read_text())
    assert known["is_loaded"]
    _, said = run(using, lambda said: None)
    assert known["api_key"] in said
    assert "✓ Sample organization" not in said


def test_a_taken_port_stops_the_start_before_it_begins(using: Settings) -> None:
    said = io.StringIO()
    with socket.create_server(("127.0.0.1", using.core_port)):
        code = up(Profile.CORE, using, Screen(Console(file=said, width=200)))
    assert code == 1
    assert f"Port {using.core_port} is taken" in said.getvalue()
    assert "CORE_PORT=" in said.getvalue()
    assert not postgres.answers(using.home)


def test_what_is_not_built_is_said(using: Settings) -> None:
    said = io.StringIO()
    with socket.create_server(("127.0.0.1", using.core_port)):
        up(Profile.ENTERPRISE, using, Screen(Console(file=said, width=200)))
    assert "Port" in said.getvalue()


def test_the_end_of_postgresql_ends_everything_and_says_so(using: Settings) -> None:
    def kill(said: str) -> None:
        pid = postgres.server_pid(using.home)
        assert pid
        os.kill(pid, signal.SIGKILL)

    code, said = run(using, kill, ends_by_itself_within_s=60)
    assert code == 1
    assert "PostgreSQL ended" in said


def _until_up(said: io.StringIO, has_ended: threading.Event) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while "Ctrl-C stops it" not in said.getvalue() and time.monotonic() < deadline and not has_ended.is_set():
        time.sleep(0.1)
