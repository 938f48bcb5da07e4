"""Every query on mails."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

MAIL = """
    mail_id, connection_id, message_id, folder, sender, sender_name, subject, sent_at, size_bytes, authentication,
    is_sender_verified, state, error, batches, held, received_at, read_at
"""


async def insert(db: Connection, organization_id: UUID, mails: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Write down mails that are not there; the ids of those that were not.

    A twin that a believed server vouches for vouches for the one that is there: what both say is the same.
    """
    columns = (
        "mail_id", "connection_id", "digest", "blob_key", "size_bytes", "twin_digest", "message_id", "folder", "sender",
        "sender_name", "subject", "sent_at", "authentication", "is_sender_verified", "state",
    )  # fmt: skip
    kinds = (
        "uuid", "uuid", "bytea", "text", "bigint", "bytea", "text", "text", "text", "text", "text", "timestamptz",
        "jsonb", "boolean", "text",
    )  # fmt: skip
    names = ", ".join(columns)
    arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in zip(columns, kinds, strict=True))
    query = f"""
        insert into receipts.mails as known (organization_id, {names})
        select %(organization_id)s, {names} from unnest({arrays}) as told ({names})
        on conflict (organization_id, twin_digest) do update set
            authentication = excluded.authentication, is_sender_verified = true
            where excluded.is_sender_verified and not known.is_sender_verified
        returning mail_id
    """
    known: dict[str, Any] = {name: [mail[name] for mail in mails] for name in columns}
    known["authentication"] = [Jsonb(each) for each in known["authentication"]]
    found = await rows(db, query, {**known, "organization_id": organization_id})
    return {row["mail_id"] for row in found} & {mail["mail_id"] for mail in mails}


async def begin_to_read(db: Connection, organization_id: UUID, most_attempts: int) -> DictRow | None:
    """The oldest mail that is still to be read. It counts as tried from now on, whatever becomes of who tries."""
    query = """
        with gone as (
            update receipts.mails set state = 'failed', error = coalesce(error, '{"code": "unexpected"}')
            where organization_id = %(organization_id)s and state = 'kept' and attempts >= %(most)s
        )
        update receipts.mails set attempts = attempts + 1
        where organization_id = %(organization_id)s and mail_id = (
            select mail_id from receipts.mails
            where organization_id = %(organization_id)s and state = 'kept' and attempts < %(most)s
            order by organization_id, mail_id limit 1 for update skip locked
        )
        returning mail_id, connection_id, attempts
    """
    return await one(db, query, {"organization_id": organization_id, "most": most_attempts})


async def update(db: Connection, organization_id: UUID, mail_id: UUID, **values: Any) -> None:
    """Write down what is named."""
    await db.execute(
        f"""
        update receipts.mails set {", ".join(f"{name} = %({name})s" for name in values)}
        where organization_id = %(organization_id)s and mail_id = %(mail_id)s
        """,
        {**values, "organization_id": organization_id, "mail_id": mail_id},
    )


async def get(db: Connection, organization_id: UUID, mail_id: UUID, *, lock: bool = False) -> DictRow | None:
    query = f"""
        select {MAIL}, blob_key from receipts.mails
        where organization_id = %(organization_id)s and mail_id = %(mail_id)s
        {"for no key update" if lock else ""}
    """
    return await one(db, query, {"organization_id": organization_id, "mail_id": mail_id})


async def page(
    db: Connection, organization_id: UUID, *, before: UUID | None, limit: int, connection_id: UUID | None
) -> list[DictRow]:
    """Mails, those that came last first."""
    query = f"""
        select {MAIL} from receipts.mails
        where organization_id = %(organization_id)s and (%(before)s::uuid is null or mail_id < %(before)s)
            and (%(connection_id)s::uuid is null or connection_id = %(connection_id)s)
        order by organization_id, mail_id desc limit %(limit)s
    """
    known = {"organization_id": organization_id, "before": before, "limit": limit, "connection_id": connection_id}
    return await rows(db, query, known)


async def count(db: Connection, organization_id: UUID, connection_id: UUID | None) -> int:
    query = """
        select count(*) as mails from receipts.mails
        where organization_id = %(organization_id)s
            and (%(connection_id)s::uuid is null or connection_id = %(connection_id)s)
    """
    return await number(db, query, {"organization_id": organization_id, "connection_id": connection_id})
