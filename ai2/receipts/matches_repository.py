"""Every query on what receipts match, on the rows that they may match, and on names that mean the same."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

COLUMNS = """
    document_id, transaction_id, state, confidence, reasons, parts, decided_by, decided_at, attachments, is_attached
"""


async def of_document(db: Connection, organization_id: UUID, document_id: UUID) -> list[DictRow]:
    """What a receipt matches or may match, the surest first."""
    query = f"""
        select {COLUMNS} from receipts.matches
        where organization_id = %(organization_id)s and document_id = %(document_id)s
        order by
            array_position(array['accepted', 'applied', 'proposed', 'rejected'], state), confidence desc, transaction_id
    """
    return await rows(db, query, {"organization_id": organization_id, "document_id": document_id})


async def of_documents(db: Connection, organization_id: UUID, document_ids: Sequence[UUID]) -> list[DictRow]:
    query = f"""
        select {COLUMNS} from receipts.matches
        where organization_id = %(organization_id)s and document_id = any(%(ids)s)
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(document_ids)})


async def get(db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID) -> DictRow | None:
    query = f"""
        select {COLUMNS} from receipts.matches
        where organization_id = %(organization_id)s and document_id = %(document_id)s
            and transaction_id = %(transaction_id)s
    """
    known = {"organization_id": organization_id, "document_id": document_id, "transaction_id": transaction_id}
    return await one(db, query, known)


async def put(db: Connection, organization_id: UUID, matches: Sequence[dict[str, Any]]) -> None:
    """Write matches down, over what they were; what was put beside their transactions stays known."""
    await db.execute(
        """
        insert into receipts.matches as known
            (organization_id, document_id, transaction_id, state, confidence, reasons, parts, decided_by)
        select
            %(organization_id)s, new.document_id, new.transaction_id, new.state, new.confidence,
            array(select jsonb_array_elements_text(new.reasons)), new.parts, new.decided_by
        from jsonb_to_recordset(%(matches)s) as new (
            document_id uuid, transaction_id uuid, state text, confidence numeric, reasons jsonb, parts smallint,
            decided_by text
        )
        on conflict (organization_id, document_id, transaction_id) do update set
            state = excluded.state, confidence = excluded.confidence, reasons = excluded.reasons,
            parts = excluded.parts, decided_by = excluded.decided_by, decided_at = now()
        """,
        {"organization_id": organization_id, "matches": Jsonb(list(matches))},
    )


async def delete(db: Connection, organization_id: UUID, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    await db.execute(
        """
        delete from receipts.matches as match
        using unnest(%(documents)s::uuid[], %(transactions)s::uuid[]) as gone (document_id, transaction_id)
        where match.organization_id = %(organization_id)s and match.document_id = gone.document_id
            and match.transaction_id = gone.transaction_id
        """,
        {
            "organization_id": organization_id,
            "documents": [document_id for document_id, _ in pairs],
            "transactions": [transaction_id for _, transaction_id in pairs],
        },
    )


async def to_attach(db: Connection, organization_id: UUID, limit: int) -> list[DictRow]:
    """Matches whose files are not beside their transactions yet."""
    query = f"""
        select {COLUMNS} from receipts.matches
        where organization_id = %(organization_id)s and state in ('applied', 'accepted') and not is_attached
        order by document_id, transaction_id limit %(limit)s
        for update skip locked
    """
    return await rows(db, query, {"organization_id": organization_id, "limit": limit})


async def set_attached(
    db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID, attachments: Sequence[UUID]
) -> None:
    await db.execute(
        """
        update receipts.matches set is_attached = true, attachments = %(attachments)s
        where organization_id = %(organization_id)s and document_id = %(document_id)s
            and transaction_id = %(transaction_id)s
        """,
        {
            "organization_id": organization_id,
            "document_id": document_id,
            "transaction_id": transaction_id,
            "attachments": list(attachments),
        },
    )


async def set_detached(db: Connection, organization_id: UUID, document_id: UUID, transaction_id: UUID) -> None:
    """Nothing of ours lies beside the transaction for it any more."""
    await db.execute(
        """
        update receipts.matches set is_attached = false, attachments = '{}'
        where organization_id = %s and document_id = %s and transaction_id = %s
        """,
        [organization_id, document_id, transaction_id],
    )


async def attach_again(db: Connection, organization_id: UUID, document_id: UUID) -> None:
    """Something more is to lie beside the transactions of a receipt."""
    await db.execute(
        "update receipts.matches set is_attached = false where organization_id = %s and document_id = %s",
        [organization_id, document_id],
    )


async def rows_between(
    db: Connection, organization_id: UUID, first: date, last: date, document_ids: Sequence[UUID]
) -> list[DictRow]:
    """Transactions that may be of these receipts: booked, no transfers, and not of receipts that are not looked at.

    Of one that a person accepted for a receipt, what that leaves open; none where it is of another currency.
    """
    query = """
        with held as materialized (
            select match.transaction_id, bool_or(match.state = 'applied') as is_applied,
                bool_and(document.total is not null) as is_known, sum(document.total) as proved,
                array_agg(distinct document.currency::text) as currencies
            from receipts.matches as match
            inner join receipts.documents as document
                on document.organization_id = match.organization_id and document.document_id = match.document_id
            where match.organization_id = %(organization_id)s and match.state in ('applied', 'accepted')
                and match.document_id <> all(%(ids)s)
            group by match.transaction_id
        ),
        paired as materialized (
            select out_transaction_id as transaction_id from published.transfers
            where organization_id = %(organization_id)s and state = 'paired'
            union all
            select in_transaction_id from published.transfers
            where organization_id = %(organization_id)s and state = 'paired'
        )
        select
            row.transaction_id, row.account_id, row.booked_on, -row.amount - coalesce(held.proved, 0) as paid,
            row.currency::text as currency, row.merchant_key,
            concat_ws(' ', row.description, row.merchant, row.reference) as text, row.mcc::text as mcc, row.category
        from published.transactions as row
        left join held on held.transaction_id = row.transaction_id
        where row.organization_id = %(organization_id)s and row.booked_on between %(first)s and %(last)s
            and row.deleted_at is null and row.status = 'posted' and row.amount <> 0
            and (
                held.transaction_id is null
                or (
                    not held.is_applied and held.is_known and held.currencies = array[row.currency::text]
                    and abs(held.proved) < abs(row.amount) and held.proved * row.amount < 0
                )
            )
            and row.transaction_id not in (select transaction_id from paired)
        order by row.booked_on, row.transaction_id
    """
    known = {"organization_id": organization_id, "first": first, "last": last, "ids": list(document_ids)}
    return await rows(db, query, known)


async def rejected(db: Connection, organization_id: UUID, document_ids: Sequence[UUID]) -> list[DictRow]:
    """Pairs that a person said are none."""
    query = """
        select document_id, transaction_id from receipts.matches
        where organization_id = %(organization_id)s and document_id = any(%(ids)s) and state = 'rejected'
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(document_ids)})


async def aliases(db: Connection, organization_id: UUID) -> list[DictRow]:
    """Names that people took for the same more often than not."""
    query = """
        select supplier_key, merchant_key from receipts.aliases
        where organization_id = %(organization_id)s and accepted > rejected
    """
    return await rows(db, query, {"organization_id": organization_id})


async def learn(
    db: Connection, organization_id: UUID, supplier_key: str, merchant_key: str, *, accepted: int, rejected: int
) -> None:
    """Count what a person said of two names."""
    await db.execute(
        """
        insert into receipts.aliases as alias (organization_id, supplier_key, merchant_key, accepted, rejected)
        values (%(organization_id)s, %(supplier_key)s, %(merchant_key)s, %(accepted)s, %(rejected)s)
        on conflict (organization_id, supplier_key, merchant_key) do update set
            accepted = alias.accepted + excluded.accepted, rejected = alias.rejected + excluded.rejected
        """,
        {
            "organization_id": organization_id,
            "supplier_key": supplier_key,
            "merchant_key": merchant_key,
            "accepted": accepted,
            "rejected": rejected,
        },
    )


async def delete_of_gone(db: Connection, organization_id: UUID) -> list[UUID]:
    """Part receipts from transactions that were taken out of the books since the last look; says which receipts."""
    query = """
        delete from receipts.matches as match using published.transactions as row
        where match.organization_id = %(organization_id)s and match.state <> 'rejected'
            and row.organization_id = match.organization_id and row.transaction_id = match.transaction_id
            and (row.deleted_at is not null or row.status = 'closed')
            and row.row_xid >= coalesce(
                (select look.watermark from receipts.looks as look where look.organization_id = %(organization_id)s),
                '0'::xid8
            )
        returning match.document_id
    """
    return [found["document_id"] for found in await rows(db, query, {"organization_id": organization_id})]
