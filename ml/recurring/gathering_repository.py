"""Queries that gather payments to be judged: `recurring_payments`, a temporary table, has each with its place."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, allow_memory, hashed, number, one, rows

# What a bank's text says where it was told to pay, or where a card is charged by an agreement.
MANDATE = (
    r"\m(direct debit|standing order|dd|so|s/o|d/d|recurring|subscription|autopay|auto ?pay|continuous payment|mandate"
    r"|sepa.{0,3}(direct|lastschrift)|lastschrift|dauerauftrag|pr[eé]l[eè]vement|domiciliaci[oó]n|addebito)\M"
)
GROUPS_AT_ONCE = 2000


async def begin(db: Connection, organization_id: UUID) -> str | None:
    """Let nobody else look through these books meanwhile. Gives the watermark of the last look; none before any."""
    known = {"organization_id": organization_id}
    await db.execute(
        "insert into ml.recurring_runs (organization_id) values (%(organization_id)s) on conflict do nothing", known
    )
    query = """
        select watermark::text from ml.recurring_runs where organization_id = %(organization_id)s for update
    """
    found = await one(db, query, known)
    return found["watermark"] if found else None


async def watermark(db: Connection) -> str:
    """What is written before this and committed is seen by now; all else bears a higher number."""
    found = await one(db, "select pg_snapshot_xmin(pg_current_snapshot())::text as watermark")
    return str((found or {})["watermark"])


async def end(db: Connection, organization_id: UUID, reached: str) -> None:
    await db.execute(
        """
        update ml.recurring_runs set watermark = %(reached)s::text::xid8, ran_at = now()
        where organization_id = %(organization_id)s
        """,
        {"organization_id": organization_id, "reached": reached},
    )


async def stage_accounts(db: Connection, organization_id: UUID, today: date) -> None:
    """`recurring_accounts`: up to which day each account is known."""
    await db.execute("drop table if exists pg_temp.recurring_accounts, pg_temp.recurring_wanted")
    await db.execute(
        """
        create temporary table recurring_accounts on commit drop as
        select account_id, max(booked_on) as known_through from books.daily_totals
        where organization_id = %(organization_id)s and transactions > 0 and booked_on <= %(today)s
        group by account_id
        """,
        {"organization_id": organization_id, "today": today},
    )


async def stage_wanted(db: Connection, organization_id: UUID, since: str | None) -> int:
    """`recurring_wanted`: the merchants that are looked at; says how many.

    All of them without a watermark; else those with rows that were written since, those whose rows were of a
    pattern before they were, and those that should have been paid by now.
    """
    await db.execute("create temporary table recurring_wanted (merchant_key text primary key) on commit drop")
    query = """
        insert into pg_temp.recurring_wanted
        select distinct merchant_key from books.transactions
        where organization_id = %(organization_id)s and merchant_key <> ''
        union
        select merchant_key from ml.recurring_patterns where organization_id = %(organization_id)s
    """
    if since is not None:
        query = """
            with fresh as materialized (
                select transaction_id, merchant_key from books.transactions
                where organization_id = %(organization_id)s and row_xid >= %(since)s::text::xid8
            )
            insert into pg_temp.recurring_wanted
            select merchant_key from fresh where merchant_key <> ''
            union
            select pattern.merchant_key from fresh
            inner join ml.recurring_members as member
                on member.organization_id = %(organization_id)s and member.transaction_id = fresh.transaction_id
            inner join ml.recurring_patterns as pattern
                on pattern.organization_id = %(organization_id)s and pattern.pattern_id = member.pattern_id
            union
            select pattern.merchant_key from ml.recurring_patterns as pattern
            inner join pg_temp.recurring_accounts as account using (account_id)
            where pattern.organization_id = %(organization_id)s and pattern.state in ('active', 'missed')
                and pattern.next_latest_on < account.known_through
        """
    await db.execute(query, {"organization_id": organization_id, "since": since})
    return await number(db, "select count(*) as merchants from pg_temp.recurring_wanted")


async def stage_payments(db: Connection, organization_id: UUID, *, is_all: bool) -> int:
    """`recurring_payments`: what the wanted merchants took and gave, in groups by account, way and currency."""
    await allow_memory(db)
    await db.execute("drop table if exists pg_temp.recurring_payments")
    wanted = "" if is_all else "inner join pg_temp.recurring_wanted as wanted using (merchant_key)"
    await db.execute("analyze pg_temp.recurring_wanted")
    query = f"""
        create temporary table recurring_payments on commit drop as
        with payments as (
            select
                payment.transaction_id, payment.booked_on, payment.category_id,
                -- an exact whole number, whichever coins the currency has
                (abs(payment.amount) * 10000)::bigint as amount,
                merchant_key, account_id, currency, payment.amount > 0 as money_in
            from books.transactions as payment {wanted}
            where payment.organization_id = %(organization_id)s and payment.deleted_at is null
                and payment.status = 'posted' and payment.merchant_key <> '' and payment.amount <> 0
                and abs(payment.amount) < 1e13 and payment.booked_on between date '1950-01-01' and date '2150-12-31'
                and not exists (
                    select from ml.recurring_apart as apart
                    where apart.organization_id = %(organization_id)s and apart.transaction_id = payment.transaction_id
                )
        ),

        -- numbered first: payments are many to be sorted, and by a number sooner than by texts. Their group is not
        -- joined to them: of rows that were never analyzed the planner expects one, and would look at each with each
        groups as (
            select
                (row_number() over (order by merchant_key, account_id, currency, money_in))::integer as group_id,
                array_agg(transaction_id) as transaction_ids, array_agg(booked_on) as days,
                array_agg(category_id) as category_ids, array_agg(amount) as amounts
            from payments
            group by merchant_key, account_id, currency, money_in
        )

        select
            payment.*, group_id,
            (row_number() over (partition by group_id order by booked_on, transaction_id))::integer - 1 as place
        from groups
        cross join lateral unnest(transaction_ids, days, category_ids, amounts)
            as payment (transaction_id, booked_on, category_id, amount)
    """
    async with hashed(db):
        await db.execute(query, {"organization_id": organization_id})
    await db.execute("analyze pg_temp.recurring_payments")
    return await number(db, "select count(*) as payments from pg_temp.recurring_payments")


async def groups(db: Connection, organization_id: UUID) -> AsyncIterator[list[DictRow]]:
    """Groups of two payments and more, some at a time: days (as ordinals) and amounts in order, and what is known.

    The category is the most frequent one; what was suggested for the last payment stands in where there is none.
    """
    query = """
        with grouped as (
            select
                group_id, count(*)::integer as payments,
                array_agg(booked_on - date '0001-01-01' + 1 order by place) as days,
                array_agg(amount order by place) as amounts,
                mode() within group (order by category_id) as category_id,
                (array_agg(transaction_id order by place desc))[1] as last_id
            from pg_temp.recurring_payments
            group by group_id
            having count(*) > 1
        )
        select
            grouped.group_id, grouped.days, grouped.amounts, grouped.category_id, suggestion.detailed as suggested,
            category.name as category, coalesce(category.kind = 'transfer', false) as is_transfer,
            last.account_id, last.merchant_key, coalesce(last.merchant, last.merchant_key) as merchant,
            last.amount > 0 as money_in, last.currency, last.description ~* %(mandate)s as is_mandated,
            account.known_through
        from grouped
        inner join books.transactions as last
            on last.organization_id = %(organization_id)s and last.transaction_id = grouped.last_id
        left join ml.suggestions as suggestion
            on suggestion.organization_id = %(organization_id)s and suggestion.transaction_id = grouped.last_id
                and suggestion.state = 'open'
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = grouped.category_id
        left join pg_temp.recurring_accounts as account on account.account_id = last.account_id
        order by grouped.group_id
    """
    parameters: dict[str, Any] = {"organization_id": organization_id, "mandate": MANDATE}
    async with db.cursor(name="recurring_groups") as cursor:
        await cursor.execute(query, parameters)
        while found := await cursor.fetchmany(GROUPS_AT_ONCE):
            yield found


PAYMENTS = """
    select
        other.transaction_id, other.booked_on - date '0001-01-01' + 1 as day, other.account_id, other.merchant_key,
        coalesce(other.merchant, other.merchant_key) as merchant, other.currency, other.amount > 0 as money_in,
        (abs(other.amount) * 10000)::bigint as amount
    from {named} as named
    inner join books.transactions as other
        on other.organization_id = %(organization_id)s and other.merchant_key = named.merchant_key
            and other.account_id = named.account_id and other.currency = named.currency
            and (other.amount > 0) = {money_in}
    where named.organization_id = %(organization_id)s and named.{key} = %(id)s
        and named.merchant_key <> '' and other.deleted_at is null and other.status = 'posted'
        and other.amount <> 0 and abs(other.amount) < 1e13
        and other.booked_on between date '1950-01-01' and date '2150-12-31'
        and (other.transaction_id = %(id)s or not exists (
            select from ml.recurring_apart as apart
            where apart.organization_id = %(organization_id)s and apart.transaction_id = other.transaction_id
        ))
    order by other.booked_on, other.transaction_id
"""


async def closest_group(db: Connection, organization_id: UUID, transaction_id: UUID) -> list[DictRow]:
    """The payments of a transaction's merchant, account, way and currency, in their order."""
    query = PAYMENTS.format(named="books.transactions", money_in="(named.amount > 0)", key="transaction_id")
    return await rows(db, query, {"organization_id": organization_id, "id": transaction_id})


async def payments_of(db: Connection, organization_id: UUID, pattern_id: UUID) -> list[DictRow]:
    """The payments of a pattern's merchant, account, way and currency, in their order."""
    query = PAYMENTS.format(named="ml.recurring_patterns", money_in="named.money_in", key="pattern_id")
    return await rows(db, query, {"organization_id": organization_id, "id": pattern_id})
