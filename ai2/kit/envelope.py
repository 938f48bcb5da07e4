"""Envelope encryption: every organization has a key of its own, itself encrypted by the master key.

AES-256-GCM in frames, so that a large file never sits in memory: each frame's nonce carries its number and
whether it is the last, so frames can be neither swapped nor cut off (the STREAM construction, Hoang,
Reyhanitabar, Rogaway and Vizár 2015).
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ai2.kit.master_keys import ring

FRAME_BYTES = 1 << 20
TAG_BYTES = 16
ORGANIZATION_KEY = b"organization key"
PREFIX_BYTES = 7  # with 4 of the frame's number and 1 of the last-frame mark: GCM's 12 of nonce


class Tampered(RuntimeError):
    """The stored bytes are not what was stored, or the key is not theirs."""


def fresh_wrapped_key() -> bytes:
    """A new key for an organization, encrypted by the master key."""
    return seal(AESGCM.generate_key(256), ORGANIZATION_KEY)


def unwrap_key(wrapped: bytes) -> bytes:
    """The organization's key itself, 32 bytes."""
    return unseal(wrapped, ORGANIZATION_KEY)


def seal(secret: bytes, purpose: bytes) -> bytes:
    """A small secret, encrypted by the master key. It can be read for the same purpose only."""
    nonce = os.urandom(12)
    return nonce + AESGCM(ring()[0]).encrypt(nonce, secret, purpose)


def unseal(sealed: bytes, purpose: bytes) -> bytes:
    """The secret itself."""
    for key in ring():
        with suppress(InvalidTag, ValueError):  # ValueError: too short to be anything sealed
            return AESGCM(key).decrypt(sealed[:12], sealed[12:], purpose)
    raise Tampered("this was not sealed by this master key for this purpose")


def is_sealed_by_the_first(sealed: bytes, purpose: bytes) -> bool:
    """Whether the master key that seals now sealed this too."""
    with suppress(InvalidTag, ValueError):
        AESGCM(ring()[0]).decrypt(sealed[:12], sealed[12:], purpose)
        return True
    return False


def encrypt(key: bytes, plain: BinaryIO) -> Iterator[bytes]:
    """The file in encrypted pieces."""
    prefix, cipher, number = os.urandom(PREFIX_BYTES), AESGCM(key), 0
    yield prefix
    frame = plain.read(FRAME_BYTES)
    while True:
        following = plain.read(FRAME_BYTES)
        yield cipher.encrypt(_nonce(prefix, number, last=not following), frame, None)
        if not following:
            return
        frame, number = following, number + 1


def decrypt(key: bytes, stored: BinaryIO) -> Iterator[bytes]:
    """The file as it was, piece by piece."""
    prefix, cipher, number = stored.read(PREFIX_BYTES), AESGCM(key), 0
    frame = stored.read(FRAME_BYTES + TAG_BYTES)
    while True:
        following = stored.read(FRAME_BYTES + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=not following), frame, None)
        except InvalidTag:
            raise Tampered("the stored file was changed, or the key is not its own") from None
        if not following:
            return
        frame, number = following, number + 1


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
