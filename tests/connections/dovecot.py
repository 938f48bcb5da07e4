"""A real Dovecot of the machine's package, on loopback, for one test run: its users, their mails, and its ends.

Where the package is not installed the tests that need it skip and say so.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import Authority

PROGRAM = shutil.which("dovecot") or next((p for p in ("/usr/sbin/dovecot",) if Path(p).exists()), None)
PASSWORD = "a-password-of-forty-two-canaries"
STARTS_S = 10


@dataclass
class Dovecot:
    """A server; `folder` holds all of it."""

    folder: Path
    authority: Authority
    port: int
    plain_port: int
    oauth: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._configure()
        self.process = subprocess.Popen(
            [str(PROGRAM), "-F", "-c", str(self.folder / "dovecot.conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text(errors="replace"))

    def kill(self) -> None:
        """As a power cut does: it and whoever it started, at once."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        (self.folder / "run" / "master.pid").unlink(missing_ok=True)

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """Where the mails of a folder lie, one file each."""
        root = self.folder / "mail" / user
        made = root if folder == "INBOX" else root / f".{folder}"
        for name in ("cur", "new", "tmp"):
            (made / name).mkdir(parents=True, exist_ok=True)
        self._give(root)
        return made

    def put(self, user: str, raw: bytes, *, folder: str = "INBOX", name: str | None = None) -> None:
        """A mail arrives, as a delivery agent does it."""
        root = self.folder / "mail" / user
        made = root if folder == "INBOX" and (root / "tmp").is_dir() else self.maildir(user, folder)
        name = name or f"{time.time_ns()}.M{len(list((made / 'new').iterdir()))}.test"
        (made / "tmp" / name).write_bytes(raw)
        self._give(made / "tmp" / name)
        (made / "tmp" / name).rename(made / "new" / name)

    def renumber(self, user: str) -> None:
        """Forget every number: UIDVALIDITY changes, as after a restore."""
        for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"):
            (self.maildir(user) / name).unlink(missing_ok=True)

    def settings(self, user: str, **more: object) -> dict[str, object]:
        return {"host": "localhost", "port": self.port, "username": user, "since": "2020-01-01", **more}

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
                shutil.chown(each, "mail", "mail")

    def _configure(self) -> None:
        key = self.authority.sign("localhost")
        key.chmod(0o600)
        me = pwd.getpwuid(os.geteuid()).pw_name
        owner = "mail" if os.geteuid() == 0 else me
        login = "dovenull" if os.geteuid() == 0 else me
        internal = "dovecot" if os.geteuid() == 0 else me
        oauth = ""
        if self.oauth:
            (self.folder / "oauth.conf").write_text(
                f"introspection_url = {self.oauth}\nintrospection_mode = post\nusername_attribute = sub\n"
                "active_attribute = active\nactive_value = true\n"
            )
            oauth = (
                "passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
                f"  args = {self.folder}/oauth.conf\n}}\n"
            )
        (self.folder / "dovecot.conf").write_text(f"""
protocols = imap
base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/log
listen = 127.0.0.1
ssl = required
ssl_cert = <{key}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2
default_login_user = {login}
default_internal_user = {internal}
default_internal_group = {"dovecot" if os.geteuid() == 0 else ""}
mail_location = maildir:{self.folder}/mail/%u
mail_uid = {owner}
mail_gid = {owner}
first_valid_uid = 0
first_valid_gid = 0
namespace inbox {{
  inbox = yes
}}
{oauth}passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={self.folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.plain_port}
  }}
  inet_listener imaps {{
    port = {self.port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 200
}}
service anvil {{
  chroot =
  # who gives a wrong password is otherwise made to wait, and with them everybody of their address
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
""")


@contextmanager
def running(*, oauth: str | None = None) -> Iterator[Dovecot]:
    """A server in a folder of its own, where its users reach it. Its authority is to be trusted by whoever asks it."""
    if PROGRAM is None:
        pytest.skip("there is no Dovecot here: install dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="ai2-dovecot-"))
    folder.chmod(0o755)
    server = Dovecot(folder, Authority(folder), _free_port(), _free_port(), oauth)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
