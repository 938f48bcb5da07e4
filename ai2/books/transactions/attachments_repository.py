"""Every query on attachments and the files that they refer to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books import as_of_repository as then
from ai2.books.moments import Moment
from ai2.kit.database import Connection, one, rows

COLUMNS = """
    attachment.attachment_id, attachment.transaction_id, attachment.file_name, attachment.media_type,
    file.size_bytes, attachment.digest, attachment.added_by, attachment.created_at
"""
FROM = """
    from books.attachments as attachment
    inner join books.attached_files as file
        on file.organization_id = attachment.organization_id and file.digest = attachment.digest
    where attachment.organization_id = %(organization_id)s and attachment.transaction_id = %(transaction_id)s
"""


async def lock(db: Connection, organization_id: UUID, digest: bytes) -> None:
    """Let nobody else keep or forget these bytes until the transaction ends."""
    name = f"attached {organization_id} {digest.hex()}"
    await db.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


async def list_of(db: Connection, organization_id: UUID, transaction_id: UUID) -> list[DictRow]:
    query = f"select {COLUMNS} {FROM} order by attachment.attachment_id"
    return await rows(db, query, {"organization_id": organization_id, "transaction_id": transaction_id})


async def get(db: Connection, organization_id: UUID, transaction_id: UUID, attachment_id: UUID) -> DictRow | None:
    query = f"select {COLUMNS} {FROM} and attachment.attachment_id = %(attachment_id)s"
    known = {"organization_id": organization_id, "transaction_id": transaction_id, "attachment_id": attachment_id}
    return await one(db, query, known)


async def has_file(db: Connection, organization_id: UUID, digest: bytes) -> bool:
    query = "select from books.attached_files where organization_id = %(organization_id)s and digest = %(digest)s"
    return await one(db, query, {"organization_id": organization_id, "digest": digest}) is not None


async def insert_file(db: Connection, organization_id: UUID, digest: bytes, *, size_bytes: int, blob_key: str) -> None:
    await db.execute(
        """
        insert into books.attached_files (organization_id, digest, size_bytes, blob_key) values (%s, %s, %s, %s)
        on conflict do nothing
        """,
        [organization_id, digest, size_bytes, blob_key],
    )


async def insert(db: Connection, **values: Any) -> None:
    await db.execute(
        """
        insert into books.attachments (
            organization_id, attachment_id, transaction_id, digest, file_name, media_type, added_by
        ) values (
            %(organization_id)s, %(attachment_id)s, %(transaction_id)s, %(digest)s, %(file_name)s, %(media_type)s,
            %(added_by)s
        )
        """,
        values,
    )


async def delete(db: Connection, organization_id: UUID, attachment_id: UUID) -> None:
    await db.execute(
        "delete from books.attachments where organization_id = %s and attachment_id = %s",
        [organization_id, attachment_id],
    )


async def delete_unused_file(db: Connection, organization_id: UUID, digest: bytes) -> bool:
    """Forget a file that nothing refers to any more; whether that was so."""
    done = await db.execute(
        """
        delete from books.attached_files as file
        where organization_id = %(organization_id)s and digest = %(digest)s and not exists (
            select from books.attachments as attachment
            where attachment.organization_id = file.organization_id and attachment.digest = file.digest
        )
        """,
        {"organization_id": organization_id, "digest": digest},
    )
    return done.rowcount > 0


async def beside(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> list[DictRow]:
    query = f"""
        select {COLUMNS} from books.attachments as attachment
        inner join books.attached_files as file
            on file.organization_id = attachment.organization_id and file.digest = attachment.digest
        where attachment.organization_id = %(organization_id)s and attachment.transaction_id = any(%(ids)s)
        order by attachment.attachment_id
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(transaction_ids)})


async def proven(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], known_at: Moment | None
) -> set[UUID]:
    """Which of these transactions have an attachment, or had one."""
    query = f"""
        select distinct transaction_id from {f"({then.ATTACHMENTS})" if known_at else "books.attachments"} as attachment
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s)
    """
    known = {"organization_id": organization_id, "ids": list(transaction_ids)}
    found = await rows(db, query, {**known, **(known_at.parameters if known_at else {})})
    return {row["transaction_id"] for row in found}
