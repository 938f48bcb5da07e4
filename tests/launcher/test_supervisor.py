"""The supervisor: order on the way up, care while running, nothing left on the way down."""

import asyncio
import io
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from ai2.launcher import leftovers
from ai2.launcher.console import Screen
from ai2.launcher.parts import Process, Step
from ai2.launcher.supervisor import EssentialEnded, Supervisor

PATIENCE_S = 20
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def is_there(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return path.exists()

    return ask


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, said: io.StringIO) -> Supervisor:
    return Supervisor(tmp_path, Screen(Console(file=said, width=200)))


@pytest.fixture
def sleeper(tmp_path: Path) -> Process:
    """Says that it is there and sleeps."""
    mark = tmp_path / "sleeper"
    code = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    return Process(
        name="sleeper",
        title="Sleeper",
        command=python(code),
        environment=ENVIRONMENT,
        answers=is_there(mark),
        rest_s=0.1,
    )


def step(name: str, code: str, **more: object) -> Step:
    return Step(name=name, title=name.title(), command=python(code), environment=ENVIRONMENT, **more)  # type: ignore[arg-type]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.05)


async def test_a_part_waits_for_what_it_needs(supervisor: Supervisor, tmp_path: Path) -> None:
    first = step("first", f"import time; time.sleep(.3); open({str(tmp_path / 'made')!r}, 'w')")
    second = step("second", f"open({str(tmp_path / 'made')!r})", needs=("first",))
    assert await supervisor.bring_up([second, first])


async def test_what_needs_a_failed_part_is_left_out_and_the_rest_comes_up(
    supervisor: Supervisor, said: io.StringIO, tmp_path: Path, sleeper: Process
) -> None:
    broken = step("broken", "raise SystemExit('the disk is full')")
    child = step("child", f"open({str(tmp_path / 'never')!r}, 'w')", needs=("broken",))
    patient = step("patient", f"open({str(tmp_path / 'anyway')!r}, 'w')", after=("broken",))
    try:
        assert not await supervisor.bring_up([broken, child, patient, sleeper])
    finally:
        supervisor.stop([sleeper])
    assert not (tmp_path / "never").exists()
    assert (tmp_path / "anyway").exists()
    assert "the disk is full" in said.getvalue()
    assert "broken.log" in said.getvalue()
    assert "✓ Sleeper" in said.getvalue()


async def test_a_step_that_is_not_wanted_is_not_done(supervisor: Supervisor, tmp_path: Path) -> None:
    unwanted = step("unwanted", f"open({str(tmp_path / 'never')!r}, 'w')", is_wanted=is_there(tmp_path / "no"))
    assert await supervisor.bring_up([unwanted])
    assert not (tmp_path / "never").exists()


async def test_a_start_ends_when_an_essential_part_fails(supervisor: Supervisor, sleeper: Process) -> None:
    broken = step("broken", "raise SystemExit(1)", is_essential=True)
    with pytest.raises(EssentialEnded, match="Broken"):
        await supervisor.bring_up([broken, sleeper])
    supervisor.stop([sleeper])


async def test_a_part_that_dies_is_named_and_started_again(
    supervisor: Supervisor, sleeper: Process, said: io.StringIO
) -> None:
    await supervisor.bring_up([sleeper])
    first = supervisor.pid("sleeper")
    watch = asyncio.create_task(supervisor.watch([sleeper]))
    psutil.Process(first).kill()
    await until(lambda: supervisor.pid("sleeper") != first)
    watch.cancel()
    supervisor.stop([sleeper])
    assert "Sleeper was ended by SIGKILL; the rest goes on" in said.getvalue()
    assert "sleeper.log" in said.getvalue()


async def test_the_end_of_an_essential_part_is_the_end(supervisor: Supervisor, tmp_path: Path) -> None:
    brief = Process(
        name="api",
        title="API",
        command=python("import time; time.sleep(.5)"),
        environment=ENVIRONMENT,
        answers=is_there(tmp_path),
        is_essential=True,
    )
    await supervisor.bring_up([brief])
    with pytest.raises(EssentialEnded, match=r"API ended with exit code 0.*api\.log"):
        await asyncio.wait_for(supervisor.watch([brief]), PATIENCE_S)


FAMILY = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


async def test_stopping_leaves_no_child_and_no_deaf_process(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai2.launcher.process.PATIENCE_S", 1)
    mark = tmp_path / "child"
    deaf = Process(
        name="deaf",
        title="Deaf",
        command=(*python(FAMILY), str(mark)),
        environment=ENVIRONMENT,
        answers=is_there(mark),
    )
    await supervisor.bring_up([deaf])
    await until(lambda: mark.read_text() != "")
    pids = [supervisor.pid("deaf"), int(mark.read_text())]
    supervisor.stop([deaf])
    assert all(is_gone(pid) for pid in pids)


async def test_a_killed_starts_processes_are_ended_by_the_next(
    supervisor: Supervisor, sleeper: Process, tmp_path: Path
) -> None:
    await supervisor.bring_up([sleeper])
    pid = supervisor.pid("sleeper")
    assert leftovers.end(tmp_path) == ["sleeper"]
    assert is_gone(pid)
    assert leftovers.end(tmp_path) == []
    supervisor.stop([sleeper])


async def test_a_process_with_a_noted_id_that_is_another_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text(f'[{{"name": "us", "pid": {os.getpid()}, "born": 1.0}}]')
    assert leftovers.end(tmp_path) == []
