"""Token keys: which one signs access tokens, and which others are believed.

A new key is published before it signs, so that whoever keeps a copy of the published ones knows it in time; a former
one is believed until the last token that it signed has expired. They lie in the secrets file, which every process
looks at again every few seconds.
"""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from ai2.kit import logs
from ai2.kit.errors import Conflict
from ai2.kit.secrets import (
    Secrets,
    SecretsExposed,
    TokenKey,
    changing,
    new_token_key,
    read,
    replace,
    secrets,
    secrets_path,
)
from ai2.kit.settings import settings

COPIES_LAST_S = 300  # how long others may keep a copy of the published keys
ANNOUNCED = timedelta(minutes=10)
SKEW = timedelta(minutes=5)  # clocks of several machines differ
LOOK_AGAIN_S = 2.0
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)

log = logs.logger("ai2.kit.token_keys")


class KeyAnnounced(Conflict):
    """A new key is published already and does not sign yet; rotate again once it does."""


class State(StrEnum):
    """Where a key is on its way: published, signing, or only believed."""

    NEXT = "next"
    SIGNS = "signs"
    FORMER = "former"


@dataclass(frozen=True)
class Key:
    """A key pair. It signs from `signs_from` until the next one does, which is at `follows_at`, if there is one."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    signs_from: datetime
    follows_at: datetime | None

    @property
    def believed_until(self) -> datetime | None:
        """When no token that it signed can be valid any more."""
        lasts = timedelta(minutes=settings().access_token_minutes)
        return self.follows_at and self.follows_at + lasts + SKEW

    def state(self, now: datetime) -> State | None:
        """None once it is believed no more."""
        if now < self.signs_from:
            return State.NEXT
        if self.follows_at is None or now < self.follows_at:
            return State.SIGNS
        return State.FORMER if self.believed_until and now < self.believed_until else None

    @property
    def jwk(self) -> dict[str, str]:
        """The public half, as RFC 8037 writes it."""
        return {**_public_numbers(self.public), "kid": self.kid, "use": "sig", "alg": "EdDSA"}


def signing_key(now: datetime | None = None) -> Key:
    """The key that signs."""
    now = now or datetime.now(UTC)
    keys = _ring().keys()
    return next((key for key in keys if key.state(now) is State.SIGNS), keys[0])


def key_of(kid: str | None) -> Key | None:
    """The believed key of this id, if there is one. Tokens of versions that knew one key name none: the oldest."""
    for again in (False, True):
        for key in believed(again=again):
            if kid in (None, key.kid):
                return key
    return None


def believed(*, again: bool = False) -> list[Key]:
    """The keys that tokens may be signed with, oldest first; `again` looks at the file at once."""
    now = datetime.now(UTC)
    return [key for key in _ring().keys(again=again) if key.state(now)]


def rotate(home: Path, *, compromised: bool = False) -> None:
    """Publish a new key, which signs once every copy of the published ones has it.

    Where the former ones are not to be trusted any more, it signs at once and they are believed no longer: everybody's
    access token is refused, and a refresh token brings the next one.
    """
    secrets(home)
    path, now = secrets_path(home), datetime.now(UTC).replace(microsecond=0)
    with changing(path):
        known = read(path)
        listed = {} if compromised else _listed(known)
        states = {pem: key.state(now) for pem, key in listed.items()}
        if State.NEXT in states.values():
            raise KeyAnnounced
        kept = [TokenKey(pem=pem, signs_from=key.signs_from) for pem, key in listed.items() if states[pem]]
        keys = [*kept, new_token_key(signs_from=now if compromised else now + ANNOUNCED)]
        replace(path, known.model_copy(update={"token_key": keys[0].pem, "token_keys": keys}))


class _Ring:
    """The keys of one secrets file, read anew when it changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: list[Key] = []
        self._mark: tuple[int, int, int] | None = None
        self._looked_at = 0.0

    def keys(self, *, again: bool = False) -> list[Key]:
        if again or not self._keys or time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            self._looked_at = time.monotonic()
            self._look()
        return self._keys

    def _look(self) -> None:
        try:
            found = self.path.stat()
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if mark != self._mark:
                self._keys = list(_listed(read(self.path)).values())
                self._mark = mark
        except (OSError, ValidationError, ValueError, SecretsExposed):
            if not self._keys:
                raise
            log.exception("the secrets file cannot be read; the keys known so far stay in use")


def _ring() -> _Ring:
    home = settings().home
    secrets(home)  # which makes them, where there are none yet
    return _ring_of(secrets_path(home))


@cache
def _ring_of(path: Path) -> _Ring:
    return _Ring(path)


def _listed(known: Secrets) -> dict[str, Key]:
    """The keys by what they are stored as, in the order in which they sign."""
    stored = known.token_keys or [TokenKey(pem=known.token_key, signs_from=ALWAYS)]
    ordered = sorted(stored, key=lambda each: each.signs_from)
    follows = [following.signs_from for _, following in pairwise(ordered)]
    return {each.pem: _key(each, follows_at) for each, follows_at in zip(ordered, [*follows, None], strict=True)}


def _key(stored: TokenKey, follows_at: datetime | None) -> Key:
    private = serialization.load_pem_private_key(stored.pem.encode(), None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("a key that signs tokens must be Ed25519")
    public = private.public_key()
    return Key(_thumbprint(public), private, public, stored.signs_from, follows_at)


def _thumbprint(public: Ed25519PublicKey) -> str:
    """RFC 7638: the same key has the same id everywhere."""
    text = json.dumps(_public_numbers(public), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(text.encode()).digest())


def _public_numbers(public: Ed25519PublicKey) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(public.public_bytes_raw())}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
