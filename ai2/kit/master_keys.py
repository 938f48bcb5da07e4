"""Master keys: the one that seals, and former ones that only open until everything is sealed anew.

They come from `AI2_MASTER_KEY`, or the file that `AI2_MASTER_KEY_FILE` names, or the secrets file. Of several the
first seals. Files are looked at again whenever they change, so that a running process knows a new key at once.
"""

import base64
import secrets as random
from functools import lru_cache
from pathlib import Path

from ai2.kit.secrets import Secrets, changing, read, replace, secrets, secrets_path
from ai2.kit.settings import settings

BYTES = 32


class MasterKeyUnusable(RuntimeError):
    """A master key is 32 bytes in base64; several stand apart by blanks or line ends, the one that seals first."""


def ring() -> tuple[bytes, ...]:
    """Every master key, the one that seals first."""
    using = settings()
    if using.ai2_master_key is not None:
        return _parsed(using.ai2_master_key.get_secret_value())
    path = using.ai2_master_key_file
    if path is not None:
        return _in_a_file(path, _mark(path))
    secrets(using.home)  # which makes them, where there are none yet
    path = secrets_path(using.home)
    return _in_the_secrets(path, _mark(path))


def is_ours() -> bool:
    """Whether the keys lie in the secrets file, which we may change; elsewhere they are the operator's."""
    return settings().ai2_master_key is None and settings().ai2_master_key_file is None


def put_new_first() -> None:
    """Let a new key seal, and the former ones open. Where a rotation was broken off, its key is the new one."""
    path = secrets_path(settings().home)
    secrets(settings().home)
    with changing(path):
        known = read(path)
        if not known.former_master_keys:
            fresh = base64.b64encode(random.token_bytes(BYTES)).decode()
            replace(path, known.model_copy(update={"master_key": fresh, "former_master_keys": [known.master_key]}))


def retire_former() -> None:
    """Forget the former keys: nothing is sealed by them any more."""
    path = secrets_path(settings().home)
    with changing(path):
        replace(path, read(path).model_copy(update={"former_master_keys": []}))


def _mark(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=4)
def _in_a_file(path: Path, mark: tuple[int, int, int]) -> tuple[bytes, ...]:
    return _parsed(path.read_text(errors="replace"))


@lru_cache(maxsize=4)
def _in_the_secrets(path: Path, mark: tuple[int, int, int]) -> tuple[bytes, ...]:
    known: Secrets = read(path)
    return _parsed(" ".join([known.master_key, *known.former_master_keys]))


def _parsed(text: str) -> tuple[bytes, ...]:
    try:
        keys = tuple(base64.b64decode(word, validate=True) for word in text.split())
    except ValueError:  # what is no ASCII too
        keys = ()
    if not keys or any(len(key) != BYTES for key in keys):
        raise MasterKeyUnusable(MasterKeyUnusable.__doc__)
    return keys
