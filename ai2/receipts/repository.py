"""Every query on receipts themselves; those on what they match are in `matches_repository`."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

COLUMNS = """
    document.document_id, document.mail_id, document.digest, document.size_bytes, document.file_name,
    document.media_type, document.form, document.supplier, document.supplier_key, document.issued_on, document.total,
    document.tax, document.currency::text as currency, document.number, document.order_number, document.state,
    document.same_as, document.is_trusted, document.added_by, document.created_at, document.readings
"""
WANTED = """
    document.organization_id = %(organization_id)s
    and (%(state)s::text is null or document.state = %(state)s)
    and (%(transaction_id)s::uuid is null or exists (
        select from receipts.matches as match
        where match.organization_id = document.organization_id and match.state in ('applied', 'accepted')
            and match.document_id = coalesce(document.same_as, document.document_id)
            and match.transaction_id = %(transaction_id)s
    ))
"""


async def lock(db: Connection, organization_id: UUID) -> None:
    """Let nobody else take, match or answer for this organization's receipts until the transaction ends."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"receipts {organization_id}"])


async def insert(db: Connection, organization_id: UUID, values: dict[str, Any]) -> None:
    await db.execute(
        """
        insert into receipts.documents (
            organization_id, document_id, mail_id, digest, size_bytes, blob_key, file_name, media_type, form, supplier,
            supplier_key, issued_on, total, tax, currency, number, order_number, readings, state, same_as, is_trusted,
            added_by
        ) values (
            %(organization_id)s, %(document_id)s, %(mail_id)s, %(digest)s, %(size_bytes)s, %(blob_key)s, %(file_name)s,
            %(media_type)s, %(form)s, %(supplier)s, %(supplier_key)s, %(issued_on)s, %(total)s, %(tax)s, %(currency)s,
            %(number)s, %(order_number)s, %(readings)s, %(state)s, %(same_as)s, %(is_trusted)s, %(added_by)s
        )
        """,
        {**values, "organization_id": organization_id, "readings": Jsonb(values["readings"])},
    )


async def of_digest(db: Connection, organization_id: UUID, digest: bytes) -> UUID | None:
    """The receipt of these bytes."""
    query = """
        select document_id from receipts.documents
        where organization_id = %(organization_id)s and digest = %(digest)s
    """
    found = await one(db, query, {"organization_id": organization_id, "digest": digest})
    return found["document_id"] if found else None


async def saying_the_same(db: Connection, organization_id: UUID, values: dict[str, Any]) -> DictRow | None:
    """A receipt that says the same: of the same mail, of the same invoice and day, or of the same order about then."""
    query = """
        select document_id, state from receipts.documents
        where organization_id = %(organization_id)s and same_as is null and total = %(total)s
            and currency is not distinct from %(currency)s::char(3)
            and (
                (
                    mail_id = %(mail_id)s
                    and (issued_on is null or %(issued_on)s::date is null or abs(issued_on - %(issued_on)s) <= 1)
                    and (number is null or %(number)s::text is null or number = %(number)s)
                )
                or (
                    supplier_key = %(supplier_key)s and supplier_key <> ''
                    and (
                        (number = %(number)s and issued_on = %(issued_on)s)
                        or (order_number = %(order_number)s and abs(issued_on - %(issued_on)s) <= 14)
                    )
                )
            )
        order by document_id limit 1
    """
    return await one(db, query, {**values, "organization_id": organization_id})


async def get(db: Connection, organization_id: UUID, document_id: UUID, *, lock: bool = False) -> DictRow | None:
    query = f"""
        select {COLUMNS} from receipts.documents as document
        where organization_id = %(organization_id)s and document_id = %(document_id)s
        {"for no key update" if lock else ""}
    """
    return await one(db, query, {"organization_id": organization_id, "document_id": document_id})


async def get_many(db: Connection, organization_id: UUID, document_ids: Sequence[UUID]) -> list[DictRow]:
    """These, and the copies of them."""
    query = f"""
        select {COLUMNS} from receipts.documents as document
        where organization_id = %(organization_id)s
            and (document_id = any(%(ids)s) or same_as = any(%(ids)s))
        order by document_id
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(document_ids)})


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    state: str | None,
    transaction_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[DictRow]:
    """Receipts, newest first."""
    query = f"""
        select {COLUMNS} from receipts.documents as document
        where {WANTED} and (%(before)s::uuid is null or document.document_id < %(before)s)
        order by document.document_id desc limit %(limit)s
    """
    known = {"organization_id": organization_id, "state": state, "transaction_id": transaction_id}
    return await rows(db, query, {**known, "before": before, "limit": limit})


async def count(db: Connection, organization_id: UUID, *, state: str | None, transaction_id: UUID | None) -> int:
    query = f"select count(*) as documents from receipts.documents as document where {WANTED}"
    known = {"organization_id": organization_id, "state": state, "transaction_id": transaction_id}
    return await number(db, query, known)


async def is_there(db: Connection, organization_id: UUID) -> bool:
    """Whether there is any receipt that may have a transaction."""
    query = """
        select from receipts.documents
        where organization_id = %(organization_id)s and state in ('waiting', 'needs_review', 'matched') limit 1
    """
    return await one(db, query, {"organization_id": organization_id}) is not None


async def to_look_at(
    db: Connection, organization_id: UUID, first: date | None, last: date | None, *, before: int, after: int
) -> list[DictRow]:
    """Receipts that a machine may match: new ones, and those near them or near these days.

    What a person accepted is decided. `before` and `after` are days: how far a row may be from its receipt.
    """
    query = f"""
        with fresh as (
            select min(coalesce(issued_on, created_at::date)) - %(after)s::integer as first,
                max(coalesce(issued_on, created_at::date)) + %(after)s::integer as last
            from receipts.documents
            where organization_id = %(organization_id)s and looked_at is null and state = 'waiting'
        )
        select {COLUMNS} from receipts.documents as document
        cross join fresh
        where document.organization_id = %(organization_id)s
            and document.state in ('waiting', 'needs_review', 'matched') and document.total is not null
            and (
                document.looked_at is null
                or coalesce(issued_on, created_at::date) between fresh.first and fresh.last
                or coalesce(issued_on, created_at::date)
                between %(first)s::date - %(after)s::integer and %(last)s::date + %(before)s::integer
            )
            and not exists (
                select from receipts.matches as match
                where match.organization_id = document.organization_id
                    and match.document_id = document.document_id and match.state = 'accepted'
            )
        order by document.document_id
    """
    known = {"organization_id": organization_id, "first": first, "last": last, "before": before, "after": after}
    return await rows(db, query, known)


async def set_states(db: Connection, organization_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Let each be what its matches make of it; a copy stays one."""
    await db.execute(
        """
        update receipts.documents as document set looked_at = now(), state = case
            when exists (
                select from receipts.matches as match
                where match.organization_id = document.organization_id and match.document_id = document.document_id
                    and match.state in ('applied', 'accepted')
            ) then 'matched'
            when document.total is null then 'unread'
            when exists (
                select from receipts.matches as match
                where match.organization_id = document.organization_id and match.document_id = document.document_id
                    and match.state = 'proposed'
            ) then 'needs_review'
            else 'waiting'
        end
        where organization_id = %(organization_id)s and document_id = any(%(ids)s) and same_as is null
        """,
        {"organization_id": organization_id, "ids": list(document_ids)},
    )


async def trust(db: Connection, organization_id: UUID, document_id: UUID) -> None:
    """Somebody who is known sent it too."""
    await db.execute(
        """
        update receipts.documents set is_trusted = true, looked_at = null
        where organization_id = %s and document_id = %s and not is_trusted
        """,
        [organization_id, document_id],
    )


async def look_again(db: Connection, organization_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Let these be looked at as if they were new."""
    await db.execute(
        "update receipts.documents set looked_at = null where organization_id = %s and document_id = any(%s)",
        [organization_id, list(document_ids)],
    )


async def let_copies_go(db: Connection, organization_id: UUID, document_id: UUID) -> None:
    """Let the oldest copy of a receipt that goes be the receipt, and the others copies of it."""
    await db.execute(
        """
        with copies as (
            select document_id, min(document_id::text) over ()::uuid as heir_id from receipts.documents
            where organization_id = %(organization_id)s and same_as = %(document_id)s
        )
        update receipts.documents as document set
            same_as = nullif(copies.heir_id, document.document_id),
            state = case when copies.heir_id = document.document_id then 'waiting' else 'copy' end,
            looked_at = null
        from copies
        where document.organization_id = %(organization_id)s and document.document_id = copies.document_id
        """,
        {"organization_id": organization_id, "document_id": document_id},
    )


async def delete(db: Connection, organization_id: UUID, document_id: UUID) -> None:
    """Delete a receipt, and what it matched."""
    query = "delete from receipts.documents where organization_id = %s and document_id = %s"
    await db.execute(query, [organization_id, document_id])


async def touched(db: Connection, organization_id: UUID) -> DictRow:
    """The days of the transactions that were written since the last look, and the watermark of this one."""
    found = await one(
        db,
        """
        with former as (select watermark from receipts.looks where organization_id = %(organization_id)s)
        select
            pg_snapshot_xmin(pg_current_snapshot())::text as watermark, min(booked_on) as first, max(booked_on) as last
        from published.transactions
        where organization_id = %(organization_id)s
            and row_xid >= coalesce((select watermark from former), '0'::xid8)
        """,
        {"organization_id": organization_id},
    )
    return found or {}


async def put_look(db: Connection, organization_id: UUID, watermark: str) -> None:
    await db.execute(
        """
        insert into receipts.looks as look (organization_id, watermark)
        values (%(organization_id)s, %(watermark)s::text::xid8)
        on conflict (organization_id) do update set watermark = excluded.watermark, looked_at = now()
        """,
        {"organization_id": organization_id, "watermark": watermark},
    )
