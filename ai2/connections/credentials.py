"""Credentials of connections: sealed by the organization's key, which the master key seals (envelope encryption).

What is sealed for one connection cannot be read as another's.
"""

import json
import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ai2.kit.envelope import Tampered

NONCE_BYTES = 12


def sealed(key: bytes, connection_id: UUID, credentials: Mapping[str, Any]) -> bytes:
    """The credentials as they are kept; `key` is the organization's, 32 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, json.dumps(dict(credentials)).encode(), _purpose(connection_id))


def opened(key: bytes, connection_id: UUID, kept: bytes) -> dict[str, Any]:
    """The credentials themselves. Raises Tampered."""
    try:
        plain = AESGCM(key).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], _purpose(connection_id))
    except InvalidTag:
        raise Tampered("these credentials were not sealed for this connection by this organization's key") from None
    found: dict[str, Any] = json.loads(plain)
    return found


def _purpose(connection_id: UUID) -> bytes:
    return b"connection credentials " + connection_id.bytes
