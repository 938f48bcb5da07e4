"""Every query on what an act changed in this very database transaction, and on the same rows once it is taken back."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.rules.runs_repository import Scope
from ai2.books.transactions.repository import SPLITS
from ai2.kit.database import Connection, one, rows

STATE = f"""
    transaction.transaction_id, transaction.booked_on, transaction.amount, transaction.currency::text as currency,
    transaction.description, transaction.account_id, transaction.deleted_at is not null as is_deleted,
    transaction.category_id, transaction.category, transaction.decided_by, transaction.decided_version,
    transaction.merchant, transaction.tags, {SPLITS.format(table="transaction", splits="transaction.splits")} as splits
"""


async def hurry(db: Connection, *, lock: str, statement: str) -> None:
    """Wait for nobody for long, and keep nobody waiting, until the savepoint is rolled back."""
    await db.execute(
        "select set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)", [lock, statement]
    )


async def counts(db: Connection, organization_id: UUID, start: date, end: date) -> tuple[int, int]:
    """How many transactions were written here, and how many of them are of these days or were."""
    found = await one(
        db,
        """
        select
            count(*)::integer as changed,
            count(*) filter (where transaction.booked_on between %(start)s and %(end)s)::integer as within
        from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s and transaction.row_xid = pg_current_xact_id()
        """,
        {"organization_id": organization_id, "start": start, "end": end},
    )
    return (found["changed"], found["within"]) if found else (0, 0)


async def changed(db: Connection, organization_id: UUID, *, after: UUID | None, limit: int) -> list[DictRow]:
    """A page of the transactions that were written here, as they are now, the newest first."""
    query = f"""
        with page as materialized (
            select transaction_id from books.transactions
            where organization_id = %(organization_id)s and row_xid = pg_current_xact_id()
                and (%(after)s::uuid is null or transaction_id < %(after)s)
            order by transaction_id desc limit %(limit)s
        )
        select {STATE} from page
        inner join published.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = page.transaction_id
        order by page.transaction_id desc
    """
    return await rows(db, query, {"organization_id": organization_id, "after": after, "limit": limit})


async def states(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> dict[UUID, DictRow]:
    """These transactions as they are."""
    query = f"""
        select {STATE} from published.transactions as transaction
        where transaction.organization_id = %(organization_id)s and transaction.transaction_id = any(%(ids)s)
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(transaction_ids)})
    return {row["transaction_id"]: row for row in found}


DECIDED_BY_NONE, DECIDED_BY_MODEL = "decided_by is null", "decided_by = 'model' and splits is null"


async def undecided(db: Connection, organization_id: UUID, where: Scope, since: date | None, limit: int) -> list[UUID]:
    """Transactions that nobody has decided, the latest first; those in closed periods are left out."""
    return await _latest(db, organization_id, DECIDED_BY_NONE, where, since, limit)


async def decided_by_model(
    db: Connection, organization_id: UUID, where: Scope, since: date | None, limit: int
) -> list[UUID]:
    """Transactions that a model decided, the latest first; those in closed periods are left out."""
    return await _latest(db, organization_id, DECIDED_BY_MODEL, where, since, limit)


async def _latest(
    db: Connection, organization_id: UUID, condition: str, where: Scope, since: date | None, limit: int
) -> list[UUID]:
    query = f"""
        select transaction_id from books.transactions
        where organization_id = %(organization_id)s and deleted_at is null and status <> 'closed' and {condition}
            and (%(since)s::date is null or booked_on > %(since)s)
            and (%(start_date)s::date is null or booked_on >= %(start_date)s)
            and (%(end_date)s::date is null or booked_on <= %(end_date)s)
            and (%(account_id)s::uuid is null or account_id = %(account_id)s)
        order by booked_on desc, transaction_id desc limit %(limit)s
    """
    known = {**vars(where), "organization_id": organization_id, "since": since, "limit": limit}
    return [row["transaction_id"] for row in await rows(db, query, known)]
