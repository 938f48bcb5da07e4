"""Blobs: what comes back is what was stored, or it is an error."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai2.kit import blobs
from ai2.kit.envelope import FRAME_BYTES, Tampered, decrypt, encrypt, fresh_wrapped_key, unwrap_key
from ai2.kit.settings import settings

KEY = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BLOB_URL", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


# Nothing, less than a frame, exactly one, one and a bit, exactly two.
@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES])
def test_comes_back_as_it_was(size: int) -> None:
    plain = os.urandom(size)
    stored = b"".join(encrypt(KEY, io.BytesIO(plain)))
    assert b"".join(decrypt(KEY, io.BytesIO(stored))) == plain


def test_is_not_readable_as_it_lies(folder: Path) -> None:
    blobs.put("raw/a", io.BytesIO(b"COFFEE 12.50"), KEY)
    assert b"COFFEE" not in (folder / "raw" / "a").read_bytes()
    assert blobs.get("raw/a", KEY).read() == b"COFFEE 12.50"
    assert blobs.exists("raw/a")
    assert not blobs.exists("raw/b")


def test_leaves_no_draft(folder: Path) -> None:
    blobs.put("raw/a", io.BytesIO(b"x"), KEY)
    assert [path.name for path in (folder / "raw").iterdir()] == ["a"]


def damaged(stored: bytes) -> list[bytes]:
    frame = FRAME_BYTES + 16
    head, first, second = stored[:7], stored[7 : 7 + frame], stored[7 + frame :]
    flipped = stored[:100] + bytes([stored[100] ^ 1]) + stored[101:]
    return [flipped, stored[:-1], head + first, head + second + first, head + first + first + second, stored[:50]]


@pytest.mark.parametrize("number", range(6))
def test_a_flipped_bit_a_cut_and_a_swap_are_noticed(number: int) -> None:
    stored = b"".join(encrypt(KEY, io.BytesIO(os.urandom(FRAME_BYTES + 1000))))
    with pytest.raises(Tampered):
        b"".join(decrypt(KEY, io.BytesIO(damaged(stored)[number])))


def test_another_key_opens_nothing() -> None:
    stored = b"".join(encrypt(KEY, io.BytesIO(b"COFFEE")))
    with pytest.raises(Tampered):
        b"".join(decrypt(bytes(32), io.BytesIO(stored)))


def test_each_organizations_key_is_its_own_and_lies_wrapped() -> None:
    one, two = fresh_wrapped_key(), fresh_wrapped_key()
    assert unwrap_key(one) != unwrap_key(two)
    assert unwrap_key(one) not in one
    with pytest.raises(Tampered):
        unwrap_key(one[:-1] + bytes([one[-1] ^ 1]))
