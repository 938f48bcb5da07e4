"""Mailing: what becomes of the mails that a connection brings.

A mail is kept by the safe point that brought it, and read by a job: statements among its attachments go to ingestion,
for the account that the connection names; everything else, and what it says itself, is looked at as a receipt. Anybody
can send a mail, and write any name into it. So a statement is imported by itself only where its owner said whose are,
and where a server that is believed says that it is theirs; otherwise it waits for a person.
"""

import asyncio
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.books.accounts import service as accounts
from ai2.connections import repository
from ai2.ingest import service as ingest
from ai2.ingest.sources.model import ONLY_ACCOUNT, Mail
from ai2.kit import queue
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Conflict, Problem
from ai2.receipts import service as receipts
from ai2.receipts.mails import attachments, mime
from ai2.receipts.mails import repository as mails_repository
from ai2.receipts.mails import service as mails
from ai2.receipts.mails.service import Arrived

MOST_ATTEMPTS = 3
# What is told beside a mail that was read and brought nothing. Nobody's account is what a mail says by itself.
NOTHING_READ = {
    "code": "nothing_read",
    "title": "Nothing was read: no statement is attached, and nothing in it is a receipt",
    "what_to_do": "Where it tells of payments in its own text, import a statement of them: none is taken from there.",
}
# Why a statement waits.
Reason = Literal["no_account", "sender_not_named", "sender_not_verified", "refused"]


class NothingHeld(Conflict):
    """No statement of this mail waits for anybody."""


async def keep(db: Connection, organization_id: UUID, connection_id: UUID, brought: Sequence[Mail]) -> int:
    """Keep what a mailbox brought, and have it read; how many of these are new."""
    if not brought:
        return 0
    row = await repository.get(db, organization_id, connection_id)
    trusted = (row or {}).get("settings", {}).get("trusted_server")
    arrived = [Arrived(each.raw, each.folder, trusted, whole_bytes=each.whole_bytes) for each in brought]
    return len(await take_in(db, organization_id, connection_id, arrived))


async def take_in(db: Connection, organization_id: UUID, connection_id: UUID, arrived: Sequence[Arrived]) -> list[UUID]:
    """Keep mails by whichever way they came, and have them read; which of them are new."""
    new = await mails.keep(db, organization_id, connection_id, arrived)
    if new:
        await queue.enqueue(db, organization_id, "read_mails", {}, key="read_mails")
    return new


async def read_waiting(database: Database, organization_id: UUID) -> int:
    """Read every mail that is kept and not read; how many were. One that cannot be read stops no other."""
    done = 0
    while True:
        async with database.transaction(organization_id) as db:
            row = await mails_repository.begin_to_read(db, organization_id, MOST_ATTEMPTS)
        if row is None:
            return done
        try:
            async with database.transaction(organization_id, actor=f"connection:{row['connection_id']}") as db:
                await _read(db, organization_id, row["mail_id"])
            done += 1
        except Exception as error:  # noqa: BLE001 - what is in a mail is anybody's: it is told beside the mail
            is_last = row["attempts"] >= MOST_ATTEMPTS
            async with database.transaction(organization_id) as db:
                await mails_repository.update(
                    db, organization_id, row["mail_id"], error=Jsonb(_told(error)),
                    **({"state": "failed"} if is_last else {}),
                )  # fmt: skip


async def import_held(db: Connection, organization_id: UUID, mail_id: UUID, account_id: UUID, actor: str) -> list[UUID]:
    """Import the statements of a mail that wait: a person said whose they are. Raises NothingHeld."""
    row = await mails_repository.get(db, organization_id, mail_id, lock=True)
    known = mails.read(row)
    await accounts.check_theirs(db, organization_id, [account_id])
    waiting = {each["name"] for each in known.held}
    if row is None or not waiting:
        raise NothingHeld
    message = await asyncio.to_thread(mime.read, await mails.raw(db, organization_id, row["blob_key"]))
    batches = [
        await _receive(db, organization_id, account_id, part, actor)
        for part in message.parts
        if attachments.is_statement(part) and part.name in waiting
    ]
    await mails_repository.update(
        db, organization_id, mail_id, batches=[*known.batches, *batches], held=Jsonb([])
    )  # fmt: skip
    return batches


async def _read(db: Connection, organization_id: UUID, mail_id: UUID) -> None:
    row = await mails_repository.get(db, organization_id, mail_id, lock=True)
    if row is None or row["state"] != "kept":  # another worker was here
        return
    connection = await repository.get(db, organization_id, row["connection_id"])
    message = await asyncio.to_thread(mime.read, await mails.raw(db, organization_id, row["blob_key"]))
    statements = [part for part in message.parts if attachments.is_statement(part)]
    batches, held = await _import(db, organization_id, mails.read(row), (connection or {})["settings"], statements)
    rest = [(part.name, part.media_type, part.content) for part in message.parts if part not in statements]
    taken = await receipts.take(
        db, organization_id, mail_id, rest, is_trusted=row["is_sender_verified"],
        added_by=f"connection:{row['connection_id']}",
    )  # fmt: skip
    await mails_repository.update(
        db,
        organization_id,
        mail_id,
        state="read",
        batches=batches,
        held=Jsonb(held),
        error=None if statements or taken else Jsonb(NOTHING_READ),
        read_at=datetime.now(UTC),
    )


async def _import(
    db: Connection, organization_id: UUID, mail: mails.Mail, settings: Mapping[str, Any], statements: list[mime.Part]
) -> tuple[list[UUID], list[dict[str, str]]]:
    """What is imported, as which batches, and what waits for what."""
    known = await repository.accounts(db, organization_id, mail.connection_id) if statements else []
    account_id = next((each["account_id"] for each in known if each["account_key"] == ONLY_ACCOUNT), None)
    reason = _reason(mail, settings, account_id)
    batches: list[UUID] = []
    held: list[dict[str, str]] = []
    for part in statements:
        if reason is not None or account_id is None:
            held.append({"name": part.name, "reason": reason or "no_account"})
            continue
        try:
            async with db.transaction():
                actor = f"connection:{mail.connection_id}"
                batches.append(await _receive(db, organization_id, account_id, part, actor))
        except Problem as problem:
            held.append({"name": part.name, "reason": "refused", "code": problem.code})
    return batches, held


def _reason(mail: mails.Mail, settings: Mapping[str, Any], account_id: UUID | None) -> Reason | None:
    if not attachments.is_named(mail.sender, settings.get("statements_from", [])):
        return "sender_not_named"
    if not mail.is_sender_verified:
        return "sender_not_verified"
    return "no_account" if account_id is None else None


async def _receive(db: Connection, organization_id: UUID, account_id: UUID, part: mime.Part, actor: str) -> UUID:
    batch_id = await ingest.receive(
        db, organization_id=organization_id, account_id=account_id, file=io.BytesIO(part.content), file_name=part.name,
        source=ingest.Source.CONNECTION, imported_by=actor,
    )  # fmt: skip
    await queue.enqueue(db, organization_id, "import", {"batch_id": str(batch_id)}, job_id=batch_id)
    return batch_id


def _told(error: Exception) -> dict[str, Any]:
    """What is not a problem of ours is only named: its message may hold what is in the mail."""
    if isinstance(error, Problem):
        return {"code": error.code, "title": error.title}
    return {"code": "unexpected", "title": type(error).__name__}
