"""Mails: keeping each message once, as it came, and telling what is known of it.

A message is encrypted by its organization's key, like every raw file. The same mail by two ways (fetched from a
mailbox, and forwarded) is one: what makes a mail is who wrote what and when, not who carried it. A `Message-ID` alone
is no proof of that, for anybody can write one: two mails of one id that say different things are two.
"""

import asyncio
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ai2.identity import organizations
from ai2.kit import blobs
from ai2.kit.database import Connection
from ai2.kit.errors import NotFound
from ai2.kit.ids import new_id
from ai2.receipts.mails import mime, repository
from ai2.receipts.mails.senders import Authentication, authentication, domain_of, judged


class MailNotFound(NotFound):
    """There is no such mail; GET /api/connectors/mails lists yours."""


@dataclass(frozen=True)
class Mail:
    """A mail as anybody of its organization may see it."""

    mail_id: UUID
    connection_id: UUID
    message_id: str | None
    folder: str
    sender: str | None
    sender_name: str | None
    subject: str | None
    sent_at: datetime | None
    size_bytes: int
    authentication: dict[str, Any]
    is_sender_verified: bool
    state: str
    error: dict[str, Any] | None
    batches: list[UUID]
    held: list[dict[str, Any]]
    received_at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Arrived:
    """A message that came: its bytes, where it lay, and what is known of who sent it.

    `trusted_server` is the name of the server whose Authentication-Results are believed; where whoever handed the mail
    over says what it found, that is `found`, as a server writes it. Of one that is too large there are only the
    headers.
    """

    raw: bytes
    folder: str
    trusted_server: str | None = None
    found: tuple[str, ...] = ()
    found_by: str | None = None
    whole_bytes: int | None = None


async def keep(db: Connection, organization_id: UUID, connection_id: UUID, arrived: Sequence[Arrived]) -> list[UUID]:
    """Keep mails that are not there yet, and say which those are."""
    described = await asyncio.to_thread(lambda: [_described(each, organization_id, connection_id) for each in arrived])
    # of two that are one and come together the second is the twin
    mails = {mail["twin_digest"]: (mail, each) for mail, each in zip(described[::-1], arrived[::-1], strict=True)}
    if not mails:
        return []
    new = await repository.insert(db, organization_id, [mail for mail, _ in mails.values()])
    key = await organizations.file_key(db, organization_id)
    await asyncio.to_thread(
        _put, [(mail["blob_key"], each.raw) for mail, each in mails.values() if mail["mail_id"] in new], key
    )
    return sorted(new)


async def raw(db: Connection, organization_id: UUID, blob_key: str) -> bytes:
    """A message as it came."""
    key = await organizations.file_key(db, organization_id)
    with await asyncio.to_thread(blobs.get, blob_key, key) as kept:
        return kept.read()


async def get(db: Connection, organization_id: UUID, mail_id: UUID) -> Mail:
    return read(await repository.get(db, organization_id, mail_id))


async def page(
    db: Connection, organization_id: UUID, *, before: UUID | None, limit: int, connection_id: UUID | None = None
) -> list[Mail]:
    """Mails, those that came last first; of one connection, or of all."""
    found = await repository.page(db, organization_id, before=before, limit=limit, connection_id=connection_id)
    return [read(row) for row in found]


async def count(db: Connection, organization_id: UUID, connection_id: UUID | None = None) -> int:
    return await repository.count(db, organization_id, connection_id)


def read(row: Any) -> Mail:
    if row is None:
        raise MailNotFound
    return Mail(**{name: row[name] for name in Mail.__dataclass_fields__})


def _described(arrived: Arrived, organization_id: UUID, connection_id: UUID) -> dict[str, Any]:
    digest = hashlib.sha256(arrived.raw).digest()
    told: dict[str, Any] = {
        "mail_id": new_id(), "connection_id": connection_id, "digest": digest, "twin_digest": digest,
        "blob_key": f"mails/{organization_id}/{digest.hex()}", "folder": arrived.folder[:500],
        "size_bytes": arrived.whole_bytes or len(arrived.raw), "message_id": None, "sender": None, "sender_name": None,
        "subject": None, "sent_at": None, "authentication": Authentication().told(), "is_sender_verified": False,
        "state": "too_large" if arrived.whole_bytes else "kept",
    }  # fmt: skip
    try:
        message = mime.read(arrived.raw)
    except mime.TooComplex:
        return {**told, "state": "too_complex"}
    sender_name, sender = message.senders[0] if message.senders else (None, None)
    if arrived.found_by:
        found = judged(list(arrived.found), by=arrived.found_by, domain=domain_of(message))
    else:
        found = authentication(message, arrived.trusted_server)
    return {
        **told, "twin_digest": digest if arrived.whole_bytes else message.twin_digest, "message_id": message.message_id,
        "sender": sender, "sender_name": sender_name or None, "subject": message.subject, "sent_at": message.sent_at,
        "authentication": found.told(), "is_sender_verified": found.is_verified,
    }  # fmt: skip


def _put(files: list[tuple[str, bytes]], key: bytes) -> None:
    for name, content in files:
        blobs.put(name, io.BytesIO(content), key)
