"""Every query on what tax reports are made of."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, rows


async def posted(
    db: Connection, organization_id: UUID, start: date, end: date, *, accounts: Sequence[UUID], most: int
) -> list[UUID]:
    """The transactions that were booked on these days, by day; not more than `most` of them."""
    query = """
        select transaction_id from published.transactions
        where organization_id = %(organization_id)s and booked_on between %(start)s and %(end)s
            and deleted_at is null and status = 'posted'
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
        order by booked_on, transaction_id limit %(most)s
    """
    known = {"start": start, "end": end, "accounts": list(accounts) or None, "most": most}
    found = await rows(db, query, {**known, "organization_id": organization_id})
    return [row["transaction_id"] for row in found]


async def said_rates(db: Connection, organization_id: UUID, ids: Collection[UUID]) -> dict[UUID, str]:
    """The rate of consumption tax that the books themselves say of a transaction: its attribute `tax_rate`."""
    query = """
        select transaction_id, attributes ->> 'tax_rate' as tax_rate from published.transactions
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and attributes ? 'tax_rate'
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(ids)})
    return {row["transaction_id"]: row["tax_rate"] for row in found if row["tax_rate"] is not None}


async def transactions(db: Connection, organization_id: UUID, ids: Collection[UUID]) -> dict[UUID, DictRow]:
    """What a reader is told of these transactions; one that was erased since is not there."""
    query = """
        select
            transaction.transaction_id, transaction.account_id, transaction.booked_on, transaction.amount,
            transaction.currency::text as currency, transaction.category_id, transaction.description,
            transaction.decided_by, transaction.decided_version, transaction.confidence::float8 as confidence,
            transaction.batch_id, transaction.line_number, batch.file_name, transaction.splits
        from published.transactions as transaction
        left join published.batches as batch
            on batch.organization_id = transaction.organization_id and batch.batch_id = transaction.batch_id
        where transaction.organization_id = %(organization_id)s and transaction.transaction_id = any(%(ids)s)
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(ids)})
    return {row["transaction_id"]: row for row in found}
