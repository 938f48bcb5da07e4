"""Servers: real ones of Debian's packages on loopback, each in a folder of its own; no file of the system's is touched.

Where one is not installed its tests skip and say so. `.ci/run` installs them where it may.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

STARTS_S = 10.0
# Debian keeps them where only root's PATH leads.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def found(program: str, package: str) -> str:
    """Where a program is; without it the test skips."""
    path = shutil.which(program, path=PLACES)
    if path is None:
        pytest.skip(f"{program} is not installed ({package})")
    return path


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def listening(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until somebody answers at the port."""
    deadline = time.monotonic() + STARTS_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"it does not start: {log.read_text()[-2000:]}")


class OpenSsh:
    """An OpenSSH server with three keys, for whoever runs the test, signing in by `client_key`."""

    def __init__(self, folder: Path) -> None:
        self.program = found("sshd", "openssh-server")
        self.folder, self.files, self.port = folder, folder / "files", free_port()
        self.user = getpass.getuser()
        self.files.mkdir(parents=True)
        keys = {"ed25519": ed25519.Ed25519PrivateKey.generate(), "ecdsa": ec.generate_private_key(ec.SECP256R1())}
        self.host_keys = {
            name: _written(key, folder / f"host_{name}")
            for name, key in (*keys.items(), ("rsa", rsa.generate_private_key(65537, 2048)))
        }
        client = ed25519.Ed25519PrivateKey.generate()
        (folder / "authorized").write_text(_written(client, folder / "client"))
        self.client_key = client
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "sshd_config").write_text(self._config())

    def _config(self) -> str:
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"PidFile {self.folder / 'pid'}",
            *(f"HostKey {self.folder / f'host_{name}'}" for name in self.host_keys),
            f"AuthorizedKeysFile {self.folder / 'authorized'}", "StrictModes no", "UsePAM no",
            "PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "Subsystem sftp internal-sftp", f"ForceCommand internal-sftp -d {self.files}", "MaxStartups 100",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"

    def start(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it has to be, which its service makes when it starts
        log = self.folder / "log"
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [self.program, "-D", "-e", "-f", self.folder / "sshd_config"], stderr=said, stdin=subprocess.DEVNULL
            )
        listening(self._process, self.port, log)

    def kill_sessions(self) -> None:
        """End whatever it does for anybody just now."""
        if self._process is not None:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                child.kill()

    def kill(self) -> None:
        """End it at once, as a machine that loses power."""
        if self._process is not None:
            children = psutil.Process(self._process.pid).children(recursive=True)
            for each in (self._process, *children):
                each.kill()
            self._process.wait()
            self._process = None


def _written(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, path: Path) -> str:
    """The private key in a file, and its public line."""
    path.touch(0o600)
    path.write_bytes(in_openssh(key))
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()


def in_openssh(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: str | None = None
) -> bytes:
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, how)
