"""Every query on stated balances, and on what may have gone wrong between two of them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.ingest.balances.stated import Stated
from ai2.kit.database import Connection, one, rows


async def insert(
    db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID, balances: Sequence[Stated]
) -> None:
    """Keep what a batch states; what it stated before is replaced."""
    await db.execute(
        """
        insert into ingest.stated_balances as kept
            (organization_id, account_id, batch_id, balance_on, amount, kind, is_signed, line_number)
        select %(organization_id)s, %(account_id)s, %(batch_id)s, stated.*
        from unnest(
            %(days)s::date[], %(amounts)s::numeric[], %(kinds)s::text[], %(signed)s::boolean[], %(lines)s::integer[]
        ) as stated
        on conflict (organization_id, account_id, balance_on, batch_id, kind) do update set
            amount = excluded.amount, is_signed = excluded.is_signed, line_number = excluded.line_number
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "batch_id": batch_id,
            "days": [balance.balance_on for balance in balances],
            "amounts": [balance.amount for balance in balances],
            "kinds": [balance.kind for balance in balances],
            "signed": [balance.is_signed for balance in balances],
            "lines": [balance.line_number for balance in balances],
        },
    )


async def delete(db: Connection, organization_id: UUID, batch_id: UUID) -> list[UUID]:
    """Take away what a batch states, and say of which accounts."""
    found = await rows(
        db,
        """
        delete from ingest.stated_balances
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        returning account_id
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return list({row["account_id"] for row in found})


async def stated(db: Connection, account_ids: Sequence[UUID]) -> list[DictRow]:
    """What counts for each day, by account and day: the newest batch's word, a closing balance before the others.

    `others` are all amounts that are stated for that day. What only begins a proof counts where nothing else is there.
    """
    query = """
        select distinct on (stated.account_id, stated.balance_on)
            stated.account_id, stated.balance_on, stated.amount, stated.kind, stated.is_signed, stated.batch_id,
            stated.line_number, stated.balance_on >= batch.last_date as is_last_day,
            -- most days are stated once, and reading an array costs more than reading a row
            case when max(stated.amount) over by_day <> min(stated.amount) over by_day
                then array_agg(stated.amount) filter (where stated.kind <> 'implied') over by_day
            end as others
        from ingest.stated_balances as stated
        inner join ingest.batches as batch using (organization_id, batch_id)
        where stated.account_id = any(%(account_ids)s)
        window by_day as (partition by stated.account_id, stated.balance_on)
        order by
            stated.account_id, stated.balance_on, (stated.kind = 'implied'), stated.batch_id desc,
            array_position(array['closing', 'running', 'opening'], stated.kind)
    """
    return await rows(db, query, {"account_ids": list(account_ids)})


async def accounts_with_balances(db: Connection) -> list[DictRow]:
    """Every account of which something is stated; for operators, whose role sees every organization."""
    query = """
        select account.organization_id, account.account_id
        from published.accounts as account
        where account.archived_at is null and exists (
            select from ingest.stated_balances as stated
            where stated.organization_id = account.organization_id and stated.account_id = account.account_id
        )
        order by 1, 2
    """
    return await rows(db, query)


async def came_later(db: Connection, account_id: UUID, said: dict[date, UUID]) -> dict[date, Decimal]:
    """What batches after those that state these days' balances still brought for them."""
    query = """
        select wanted.booked_on, sum(transaction.amount) as amount
        from unnest(%(days)s::date[], %(batches)s::uuid[]) as wanted (booked_on, batch_id)
        inner join books.transactions as transaction
            on transaction.booked_on = wanted.booked_on and transaction.batch_id > wanted.batch_id
        where transaction.organization_id = (
                select organization_id from books.accounts where account_id = %(account_id)s
            )
            and transaction.account_id = %(account_id)s
            and transaction.deleted_at is null and transaction.status = 'posted'
        group by wanted.booked_on
    """
    known = {"account_id": account_id, "days": list(said), "batches": list(said.values())}
    return {row["booked_on"]: row["amount"] for row in await rows(db, query, known)}


# What is looked at in a row: the same columns wherever it comes from.
ROW = """
    transaction.transaction_id, transaction.booked_on, transaction.amount, transaction.description,
    coalesce(transaction.source_key, transaction.merchant_key) as merchant_key,
    transaction.status, transaction.batch_id, transaction.line_number,
    transaction.deleted_at is not null as is_deleted, transaction.version > 1 as is_changed
"""


async def rows_between(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    first: date,
    last: date,
    *,
    amounts: Sequence[Decimal] | None,
    limit: int,
) -> list[DictRow]:
    """Rows of the days, deleted ones too; where amounts are named, only those of an amount, pending, or deleted."""
    query = f"""
        select {ROW} from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s and transaction.account_id = %(account_id)s
            and transaction.booked_on between %(first)s and %(last)s and transaction.deleted_at is null
            and (
                %(amounts)s::numeric[] is null or transaction.amount = any(%(amounts)s)
                or transaction.status <> 'posted'
            )
        union all
        select {ROW} from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s and transaction.account_id = %(account_id)s
            and transaction.booked_on between %(first)s and %(last)s and transaction.deleted_at is not null
            and (%(amounts)s::numeric[] is null or transaction.amount = any(%(amounts)s))
        limit %(limit)s
    """
    return await rows(
        db,
        query,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "first": first,
            "last": last,
            "amounts": None if amounts is None else list(amounts),
            "limit": limit,
        },
    )


async def changed_between(
    db: Connection, organization_id: UUID, account_id: UUID, first: date, last: date, limit: int
) -> list[DictRow]:
    """Rows that had another amount, day or account before, and had them on one of these days then or have them now."""
    query = """
        select
            present.transaction_id, present.batch_id, present.line_number, present.booked_on, present.amount,
            present.account_id = %(account_id)s and present.deleted_at is null and present.status = 'posted' as is_here,
            former.booked_on as former_booked_on, former.amount as former_amount,
            former.account_id = %(account_id)s and former.deleted_at is null and former.status = 'posted' as was_here
        from books.transaction_versions as former
        inner join books.transactions as present using (organization_id, transaction_id)
        where former.organization_id = %(organization_id)s and former.version = 1
            and (former.account_id = %(account_id)s or present.account_id = %(account_id)s)
            and (former.booked_on between %(first)s and %(last)s or present.booked_on between %(first)s and %(last)s)
            and (former.amount, former.booked_on, former.account_id)
                is distinct from (present.amount, present.booked_on, present.account_id)
        limit %(limit)s
    """
    return await rows(
        db,
        query,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "first": first,
            "last": last,
            "limit": limit,
        },
    )


async def quarantined_between(
    db: Connection, organization_id: UUID, account_id: UUID, first: date, last: date, limit: int
) -> list[DictRow]:
    """Quarantined rows of the files that reach into these days; what day a row is of, it could not say."""
    query = """
        select line.batch_id, line.line_number, line.reason, line.original
        from ingest.batches as batch
        inner join ingest.unloaded_lines as line using (organization_id, batch_id)
        where batch.organization_id = %(organization_id)s and batch.account_id = %(account_id)s
            and batch.status = 'loaded' and line.state = 'quarantined'
            and coalesce(batch.first_date, %(first)s) <= %(last)s and coalesce(batch.last_date, %(last)s) >= %(first)s
        order by line.batch_id desc, line.line_number
        limit %(limit)s
    """
    return await rows(
        db,
        query,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "first": first,
            "last": last,
            "limit": limit,
        },
    )


async def files_between(
    db: Connection, organization_id: UUID, account_id: UUID, first: date, last: date
) -> list[DictRow]:
    """The imports that reach into these days, undone ones too."""
    query = """
        select batch_id, file_name, status, first_date, last_date from ingest.batches
        where organization_id = %(organization_id)s and account_id = %(account_id)s
            and status in ('loaded', 'undone') and first_date <= %(last)s and last_date >= %(first)s
        order by first_date, last_date
    """
    return await rows(
        db,
        query,
        {"organization_id": organization_id, "account_id": account_id, "first": first, "last": last},
    )


async def first_day(db: Connection, organization_id: UUID, account_id: UUID) -> date | None:
    """The first day on which anything moved the account."""
    row = await one(
        db,
        """
        select min(booked_on) as first from books.daily_totals
        where organization_id = %(organization_id)s and account_id = %(account_id)s and transactions > 0
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )
    return row["first"] if row else None
