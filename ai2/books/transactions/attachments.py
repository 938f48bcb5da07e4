"""Attachments: receipts and invoices beside the transactions that they prove.

The same bytes are kept once an organization, under their SHA-256 and encrypted by its own key, until nothing refers to
them.
"""

import asyncio
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.transactions import attachments_repository as repository
from ai2.books.transactions import bulk_repository
from ai2.books.transactions import service as transactions
from ai2.books.transactions.attachment_types import media_type
from ai2.identity import organizations
from ai2.kit import blobs, events
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.ids import new_id

MOST, LONGEST_NAME = 100, 200


class AttachmentNotFound(NotFound):
    """There is no such attachment; GET /api/core/transactions/{id}/attachments lists those of a transaction."""


class TooManyAttachments(Conflict):
    """The transaction has as many attachments as it may have; delete one first."""


class EmptyFile(Invalid):
    """The file is empty; send one that has something in it."""


@dataclass(frozen=True)
class Attachment:
    """A file beside a transaction."""

    attachment_id: UUID
    transaction_id: UUID
    file_name: str
    media_type: str
    size_bytes: int
    digest: bytes
    added_by: str
    created_at: datetime


async def add(
    db: Connection,
    organization_id: UUID,
    transaction_id: UUID,
    *,
    file: BinaryIO,
    file_name: str,
    size_bytes: int,
    added_by: str,
) -> Attachment:
    """Keep a file beside a transaction. What is beside it already, by its bytes, stays as it was added."""
    await transactions.get(db, organization_id, transaction_id)
    if not size_bytes:
        raise EmptyFile(errors=(FieldError("file", "is not empty"),))
    name = plain_name(file_name)
    kind = await asyncio.to_thread(media_type, file, name)
    digest = await asyncio.to_thread(_digest, file)
    await bulk_repository.lock(db, organization_id, [transaction_id])
    there = await list_of(db, organization_id, transaction_id)
    for each in there:
        if each.digest == digest:
            return each
    if len(there) >= MOST:
        raise TooManyAttachments
    await _keep(db, organization_id, file, digest, size_bytes)
    attachment_id = new_id()
    await repository.insert(
        db,
        organization_id=organization_id,
        attachment_id=attachment_id,
        transaction_id=transaction_id,
        digest=digest,
        file_name=name,
        media_type=kind,
        added_by=added_by,
    )
    told = {"attachment_id": attachment_id, "transaction_id": transaction_id}
    await events.emit(db, organization_id, "attachment.added", told)
    return await get(db, organization_id, transaction_id, attachment_id)


async def list_of(db: Connection, organization_id: UUID, transaction_id: UUID) -> list[Attachment]:
    """What is beside a transaction, in the order in which it was added."""
    await transactions.get(db, organization_id, transaction_id)
    return [Attachment(**row) for row in await repository.list_of(db, organization_id, transaction_id)]


async def beside(
    db: Connection, organization_id: UUID, transaction_ids: Collection[UUID]
) -> dict[UUID, list[Attachment]]:
    """What is beside those of these transactions that have something, in the order in which it was added."""
    found: dict[UUID, list[Attachment]] = {}
    for row in await repository.beside(db, organization_id, list(transaction_ids)):
        found.setdefault(row["transaction_id"], []).append(Attachment(**row))
    return found


async def proven(
    db: Connection, organization_id: UUID, transaction_ids: Collection[UUID], *, known_at: Moment | None = None
) -> set[UUID]:
    """Those of these transactions that something is beside, or was."""
    return await repository.proven(db, organization_id, list(transaction_ids), known_at)


async def get(db: Connection, organization_id: UUID, transaction_id: UUID, attachment_id: UUID) -> Attachment:
    await transactions.get(db, organization_id, transaction_id)
    row = await repository.get(db, organization_id, transaction_id, attachment_id)
    if row is None:
        raise AttachmentNotFound
    return Attachment(**row)


async def read(db: Connection, organization_id: UUID, attachment: Attachment) -> BinaryIO:
    """The bytes as they came, in a file that vanishes when closed."""
    key = await organizations.file_key(db, organization_id)
    return await asyncio.to_thread(blobs.get, _blob_key(organization_id, attachment.digest), key)


async def remove(db: Connection, organization_id: UUID, transaction_id: UUID, attachment_id: UUID) -> bytes:
    """Take an attachment away; says whose bytes may be unused once this is committed."""
    attachment = await get(db, organization_id, transaction_id, attachment_id)
    await repository.delete(db, organization_id, attachment_id)
    told = {"attachment_id": attachment_id, "transaction_id": transaction_id}
    await events.emit(db, organization_id, "attachment.deleted", told)
    return attachment.digest


async def forget_unused(db: Connection, organization_id: UUID, digest: bytes) -> None:
    """Delete bytes to which nothing refers any more; in a transaction of its own, for they do not come back."""
    await repository.lock(db, organization_id, digest)
    if await repository.delete_unused_file(db, organization_id, digest):
        await asyncio.to_thread(blobs.delete, _blob_key(organization_id, digest))


async def _keep(db: Connection, organization_id: UUID, file: BinaryIO, digest: bytes, size_bytes: int) -> None:
    """The bytes, encrypted, under their digest. A blob whose transaction fails is only unused."""
    await repository.lock(db, organization_id, digest)
    name = _blob_key(organization_id, digest)
    if not await repository.has_file(db, organization_id, digest) or not await asyncio.to_thread(blobs.exists, name):
        key = await organizations.file_key(db, organization_id)
        file.seek(0)
        await asyncio.to_thread(blobs.put, name, file, key)
    await repository.insert_file(db, organization_id, digest, size_bytes=size_bytes, blob_key=name)


def _blob_key(organization_id: UUID, digest: bytes) -> str:
    return f"attachments/{organization_id}/{digest.hex()}"


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(cast(Any, file), "sha256").digest()


def plain_name(file_name: str) -> str:
    """The name alone, without a way to it, and without what no name holds; its ending stays where it is long."""
    name = re.sub(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", re.split(r"[/\\]", file_name)[-1])
    stem, point, ending = name.strip(" .").rpartition(".")
    if not stem:
        return name.strip(" .")[:LONGEST_NAME] or "attachment"
    ending = ending[:20]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}{point}{ending}"
