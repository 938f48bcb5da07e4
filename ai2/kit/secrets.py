"""Secrets: the passwords and keys of this installation, made once, in a file only its owner can read.

`AI2_SECRETS` names the file where several machines share one; by default it lies in the home.
"""

import base64
import json
import os
import secrets as random
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

ROLES = ("postgres", "ai2_owner", "ai2_api", "ai2_pipeline", "dagster", "mlflow")


class Secrets(BaseModel):
    """Database passwords by role, the key that signs tokens (PEM, Ed25519), and the key that wraps
    every organization's own (base64, 32 bytes)."""

    passwords: dict[str, str]
    token_key: str
    master_key: str


class SecretsExposed(RuntimeError):
    """Others may read the secrets file."""


@cache
def secrets(home: Path) -> Secrets:
    """The secrets of the installation at `home`; they are made at the first call."""
    path = Path(os.environ.get("AI2_SECRETS", home / "secrets.json"))
    if not path.exists():
        _write(path, _fresh())
    if path.stat().st_mode & 0o077:
        raise SecretsExposed(f"{path} can be read by others: chmod 600 {path}")
    return Secrets.model_validate_json(path.read_text())


def _fresh() -> Secrets:
    key = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Secrets(
        passwords={role: random.token_urlsafe(24) for role in ROLES},
        token_key=key.decode(),
        master_key=base64.b64encode(random.token_bytes(32)).decode(),
    )


def _write(path: Path, fresh: Secrets) -> None:
    """Two first starts at once agree on one file: the second finds the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(fresh.model_dump(), file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
