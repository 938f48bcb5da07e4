"""Secrets: the passwords and keys of this installation, made once, in a file only its owner can read.

`AI2_SECRETS` names the file where several machines share one; by default it lies in the home.
"""

import base64
import fcntl
import json
import os
import secrets as random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel

ROLES = ("postgres", "ai2_owner", "ai2_api", "ai2_pipeline", "dagster", "mlflow")


class TokenKey(BaseModel):
    """A key that signs tokens (PEM, Ed25519) from an instant on, until the next one does."""

    pem: str
    signs_from: AwareDatetime


class Secrets(BaseModel):
    """Database passwords by role, the keys that sign tokens, and the key that wraps every organization's own
    (base64, 32 bytes).

    `token_key` is the only one until keys are first rotated, and then the oldest in use: what versions that know of
    no rotation read.
    """

    passwords: dict[str, str]
    token_key: str
    token_keys: list[TokenKey] = []
    master_key: str
    # those that it follows, while what they sealed is sealed anew
    former_master_keys: list[str] = []


class SecretsExposed(RuntimeError):
    """Others may read the secrets file."""


@cache
def secrets(home: Path) -> Secrets:
    """The secrets of the installation at `home`; they are made at the first call."""
    path = secrets_path(home)
    if not path.exists():
        _write(path, _fresh())
    return read(path)


def secrets_path(home: Path) -> Path:
    """Where they lie."""
    return Path(os.environ.get("AI2_SECRETS", home / "secrets.json"))


def read(path: Path) -> Secrets:
    """What the file holds now."""
    if path.stat().st_mode & 0o077:
        raise SecretsExposed(f"{path} can be read by others: chmod 600 {path}")
    return Secrets.model_validate_json(path.read_text())


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let nobody else change the file meanwhile."""
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace(path: Path, changed: Secrets) -> None:
    """Write the file anew, whole or not at all: who reads it meanwhile reads the former one."""
    path = path.resolve()
    draft, owner = _draft(path, changed), path.stat()
    try:
        if os.geteuid() == 0:
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def new_token_key(*, signs_from: datetime) -> TokenKey:
    return TokenKey(pem=_new_pem(), signs_from=signs_from)


def _fresh() -> Secrets:
    return Secrets(
        passwords={role: random.token_urlsafe(24) for role in ROLES},
        token_key=_new_pem(),
        master_key=base64.b64encode(random.token_bytes(32)).decode(),
    )


def _new_pem() -> str:
    key = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key.decode()


def _write(path: Path, fresh: Secrets) -> None:
    """Two first starts at once agree on one file: the second finds the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    draft = _draft(path, fresh)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, content: Secrets) -> Path:
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content.model_dump(mode="json"), file)
        file.flush()
        os.fsync(file.fileno())
    return draft
