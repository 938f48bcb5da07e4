"""Every query of ml: what an organization taught, what waits to be decided, what was suggested."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, Query, number, rows
from ml.own.kin import kin_of
from ml.scope import Scope

TAUGHT = "taught"


def taught_query(organization_id: UUID, merchant_keys: Sequence[str]) -> Query:
    """What the organization's people decided for these merchants, with the category's present name and kind."""
    query = """
        select
            decision.merchant_key, decision.money_in, decision.category_id, decision.detailed, decision.merchant,
            decision.times, decision.decided_at, category.name as category, category.kind
        from ml.merchant_decisions as decision
        inner join books.categories as category
            on category.organization_id = decision.organization_id
                and category.category_id = decision.category_id and category.archived_at is null
        where decision.organization_id = %(organization_id)s and decision.merchant_key = any(%(keys)s)
    """
    return query, {"organization_id": organization_id, "keys": list(merchant_keys)}


def read_taught(row: Mapping[str, Any]) -> DictRow:
    """A row of what people taught, where it was read in a list."""
    return {**row, "category_id": UUID(row["category_id"])}


async def taught(db: Connection, organization_id: UUID, merchant_keys: Sequence[str]) -> list[DictRow]:
    """What `taught_query` asks for."""
    return await rows(db, *taught_query(organization_id, merchant_keys))


async def chosen(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> list[DictRow]:
    """Which of these transactions have a category that a person chose, with its present name and predicted codes."""
    query = """
        select
            transaction.transaction_id, transaction.category_id, category.name as category, array(
                select code.code from books.category_codes as code
                where code.organization_id = category.organization_id and code.category_id = category.category_id
                order by code.code
            ) as codes
        from books.transactions as transaction
        inner join books.categories as category
            on category.organization_id = transaction.organization_id
                and category.category_id = transaction.category_id
        where transaction.organization_id = %(organization_id)s and transaction.deleted_at is null
            and transaction.transaction_id = any(%(transaction_ids)s) and transaction.decided_by = 'user'
    """
    return await rows(db, query, {"organization_id": organization_id, "transaction_ids": list(transaction_ids)})


async def remember(
    db: Connection,
    organization_id: UUID,
    *,
    merchant_key: str,
    money_in: bool,
    category_id: UUID,
    detailed: str | None,
    merchant: str | None,
) -> None:
    """Keep a person's decision for a merchant; a new one takes the place of the former."""
    await db.execute(
        """
        insert into ml.merchant_decisions as known
            (organization_id, merchant_key, money_in, category_id, detailed, merchant, kin)
        values (
            %(organization_id)s, %(merchant_key)s, %(money_in)s, %(category_id)s, %(detailed)s, %(merchant)s, %(kin)s
        )
        on conflict (organization_id, merchant_key, money_in) do update set kin = excluded.kin,
            times = case when known.category_id = excluded.category_id then known.times + 1 else 1 end,
            category_id = excluded.category_id, detailed = excluded.detailed,
            merchant = coalesce(excluded.merchant, known.merchant), decided_at = now()
        """,
        {
            "organization_id": organization_id,
            "merchant_key": merchant_key,
            "money_in": money_in,
            "category_id": category_id,
            "detailed": detailed,
            "merchant": merchant,
            "kin": kin_of(merchant_key),
        },
    )


async def insert_feedback(db: Connection, organization_id: UUID, **values: Any) -> None:
    """Keep what a person said, as they said it."""
    await db.execute(
        """
        insert into ml.feedback (
            organization_id, feedback_id, transaction_id, field, value, apply_to, merchant_key, former, given_by
        ) values (
            %(organization_id)s, %(feedback_id)s, %(transaction_id)s, %(field)s, %(value)s, %(apply_to)s,
            %(merchant_key)s, %(former)s, %(given_by)s
        )
        """,
        {
            **values,
            "organization_id": organization_id,
            "value": Jsonb(values["value"]),
            "former": Jsonb(values["former"]),
        },
    )


async def close_suggestions(db: Connection, organization_id: UUID, merchant_key: str) -> None:
    """Close what was suggested for a merchant's transactions that have a category now: it was taken, or it was not."""
    await db.execute(
        """
        update ml.suggestions as suggestion
        set
            state = case when transaction.category_id = suggestion.category_id then 'accepted' else 'rejected' end,
            closed_at = now()
        from books.transactions as transaction
        where suggestion.organization_id = %(organization_id)s and suggestion.state = 'open'
            and transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = suggestion.transaction_id
            and transaction.merchant_key = %(merchant_key)s and transaction.category_id is not null
            and transaction.deleted_at is null
        """,
        {"organization_id": organization_id, "merchant_key": merchant_key},
    )


DECIDED_BY_MACHINES = """
    transaction.organization_id = %(organization_id)s and transaction.deleted_at is null
    and transaction.decided_by in ('recurring', 'merchant', 'import', 'model', 'llm')
    and transaction.status <> 'closed' and transaction.splits is null
    and (%(batch_id)s::uuid is null or transaction.batch_id = %(batch_id)s)
    and (%(start)s::date is null or transaction.booked_on between %(start)s and %(end)s)
    and (%(transaction_ids)s::uuid[] is null or transaction.transaction_id = any(%(transaction_ids)s))
"""


async def stage_taught(db: Connection, organization_id: UUID, scope: Scope, closed_through: date | None) -> int:
    """Gather in the temporary table `decided` what machines decided otherwise than people taught since.

    Says how many that are.
    """
    await db.execute("drop table if exists pg_temp.decided")
    await db.execute(
        f"""
        create temporary table decided on commit drop as
        select
            transaction.transaction_id, known.category_id, 'merchant' as decided_by, %(version)s as decided_version,
            round((known.times + 1.0) / (known.times + 2), 4) as confidence
        from books.transactions as transaction
        inner join ml.merchant_decisions as known
            on known.organization_id = transaction.organization_id
            and known.merchant_key = transaction.merchant_key and known.money_in = (transaction.amount > 0)
        where {DECIDED_BY_MACHINES} and transaction.category_id is distinct from known.category_id
            and (%(closed_through)s::date is null or transaction.booked_on > %(closed_through)s)
            and not exists (
                select from ml.suggestions as refused
                where refused.organization_id = transaction.organization_id
                    and refused.transaction_id = transaction.transaction_id
                    and known.category_id::text = any(refused.rejected)
            )
        """,
        {
            "organization_id": organization_id,
            **scope.parameters(),
            "closed_through": closed_through,
            "version": TAUGHT,
        },
    )
    return await number(db, "select count(*) as transactions from pg_temp.decided")
