"""Every query of the batch engine, over temporary tables of the caller's transaction.

`descriptors` has each distinct question once, in the order of its merchant; `described` which transactions ask it.
What continues a recurring pattern is asked by itself: its amount and date count too. `verdicts` holds what was
decided, more with each shard of the questions; `decided` what of it goes to the books.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories.stated import ATTRIBUTE, SPLITS
from ai2.kit.database import Connection, number, one, rows
from ml.recurring.repository import GOES_ON
from ml.scope import Scope

UNDECIDED = """
    transaction.organization_id = %(organization_id)s and transaction.decided_by is null
    and transaction.deleted_at is null and transaction.status <> 'closed'
    and (%(batch_id)s::uuid is null or transaction.batch_id = %(batch_id)s)
    and (%(start)s::date is null or transaction.booked_on between %(start)s and %(end)s)
    and (%(transaction_ids)s::uuid[] is null or transaction.transaction_id = any(%(transaction_ids)s))
    and (%(merchants_from)s::text is null or transaction.merchant_key >= %(merchants_from)s)
    and (%(merchants_before)s::text is null or transaction.merchant_key < %(merchants_before)s)
"""


@dataclass(frozen=True)
class Staged:
    """How many transactions have no decision, how many questions they ask, and how many lie in closed periods."""

    transactions: int
    descriptors: int
    closed: int


# What an own model looks at besides the descriptor: rows that differ in it ask different questions. Whether there is a
# model is asked once: without one there is nothing to tell apart.
OWN = """
    case when exists (select from ml.own_models where organization_id = %(organization_id)s) then (
        select array_agg(
            coalesce(
                case seen.name
                    when '@account' then transaction.account_id::text when '@mcc' then transaction.mcc
                    else transaction.attributes ->> seen.name
                end, ''
            ) order by seen.place
        ) || transaction.amount::text
        from ml.own_models as model
        cross join lateral unnest(array_append(model.attributes, '')) with ordinality as seen (name, place)
        where model.organization_id = %(organization_id)s
    ) end
"""


# What the file says that a row is: rows that differ in it ask different questions.
STATED = f"case when not transaction.attributes ? '{SPLITS}' then transaction.attributes ->> '{ATTRIBUTE}' end"


async def merchants_between(db: Connection, organization_id: UUID, scope: Scope, most: int) -> list[str]:
    """Merchants' keys that cut what has no decision into shards of at most about so many transactions."""
    known = {"organization_id": organization_id, **scope.parameters(), "most": most}
    query = f"""
        with undecided as (select transaction.merchant_key from books.transactions as transaction where {UNDECIDED}),

        shards as (select ceil(count(*) / %(most)s::numeric)::integer as number from undecided)

        select percentile_disc(array(
            select place / (select number from shards)::float8
            from generate_series(1, (select number from shards) - 1) as place
        )) within group (order by merchant_key) as keys
        from undecided
    """
    found = await one(db, query, known)
    # in the database's order, which need not be ours; who has many stands there more than once
    return list(dict.fromkeys(filter(None, (found["keys"] if found else None) or ())))


async def stage(db: Connection, organization_id: UUID, scope: Scope, closed_through: date | None) -> Staged:
    """Gather what has no decision; closed periods are left out, and only counted."""
    known = {"organization_id": organization_id, **scope.parameters(), "closed_through": closed_through}
    await db.execute("drop table if exists pg_temp.described, pg_temp.descriptors, pg_temp.verdicts, pg_temp.decided")
    questions = await db.execute(
        f"""
        create temporary table descriptors on commit drop as
        with going_on as (
            select distinct pattern.merchant_key from ml.recurring_patterns as pattern
            where pattern.organization_id = %(organization_id)s and {GOES_ON}
        ),

        asked as (
            select
                transaction.merchant_key, transaction.description, transaction.merchant, transaction.mcc,
                transaction.amount > 0 as money_in,
                case when going_on.merchant_key is not null then transaction.transaction_id end as alone_id,
                {OWN} as own, {STATED} as stated, array_agg(transaction.transaction_id) as asked_by
            from books.transactions as transaction
            left join going_on on going_on.merchant_key = transaction.merchant_key
            where {UNDECIDED} and (%(closed_through)s::date is null or transaction.booked_on > %(closed_through)s)
            group by 1, 2, 3, 4, 5, 6, 7, 8
        )

        select
            (row_number() over (order by merchant_key))::integer as descriptor_id, merchant_key, description, merchant,
            mcc, money_in, alone_id, own is not null as is_own, stated, asked_by,
            -- of those that are not the descriptor's alone, the transaction that stands for all that ask the same
            case when own is null then alone_id else (
                select each from unnest(asked_by) as each order by each limit 1
            ) end as like_id
        from asked
        """,
        known,
    )
    await db.execute("create unique index on pg_temp.descriptors (descriptor_id)")
    described = await db.execute(
        """
        create temporary table described on commit drop as
        select unnest(asked_by) as transaction_id, descriptor_id from pg_temp.descriptors
        """
    )
    await db.execute("create index on pg_temp.described (descriptor_id)")
    await db.execute("analyze pg_temp.described")
    await db.execute(
        """
        create temporary table verdicts (
            descriptor_id integer, decision text, detailed text, category_id uuid, confidence numeric,
            decided_by text, version text, alternatives jsonb, reasons jsonb
        ) on commit drop
        """
    )
    closed = 0
    if closed_through is not None:
        query = f"""
            select count(*) as transactions from books.transactions as transaction
            where {UNDECIDED} and transaction.booked_on <= %(closed_through)s
        """
        closed = await number(db, query, known)
    return Staged(described.rowcount, questions.rowcount, closed)


async def descriptors(db: Connection, organization_id: UUID, first: int, last: int) -> list[DictRow]:
    """The questions from the first to the last; of those that are not the descriptor's alone, a transaction too."""
    return await rows(
        db,
        """
        with wanted as (
            select * from pg_temp.descriptors where descriptor_id between %(first)s and %(last)s
        )

        select
            wanted.descriptor_id, wanted.merchant_key, wanted.description, wanted.merchant, wanted.mcc,
            wanted.money_in, wanted.alone_id, alone.amount, alone.currency, alone.booked_on, alone.account_id,
            alone.attributes, wanted.is_own, wanted.stated
        from wanted
        left join (
            select transaction_id, amount, currency, booked_on, account_id, attributes from books.transactions
            where organization_id = %(organization_id)s
                -- mostly none: a join would read all of the books to look for it
                and transaction_id = any(array(select like_id from wanted where like_id is not null))
        ) as alone on alone.transaction_id = wanted.like_id
        order by wanted.descriptor_id
        """,
        {"organization_id": organization_id, "first": first, "last": last},
    )


async def descriptors_of(db: Connection, descriptor_ids: Sequence[int]) -> list[DictRow]:
    """These questions, in this order."""
    query = """
        select description, money_in, merchant, mcc from pg_temp.descriptors
        inner join unnest(%(ids)s::integer[]) with ordinality as wanted (descriptor_id, place) using (descriptor_id)
        order by wanted.place
    """
    return await rows(db, query, {"ids": list(descriptor_ids)})


async def commonest(db: Connection, descriptor_ids: Sequence[int], most: int) -> list[int]:
    """Of these questions those that most transactions ask, the commonest first."""
    query = """
        select descriptor_id from pg_temp.described where descriptor_id = any(%(ids)s)
        group by descriptor_id order by count(*) desc, descriptor_id limit %(most)s
    """
    return [row["descriptor_id"] for row in await rows(db, query, {"ids": list(descriptor_ids), "most": most})]


async def queue_up(db: Connection, organization_id: UUID, *, beside_others: bool) -> None:
    """Apply alone in an organization, or beside others that share no transaction with this one.

    Who shares some would wait for those that the other wrote, while that one waits for those written here.
    """
    lock = "pg_advisory_xact_lock_shared" if beside_others else "pg_advisory_xact_lock"
    await db.execute(f"select {lock}(hashtextextended('categorise:' || %s, 0))", [str(organization_id)])


async def stage_verdicts(db: Connection, verdicts: Iterable[tuple[Any, ...]]) -> None:
    """What was decided of some questions to `verdicts`.

    A verdict is (descriptor_id, decision, detailed, category_id, confidence, decided_by, version, alternatives,
    reasons), the last two as JSON text.
    """
    async with db.cursor().copy("copy pg_temp.verdicts from stdin") as copy:
        for verdict in verdicts:
            await copy.write_row(verdict)


async def stage_decided(db: Connection, organization_id: UUID) -> int:
    """From `verdicts` what goes to the books to `decided`; says how many transactions that are.

    An answer that a person rejected for a transaction is left out.
    """
    await db.execute("analyze pg_temp.verdicts")
    made = await db.execute(
        """
        create temporary table decided on commit drop as
        select
            described.transaction_id, verdict.category_id, verdict.decided_by,
            verdict.version as decided_version, verdict.confidence
        from pg_temp.described as described
        inner join pg_temp.verdicts as verdict using (descriptor_id)
        where verdict.decision = 'apply' and verdict.category_id is not null
            and not exists (
                select from ml.suggestions as refused
                where refused.organization_id = %(organization_id)s
                    and refused.transaction_id = described.transaction_id
                    and verdict.category_id::text = any(refused.rejected)
            )
        -- as they lie in the books and in their key, so that writing them goes through both but once
        order by described.transaction_id
        """,
        {"organization_id": organization_id},
    )
    await db.execute("analyze pg_temp.decided")
    return made.rowcount


async def write_suggestions(db: Connection, organization_id: UUID) -> int:
    """Leave what needs a person's look as suggestions, and count them.

    What says the same already is not written again, and an answer that a person rejected never; another one is.
    """
    found = await one(
        db,
        """
        with waiting as (
            select
                described.transaction_id, verdict.detailed, verdict.category_id, verdict.confidence,
                verdict.decided_by, verdict.version, verdict.alternatives, verdict.reasons
            from pg_temp.described as described
            inner join pg_temp.verdicts as verdict using (descriptor_id)
            left join ml.suggestions as refused
                on refused.organization_id = %(organization_id)s
                and refused.transaction_id = described.transaction_id and refused.rejected <> '{}'
            where verdict.decision = 'review'
                and not coalesce(coalesce(verdict.category_id::text, verdict.detailed) = any(refused.rejected), false)
        ),

        written as (
            insert into ml.suggestions as known (
                organization_id, transaction_id, detailed, category_id, confidence, decided_by, version,
                alternatives, reasons
            )
            select %(organization_id)s, waiting.* from waiting order by transaction_id
            on conflict (organization_id, transaction_id) do update set
                detailed = excluded.detailed, category_id = excluded.category_id, confidence = excluded.confidence,
                decided_by = excluded.decided_by, version = excluded.version, alternatives = excluded.alternatives,
                reasons = excluded.reasons, state = 'open', closed_at = null,
                created_at = case when known.state = 'open' then known.created_at else now() end
            where known.state <> 'open'
                or (known.detailed, known.category_id, known.confidence, known.version)
                is distinct from (excluded.detailed, excluded.category_id, excluded.confidence, excluded.version)
        )

        select count(*) as waiting from waiting
        """,
        {"organization_id": organization_id},
    )
    return int(found["waiting"]) if found else 0
