"""The embedded PostgreSQL: reachable by its socket only, with a password, and no permission loosened."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from ai2.kit import postgres
from ai2.kit.secrets import secrets

QUICK = {"fsync": "off", "full_page_writes": "off"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of its own, which others may walk through as any folder under /tmp."""
    folder = Path(tempfile.mkdtemp(prefix="ai2-postgres-"))
    folder.chmod(0o711)
    yield folder
    place = postgres.cluster(folder)
    shutil.rmtree(folder)
    shutil.rmtree(place.folder, ignore_errors=True)


def connect(home: Path, password: str, **more: str) -> None:
    host = str(postgres.socket_folder(home))
    psycopg.connect(
        **{"host": host, "dbname": "postgres", "user": "postgres", "password": password, **more}, connect_timeout=5
    ).close()


def test_takes_nobody_without_the_password(home: Path) -> None:
    with postgres.running(home, **QUICK):
        connect(home, secrets(home).passwords["postgres"])
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(home, "wrong")


def test_listens_on_no_port(home: Path) -> None:
    with postgres.running(home, **QUICK):
        server = psutil.Process(postgres.server_pid(home))
        family = [server, *server.children(recursive=True)]
        assert [port for process in family for port in listening(process)] == []


def listening(process: psutil.Process) -> list[object]:
    try:
        return [c for c in process.net_connections("inet") if c.status == "LISTEN"]
    except psutil.NoSuchProcess:  # PostgreSQL's own come and go
        return []


def test_only_its_user_may_enter_its_folders(home: Path) -> None:
    with postgres.running(home, **QUICK):
        place = postgres.cluster(home)
        for folder in (place.data, place.socket):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_loosens_no_permission_on_the_way(tmp_path_factory: pytest.TempPathFactory) -> None:
    closed = Path(tempfile.mkdtemp(prefix="ai2-closed-"))
    home = closed / "home"
    home.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in (home, *home.parents)}
    with postgres.running(home, **QUICK):
        assert postgres.answers(home)
        assert {path: path.stat().st_mode for path in before} == before
    place = postgres.cluster(home)
    shutil.rmtree(place.folder)
    shutil.rmtree(closed)


def test_who_comes_second_uses_the_same_server_and_who_leaves_last_stops_it(home: Path) -> None:
    first, second = postgres.running(home, **QUICK), postgres.running(home)
    with first:
        pid = postgres.server_pid(home)
        second.__enter__()
        assert postgres.server_pid(home) == pid
    assert postgres.answers(home)
    second.__exit__(None, None, None)
    assert not postgres.answers(home)
    assert postgres.server_pid(home) is None


def test_starts_again_after_a_kill_and_keeps_what_was_committed(home: Path) -> None:
    with postgres.running(home):
        host, password = str(postgres.socket_folder(home)), secrets(home).passwords["postgres"]
        with psycopg.connect(host=host, dbname="postgres", user="postgres", password=password) as db:
            db.execute("create table if not exists kept (n int)")
            db.execute("insert into kept values (1)")
        pid = postgres.server_pid(home)
        assert pid
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)], timeout=10)
    with (
        postgres.running(home),
        psycopg.connect(host=host, dbname="postgres", user="postgres", password=password) as db,
    ):
        assert db.execute("select count(*) from kept").fetchone() == (1,)


def test_a_home_with_a_long_name_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    assert len(os.fsencode(postgres.socket_folder(deep))) <= postgres.SOCKET_FOLDER_BYTES


def test_no_server_means_no_answer(tmp_path: Path) -> None:
    assert not postgres.answers(tmp_path)


def test_the_password_is_on_no_command_line(home: Path) -> None:
    with postgres.running(home, **QUICK):
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert secrets(home).passwords["postgres"] not in listed
