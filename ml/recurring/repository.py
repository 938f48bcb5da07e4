"""Every query about patterns that are known."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, Query, one, rows

COLUMNS = """
    pattern.pattern_id, pattern.account_id, pattern.merchant_key, pattern.merchant, pattern.money_in, pattern.currency,
    pattern.is_transfer, pattern.state, pattern.decision, pattern.decided_by, pattern.decided_at, pattern.cadence,
    pattern.schedule, pattern.confidence, pattern.reason_code, pattern.reasons, pattern.payments, pattern.first_on,
    pattern.last_on, pattern.amount, pattern.amount_low, pattern.amount_high, pattern.amount_kind,
    pattern.price_changes, pattern.next_due_on, pattern.next_earliest_on, pattern.next_latest_on, pattern.skipped,
    pattern.missed, pattern.known_through, pattern.version, pattern.created_at, pattern.updated_at
"""
# What the members of a pattern agree on: what a person decided for most of them, or else anybody did.
AGREED = """
    select
        mode() within group (order by of_it.category_id) filter (where of_it.decided_by = 'user') as by_people,
        mode() within group (order by of_it.category_id) as by_anyone,
        count(of_it.category_id)::integer as decided
    from ml.recurring_members as member
    inner join books.transactions as of_it
        on of_it.organization_id = %(organization_id)s and of_it.transaction_id = member.transaction_id
    where member.organization_id = %(organization_id)s and member.pattern_id = pattern.pattern_id
        and of_it.deleted_at is null
"""
GOES_ON = "state in ('active', 'missed') and decision is distinct from 'dismissed'"


async def page(db: Connection, organization_id: UUID, state: str | None) -> list[DictRow]:
    """All patterns in a state, what is due first; a person's word goes before what was found."""
    query = f"""
        select {COLUMNS}, category.category_id, category.name as category
        from ml.recurring_patterns as pattern
        left join lateral ({AGREED}) as agreed on pattern.state <> 'rejected'
        left join books.categories as category
            on category.organization_id = %(organization_id)s
                and category.category_id = coalesce(agreed.by_people, agreed.by_anyone)
        where pattern.organization_id = %(organization_id)s and (
            %(state)s::text is null or case
                when pattern.decision = 'dismissed' then %(state)s = 'dismissed'
                when %(state)s = 'confirmed' then pattern.decision = 'confirmed'
                else pattern.state = %(state)s
            end
        )
        order by
            pattern.decision is not distinct from 'dismissed', pattern.state = 'rejected', pattern.state = 'ended',
            pattern.next_due_on, pattern.confidence desc, pattern.pattern_id
    """
    return await rows(db, query, {"organization_id": organization_id, "state": state})


async def get(db: Connection, organization_id: UUID, pattern_id: UUID) -> DictRow | None:
    query = f"""
        select {COLUMNS}, category.category_id, category.name as category
        from ml.recurring_patterns as pattern
        left join lateral ({AGREED}) as agreed on true
        left join books.categories as category
            on category.organization_id = %(organization_id)s
                and category.category_id = coalesce(agreed.by_people, agreed.by_anyone)
        where pattern.organization_id = %(organization_id)s and pattern.pattern_id = %(pattern_id)s
    """
    return await one(db, query, {"organization_id": organization_id, "pattern_id": pattern_id})


async def members(db: Connection, organization_id: UUID, pattern_id: UUID) -> list[DictRow]:
    """The transactions of a pattern, newest first."""
    return await rows(
        db,
        """
        select of_it.transaction_id, of_it.booked_on, of_it.amount, of_it.currency
        from ml.recurring_members as member
        inner join books.transactions as of_it using (organization_id, transaction_id)
        where member.organization_id = %(organization_id)s and member.pattern_id = %(pattern_id)s
            and of_it.deleted_at is null
        order by of_it.booked_on desc, of_it.transaction_id desc
        """,
        {"organization_id": organization_id, "pattern_id": pattern_id},
    )


async def paid(db: Connection, organization_id: UUID, pattern_ids: Sequence[UUID], since: date) -> list[DictRow]:
    """The transactions of these patterns from a day on; a split one by the category that it had before."""
    query = """
        select member.pattern_id, of_it.booked_on, of_it.amount, of_it.category_id
        from ml.recurring_members as member
        inner join books.transactions as of_it using (organization_id, transaction_id)
        where member.organization_id = %(organization_id)s and member.pattern_id = any(%(ids)s)
            and of_it.booked_on >= %(since)s and of_it.deleted_at is null and of_it.status = 'posted'
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(pattern_ids), "since": since})


async def last_members(
    db: Connection, organization_id: UUID, pattern_ids: Sequence[UUID], most: int
) -> dict[UUID, list[UUID]]:
    """The last transactions of each of these patterns, at most so many, newest first."""
    query = """
        select wanted.pattern_id, last.transaction_id
        from unnest(%(ids)s::uuid[]) as wanted (pattern_id)
        cross join lateral (
            select of_it.transaction_id, of_it.booked_on
            from ml.recurring_members as member
            inner join books.transactions as of_it using (organization_id, transaction_id)
            where member.organization_id = %(organization_id)s and member.pattern_id = wanted.pattern_id
                and of_it.deleted_at is null
            order by of_it.booked_on desc, of_it.transaction_id desc limit %(most)s
        ) as last
        order by last.booked_on desc, last.transaction_id desc
    """
    found: dict[UUID, list[UUID]] = {pattern_id: [] for pattern_id in pattern_ids}
    wanted = {"organization_id": organization_id, "ids": list(pattern_ids), "most": most}
    for row in await rows(db, query, wanted):
        found[row["pattern_id"]].append(row["transaction_id"])
    return found


async def decide(db: Connection, organization_id: UUID, pattern_id: UUID, decision: str, actor: str) -> None:
    """A person's word on a pattern."""
    await db.execute(
        """
        update ml.recurring_patterns
        set decision = %(decision)s, decided_by = %(actor)s, decided_at = now(), updated_at = now()
        where organization_id = %(organization_id)s and pattern_id = %(pattern_id)s
        """,
        {"organization_id": organization_id, "pattern_id": pattern_id, "decision": decision, "actor": actor},
    )


async def put(db: Connection, organization_id: UUID, values: dict[str, Any]) -> None:
    """Write a pattern down that a person named, or what it has become by their word."""
    names = list(values)
    await db.execute(
        f"""
        insert into ml.recurring_patterns (organization_id, {", ".join(names)})
        values (%(organization_id)s, {", ".join(f"%({name})s" for name in names)})
        on conflict (organization_id, pattern_id) do update set
            {", ".join(f"{name} = excluded.{name}" for name in names)}, updated_at = now()
        """,
        {**values, "organization_id": organization_id},
    )


async def put_members(db: Connection, organization_id: UUID, pattern_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """Let these transactions be of a pattern, of whichever they were before."""
    await db.execute(
        """
        insert into ml.recurring_members (organization_id, transaction_id, pattern_id)
        select %(organization_id)s, transaction_id, %(pattern_id)s
        from unnest(%(ids)s::uuid[]) as of_it (transaction_id)
        on conflict (organization_id, transaction_id) do update set pattern_id = excluded.pattern_id
        """,
        {"organization_id": organization_id, "pattern_id": pattern_id, "ids": list(transaction_ids)},
    )


async def set_apart(db: Connection, organization_id: UUID, transaction_id: UUID, actor: str) -> None:
    """A person said that a transaction is of no series."""
    known = {"organization_id": organization_id, "transaction_id": transaction_id, "actor": actor}
    await db.execute(
        """
        delete from ml.recurring_members
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        """,
        known,
    )
    await db.execute(
        """
        insert into ml.recurring_apart (organization_id, transaction_id, said_by)
        values (%(organization_id)s, %(transaction_id)s, %(actor)s)
        on conflict (organization_id, transaction_id) do nothing
        """,
        known,
    )


async def put_back(db: Connection, organization_id: UUID, transaction_id: UUID) -> None:
    """A person said that a transaction is of a series after all."""
    await db.execute(
        """
        delete from ml.recurring_apart
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id},
    )


async def pattern_of(db: Connection, organization_id: UUID, transaction_id: UUID) -> UUID | None:
    found = await one(
        db,
        """
        select pattern_id from ml.recurring_members
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id},
    )
    return found["pattern_id"] if found else None


async def rejected_of(db: Connection, organization_id: UUID, payment: DictRow) -> UUID | None:
    """The candidate that was none, of the same merchant, account, way and currency as a payment."""
    found = await one(
        db,
        """
        select pattern_id from ml.recurring_patterns
        where organization_id = %(organization_id)s and merchant_key = %(merchant_key)s
            and account_id = %(account_id)s and money_in = %(money_in)s and currency = %(currency)s
            and state = 'rejected'
        """,
        {
            "organization_id": organization_id,
            **{name: payment[name] for name in ("merchant_key", "account_id", "money_in", "currency")},
        },
    )
    return found["pattern_id"] if found else None


def recurs_query(organization_id: UUID, merchant_keys: Sequence[str]) -> Query:
    """Whether there are such patterns at all: one row if so."""
    query = f"""
        select true as recurs from ml.recurring_patterns
        where organization_id = %(organization_id)s and merchant_key = any(%(keys)s) and {GOES_ON} limit 1
    """
    return query, {"organization_id": organization_id, "keys": list(merchant_keys)}


async def of_merchants(db: Connection, organization_id: UUID, merchant_keys: Sequence[str]) -> list[DictRow]:
    """The patterns of these merchants that go on, each with what its members agree on."""
    query = f"""
        select
            {COLUMNS}, agreed.by_people, agreed.by_anyone,
            coalesce(agreed.by_people, agreed.by_anyone) as category_id,
            (
                select count(*) from ml.recurring_members as member
                inner join books.transactions as of_it
                    on of_it.organization_id = %(organization_id)s and of_it.transaction_id = member.transaction_id
                where member.organization_id = %(organization_id)s and member.pattern_id = pattern.pattern_id
                    and of_it.category_id = coalesce(agreed.by_people, agreed.by_anyone)
            )::float8 / greatest(agreed.decided, 1) as agreement
        from ml.recurring_patterns as pattern
        left join lateral ({AGREED}) as agreed on true
        where pattern.organization_id = %(organization_id)s and pattern.merchant_key = any(%(keys)s) and {GOES_ON}
        order by pattern.decision is not distinct from 'confirmed' desc, pattern.confidence desc, pattern.pattern_id
    """
    return await rows(db, query, {"organization_id": organization_id, "keys": list(merchant_keys)})


async def members_among(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which pattern each of these transactions is of."""
    query = """
        select transaction_id, pattern_id from ml.recurring_members
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s)
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(transaction_ids)})
    return {row["transaction_id"]: row["pattern_id"] for row in found}


async def due(
    db: Connection, organization_id: UUID, until: date, currency: str | None, most: int | None
) -> list[DictRow]:
    """The patterns that go on, and may fall due until a day; the first of them."""
    query = f"""
        select
            pattern_id, merchant, account_id, currency, money_in, is_transfer, cadence, schedule, confidence, decision,
            amount, amount_low, amount_high, next_due_on, next_earliest_on, next_latest_on, state
        from ml.recurring_patterns
        where organization_id = %(organization_id)s and {GOES_ON} and next_earliest_on <= %(until)s
            and (%(currency)s::text is null or currency = %(currency)s)
        order by next_due_on, pattern_id
        limit %(most)s
    """
    known = {"organization_id": organization_id, "until": until, "currency": currency, "most": most}
    return await rows(db, query, known)
