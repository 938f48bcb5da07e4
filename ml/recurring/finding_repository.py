"""Queries that write down what was found, one statement for all of it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, hashed, rows

COLUMNS = (
    "pattern_id", "account_id", "merchant_key", "merchant", "money_in", "currency", "is_transfer", "state", "cadence",
    "schedule", "confidence", "reason_code", "reasons", "payments", "first_on", "last_on", "amount", "amount_low",
    "amount_high", "amount_kind", "price_changes", "next_due_on", "next_earliest_on", "next_latest_on", "skipped",
    "missed", "known_through", "version", "decision",
)  # fmt: skip
# What a person said is written with what is new, and left alone in what is known.
FOLLOWING = tuple(name for name in COLUMNS if name not in ("pattern_id", "decision"))
# Of what is none only the likeliest are kept, for people to look at.
MOST_REJECTED = 1000


async def known(db: Connection, organization_id: UUID) -> list[DictRow]:
    """The patterns of the merchants that are looked at."""
    return await rows(
        db,
        """
        select
            pattern_id, account_id, merchant_key, money_in, currency, state, decision, cadence, amount, amount_low,
            amount_high, price_changes, known_through
        from ml.recurring_patterns
        where organization_id = %(organization_id)s
            and merchant_key in (select merchant_key from pg_temp.recurring_wanted)
        """,
        {"organization_id": organization_id},
    )


async def stage_members(db: Connection, members: Iterable[tuple[int, int, int]]) -> None:
    """`recurring_found`: which transactions are of which finding, from (finding, group, place)."""
    await db.execute("drop table if exists pg_temp.recurring_places, pg_temp.recurring_found")
    await db.execute(
        "create temporary table recurring_places (number integer, group_id integer, place integer) on commit drop"
    )
    async with db.cursor().copy("copy pg_temp.recurring_places from stdin") as copy:
        for member in members:
            await copy.write_row(member)
    await db.execute("analyze pg_temp.recurring_places")
    async with hashed(db):
        await db.execute(
            """
            create temporary table recurring_found on commit drop as
            select number, transaction_id from pg_temp.recurring_places
            inner join pg_temp.recurring_payments using (group_id, place)
            """
        )
    await db.execute("analyze pg_temp.recurring_found")


async def overlaps(db: Connection, organization_id: UUID) -> list[DictRow]:
    """How many transactions each finding shares with each known pattern, the most first."""
    return await rows(
        db,
        """
        select found.number, member.pattern_id, count(*)::integer as shared
        from pg_temp.recurring_found as found
        inner join ml.recurring_members as member
            on member.organization_id = %(organization_id)s and member.transaction_id = found.transaction_id
        group by found.number, member.pattern_id
        order by shared desc, found.number, member.pattern_id
        """,
        {"organization_id": organization_id},
    )


async def write(
    db: Connection,
    organization_id: UUID,
    found: Iterable[Sequence[Any]],
    numbers: Iterable[tuple[int, UUID]],
    gone: Sequence[UUID],
) -> None:
    """Let the patterns be what was found (in the order of `COLUMNS`), without those that are gone."""
    known_as = {"organization_id": organization_id, "gone": list(gone)}
    await db.execute("drop table if exists pg_temp.recurring_written, pg_temp.recurring_ids")
    await db.execute(
        """
        create temporary table recurring_written (like ml.recurring_patterns) on commit drop;
        alter table pg_temp.recurring_written alter organization_id drop not null, alter created_at drop not null,
            alter updated_at drop not null;
        create temporary table recurring_ids (number integer, pattern_id uuid) on commit drop
        """
    )
    async with db.cursor().copy(f"copy pg_temp.recurring_written ({', '.join(COLUMNS)}) from stdin") as copy:
        for row in found:
            await copy.write_row(row)
    async with db.cursor().copy("copy pg_temp.recurring_ids from stdin") as copy:
        for pair in numbers:
            await copy.write_row(pair)
    await db.execute(
        """
        delete from ml.recurring_patterns
        where organization_id = %(organization_id)s and pattern_id = any(%(gone)s) and decision is null
        """,
        known_as,
    )
    await db.execute(
        f"""
        insert into ml.recurring_patterns as known (organization_id, decided_at, {", ".join(COLUMNS)})
        select %(organization_id)s, case when decision is not null then now() end, {", ".join(COLUMNS)}
        from pg_temp.recurring_written
        on conflict (organization_id, pattern_id) do update set
            {", ".join(f"{name} = excluded.{name}" for name in FOLLOWING)}, updated_at = now()
        where ({", ".join(f"known.{name}" for name in FOLLOWING)})
            is distinct from ({", ".join(f"excluded.{name}" for name in FOLLOWING)})
        """,
        known_as,
    )


async def link(db: Connection, organization_id: UUID) -> None:
    """Let the written patterns have just the transactions that were found for them."""
    known_as = {"organization_id": organization_id}
    await db.execute(
        """
        delete from ml.recurring_members as member
        using pg_temp.recurring_written as written
        where member.organization_id = %(organization_id)s and member.pattern_id = written.pattern_id
            and not exists (
                select from pg_temp.recurring_found as found inner join pg_temp.recurring_ids using (number)
                where found.transaction_id = member.transaction_id and recurring_ids.pattern_id = member.pattern_id
            )
        """,
        known_as,
    )
    await db.execute(
        """
        insert into ml.recurring_members as known (organization_id, transaction_id, pattern_id)
        select %(organization_id)s, found.transaction_id, recurring_ids.pattern_id
        from pg_temp.recurring_found as found
        inner join pg_temp.recurring_ids using (number)
        on conflict (organization_id, transaction_id) do update set pattern_id = excluded.pattern_id
        where known.pattern_id <> excluded.pattern_id
        """,
        known_as,
    )


async def forget_the_unlikeliest(db: Connection, organization_id: UUID) -> None:
    """Of what was rejected keep what might be worth a look, and all that a person spoke of."""
    await db.execute(
        """
        delete from ml.recurring_patterns
        where organization_id = %(organization_id)s and state = 'rejected' and decision is null
            -- kept in a hash, whatever the planner expects: of what was never analyzed it would join each with each
            and pattern_id not in (
                select pattern_id from ml.recurring_patterns
                where organization_id = %(organization_id)s and state = 'rejected' and decision is null
                order by confidence desc, payments desc, pattern_id
                limit %(most)s
            )
        """,
        {"organization_id": organization_id, "most": MOST_REJECTED},
    )
