"""Attaching: the files of a matched receipt beside its transaction, and off again; what a person put there stays."""

import io
from collections.abc import Sequence
from uuid import UUID

from ai2.books.transactions import attachments
from ai2.books.transactions.attachments import AttachmentNotFound, TooManyAttachments
from ai2.books.transactions.service import TransactionNotFound
from ai2.kit import queue
from ai2.kit.database import Connection, Database
from ai2.receipts import keeping, matches_repository, repository
from ai2.receipts.model import Document, Match

ADDED_BY = "receipts"
AT_ONCE = 50
FORGET = "forget_unused_files"


async def attach(db: Connection, organization_id: UUID, match: Match) -> None:
    """Put a receipt beside its transaction, and those copies of it that may lie there as they came."""
    found = await repository.get_many(db, organization_id, [match.document_id])
    documents = sorted((Document(**row) for row in found), key=lambda each: each.document_id != match.document_id)
    kept = list(match.attachments)
    for document in documents:
        with await keeping.opened(db, organization_id, document.digest) as file:
            content = file.read()
        if document.document_id != match.document_id and not _follows(document, content, match):
            continue
        name, shown = keeping.attachable(document, content)
        try:
            added = await attachments.add(
                db, organization_id, match.transaction_id, file=io.BytesIO(shown), file_name=name,
                size_bytes=len(shown), added_by=ADDED_BY,
            )  # fmt: skip
        except (TooManyAttachments, TransactionNotFound):
            continue
        if added.added_by == ADDED_BY and added.attachment_id not in kept:
            kept.append(added.attachment_id)
    await matches_repository.set_attached(db, organization_id, match.document_id, match.transaction_id, kept)


def _follows(copy: Document, content: bytes, match: Match) -> bool:
    """Whether a copy lies there too: as it came, and not alone where its sender may be another."""
    return (copy.is_trusted or match.state == "accepted") and keeping.is_attachable(copy, content)


async def detach(db: Connection, organization_id: UUID, matches: Sequence[Match]) -> None:
    """Take away what was put beside transactions for these."""
    for match in matches:
        for attachment_id in match.attachments:
            try:
                digest = await attachments.remove(db, organization_id, match.transaction_id, attachment_id)
            except (AttachmentNotFound, TransactionNotFound):
                continue
            await queue.enqueue(db, organization_id, FORGET, {"digest": digest.hex()})
        if match.attachments or match.is_attached:
            await matches_repository.set_detached(db, organization_id, match.document_id, match.transaction_id)


async def attach_waiting(database: Database, organization_id: UUID) -> int:
    """Put beside their transactions what was applied, some at a time, so that nobody waits long for one of them."""
    attached = 0
    while True:
        async with database.transaction(organization_id) as db:
            found = await matches_repository.to_attach(db, organization_id, AT_ONCE)
            for row in found:
                await attach(db, organization_id, Match(**row))
        attached += len(found)
        if len(found) < AT_ONCE:
            return attached


async def forget_unused(database: Database, organization_id: UUID, digest: bytes) -> None:
    """Delete bytes to which no attachment and no receipt refers any more."""
    async with database.transaction(organization_id) as db:
        await attachments.forget_unused(db, organization_id, digest)
    async with database.transaction(organization_id) as db:
        await repository.lock(db, organization_id)
        if await repository.of_digest(db, organization_id, digest) is None:
            await keeping.forget(organization_id, digest)
