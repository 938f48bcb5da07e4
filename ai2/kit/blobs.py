"""Blobs: raw files and exports behind `BLOB_URL`, any place that fsspec knows, encrypted by the caller's key."""

import tempfile
from typing import BinaryIO, cast

import fsspec

from ai2.kit.envelope import decrypt, encrypt
from ai2.kit.ids import new_id
from ai2.kit.settings import settings


def put(name: str, plain: BinaryIO, key: bytes) -> None:
    """Store a file, encrypted. It appears whole or not at all; the same name is replaced."""
    filesystem, path = _place(name)
    filesystem.makedirs(filesystem._parent(path), exist_ok=True)
    draft = f"{path}.{new_id()}"
    with filesystem.open(draft, "wb") as stored:
        for piece in encrypt(key, plain):
            stored.write(piece)
    filesystem.mv(draft, path)


def get(name: str, key: bytes) -> BinaryIO:
    """A stored file, decrypted into a temporary file that vanishes when closed."""
    filesystem, path = _place(name)
    plain = tempfile.SpooledTemporaryFile(max_size=8_000_000)  # noqa: SIM115 - the caller closes it
    with filesystem.open(path, "rb") as stored:
        for piece in decrypt(key, stored):
            plain.write(piece)
    plain.seek(0)
    return cast(BinaryIO, plain)


def exists(name: str) -> bool:
    """Whether a file of this name is stored."""
    filesystem, path = _place(name)
    return bool(filesystem.exists(path))


def names(folder: str) -> list[str]:
    """What lies in a folder, files and folders, without the way to it."""
    filesystem, path = _place(folder)
    if not filesystem.exists(path):
        return []
    return sorted(str(found).rstrip("/").rpartition("/")[2] for found in filesystem.ls(path, detail=False))


def mark(name: str) -> None:
    """Leave an empty file, whose name says all."""
    filesystem, path = _place(name)
    filesystem.makedirs(filesystem._parent(path), exist_ok=True)
    filesystem.touch(path)


def delete(name: str) -> None:
    """Take a file away, where it is there."""
    filesystem, path = _place(name)
    if filesystem.exists(path):
        filesystem.rm(path)


def delete_folder(name: str) -> None:
    """Take a folder away with all that lies in it."""
    filesystem, path = _place(name)
    if filesystem.exists(path):
        filesystem.rm(path, recursive=True)


def _place(name: str) -> "tuple[fsspec.AbstractFileSystem, str]":
    filesystem, root = fsspec.core.url_to_fs(settings().blobs)
    return filesystem, f"{root}/{name}".rstrip("/")
