"""Every query of governance: what was shared, what is decided, how a challenger does, and what people said of it.

What crosses organizations is counted in the database: only sums and shares come out, and `db` is the pipeline role's.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

# Of an amount in its own currency; zero or unknown has none.
BAND = """
    case
        when abs(latest.amount) >= 1000 then '1000 and more' when abs(latest.amount) >= 100 then '100 to 1000'
        when abs(latest.amount) >= 10 then '10 to 100' when abs(latest.amount) > 0 then 'below 10'
    end
"""


async def opted_in_corrections(db: Connection) -> bytes:
    """What organizations that share their learning taught, for the model of all: CSV, equal ones counted."""
    query = f"""
        copy (
            select
                decision.merchant_key, decision.money_in, decision.detailed, decision.decided_at::date as decided_on,
                organization.country, latest.currency, {BAND} as amount_band, count(*) as times
            from ml.merchant_decisions as decision
            inner join identity.organizations as organization using (organization_id)
            left join lateral (
                select transaction.amount, transaction.currency from books.transactions as transaction
                where transaction.organization_id = decision.organization_id
                    and transaction.merchant_key = decision.merchant_key and transaction.deleted_at is null
                    and (transaction.amount > 0) = decision.money_in
                order by transaction.transaction_id desc limit 1
            ) as latest on true
            where organization.shares_learning and decision.detailed is not null
            group by 1, 2, 3, 4, 5, 6, 7
            order by 1, 2, 3, 4, 5, 6, 7
        ) to stdout (format csv, header)
    """
    async with db.cursor().copy(query) as copy:
        return b"".join([bytes(piece) async for piece in copy])


async def shared_since(db: Connection, since: datetime | None) -> int:
    """How many decisions organizations that share their learning made since."""
    query = """
        select count(*) as decisions
        from ml.merchant_decisions as decision
        inner join identity.organizations as organization using (organization_id)
        where organization.shares_learning and decision.detailed is not null
            and (%(since)s::timestamptz is null or decision.decided_at > %(since)s)
    """
    return await number(db, query, {"since": since})


# --- what is decided ---------------------------------------------------------------------------------------------


async def counted_to(db: Connection, organization_id: UUID) -> datetime:
    """Until when decisions are counted: what was written later is yet to be."""
    query = """
        select coalesce(max(last_at), 'epoch') as last_at from ml.decision_counts
        where organization_id = %(organization_id)s
    """
    [row] = await rows(db, query, {"organization_id": organization_id})
    last_at: datetime = row["last_at"]
    return last_at


async def decided_now(db: Connection, organization_id: UUID, version: str, since: datetime) -> list[DictRow]:
    """How what `ml.batch.repository.stage` gathered was decided, of what was written `since`."""
    query = """
        select
            coalesce(verdict.decided_by, 'model') as decided_by, coalesce(verdict.version, %(version)s) as version,
            coalesce(verdict.decision, 'abstain') as decision, verdict.detailed, count(*) as decisions
        from pg_temp.described as described
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
                and transaction.transaction_id = described.transaction_id
        left join pg_temp.verdicts as verdict using (descriptor_id)
        where transaction.created_at > %(since)s
        group by 1, 2, 3, 4
    """
    return await rows(db, query, {"organization_id": organization_id, "version": version, "since": since})


async def count_decisions(db: Connection, organization_id: UUID, counted: Sequence[dict[str, Any]]) -> None:
    await db.cursor().executemany(
        """
        insert into ml.decision_counts as known
            (organization_id, day, decided_by, version, decision, category, decisions)
        values (
            %(organization_id)s, current_date, %(decided_by)s, %(version)s, %(decision)s, %(category)s, %(decisions)s
        )
        on conflict (organization_id, day, decided_by, version, decision, category) do update set
            decisions = known.decisions + excluded.decisions, last_at = excluded.last_at
        """,
        [{**each, "organization_id": organization_id} for each in counted],
    )


async def mix(db: Connection, start: date, end: date) -> dict[str, int]:
    """What was decided from one day to another, of everyone: by primary category, and how many by none."""
    query = """
        select case decision when 'abstain' then '' else category end as category, sum(decisions)::bigint as decisions
        from ml.decision_counts where day between %(start)s and %(end)s group by 1 order by 1
    """
    found = await rows(db, query, {"start": start, "end": end})
    return {row["category"]: int(row["decisions"]) for row in found}


# --- the challenger beside the champion --------------------------------------------------------------------------


async def sample(db: Connection, limit: int) -> list[DictRow]:
    """Some of what was staged for a decision, each descriptor once with one of its transactions."""
    query = """
        select distinct on (descriptor.descriptor_id)
            described.transaction_id, descriptor.description, descriptor.merchant, descriptor.mcc, descriptor.money_in
        from (
            select * from pg_temp.descriptors order by hashint4(descriptor_id) limit %(limit)s
        ) as descriptor
        inner join pg_temp.described as described using (descriptor_id)
        order by descriptor.descriptor_id, described.transaction_id
    """
    return await rows(db, query, {"limit": limit})


async def keep_shadow(db: Connection, organization_id: UUID, decisions: Iterable[dict[str, Any]]) -> None:
    """Keep what both said; what is known of a transaction already stays, for people may have said something since."""
    await db.cursor().executemany(
        """
        insert into ml.shadow_decisions (
            organization_id, challenger, transaction_id, champion, champion_category_id, champion_decision,
            challenger_category_id, challenger_decision
        ) values (
            %(organization_id)s, %(challenger)s, %(transaction_id)s, %(champion)s, %(champion_category_id)s,
            %(champion_decision)s, %(challenger_category_id)s, %(challenger_decision)s
        )
        on conflict do nothing
        """,
        [{**each, "organization_id": organization_id} for each in decisions],
    )


async def forget_other_shadows(db: Connection, organization_id: UUID, challenger: str) -> None:
    """Forget what former challengers said."""
    for table in ("shadow_decisions", "shadow_counts"):
        await db.execute(
            f"delete from ml.{table} where organization_id = %(organization_id)s and challenger <> %(challenger)s",
            {"organization_id": organization_id, "challenger": challenger},
        )


async def count_shadow(
    db: Connection,
    organization_id: UUID,
    *,
    challenger: str,
    champion: str,
    source: str,
    counted: dict[tuple[str, str], int],
) -> None:
    """Count what both said, by their primary categories (an empty one: nothing)."""
    known = {"organization_id": organization_id, "challenger": challenger, "champion": champion, "source": source}
    await db.cursor().executemany(
        """
        insert into ml.shadow_counts as known (
            organization_id, challenger, champion, source, champion_category, challenger_category, decisions
        ) values (
            %(organization_id)s, %(challenger)s, %(champion)s, %(source)s, %(champion_category)s,
            %(challenger_category)s, %(decisions)s
        )
        on conflict (organization_id, challenger, champion, source, champion_category, challenger_category)
        do update set decisions = known.decisions + excluded.decisions
        """,
        [
            {**known, "champion_category": theirs, "challenger_category": ours, "decisions": times}
            for (theirs, ours), times in sorted(counted.items())
        ],
    )


async def shadow(db: Connection, challenger: str) -> list[DictRow]:
    """What both said by primary categories, of those whom `db` sees."""
    query = """
        select champion_category, challenger_category, sum(decisions)::bigint as decisions
        from ml.shadow_counts where challenger = %(challenger)s group by 1, 2 order by 1, 2
    """
    return await rows(db, query, {"challenger": challenger})


async def shadow_outcomes(db: Connection, challenger: str) -> DictRow:
    """Where people decided since, who of both had been right; of those whom `db` sees."""
    query = """
        select
            count(*) as decided_by_people,
            count(*) filter (where champion_category_id = transaction.category_id) as champion_right,
            count(*) filter (where challenger_category_id = transaction.category_id) as challenger_right,
            count(*) filter (
                where champion_category_id = transaction.category_id
                    and challenger_category_id is distinct from transaction.category_id
            ) as only_champion_right,
            count(*) filter (
                where challenger_category_id = transaction.category_id
                    and champion_category_id is distinct from transaction.category_id
            ) as only_challenger_right
        from ml.shadow_decisions as said
        inner join books.transactions as transaction
            on transaction.organization_id = said.organization_id
                and transaction.transaction_id = said.transaction_id
        where said.challenger = %(challenger)s and transaction.decided_by = 'user'
            and transaction.category_id is not null and transaction.deleted_at is null
    """
    found = await one(db, query, {"challenger": challenger})
    return found or {}


# --- what people said --------------------------------------------------------------------------------------------


async def feedback(db: Connection, organization_id: UUID) -> list[DictRow]:
    """How often people said something, by what it was about and how far it should reach."""
    query = """
        select field, apply_to, count(*) as times, max(created_at) as last_at
        from ml.feedback where organization_id = %(organization_id)s group by 1, 2 order by 1, 2
    """
    return await rows(db, query, {"organization_id": organization_id})


# What people said last of a transaction's category, beside what had been decided before: the same, or another.
SAID = """
    select distinct on (feedback.transaction_id)
        feedback.created_at, feedback.former ->> 'decided_by' as decided_by,
        feedback.former ->> 'category_id' is distinct from transaction.category_id::text as is_override
    from ml.feedback as feedback
    inner join books.transactions as transaction
        on transaction.organization_id = feedback.organization_id
            and transaction.transaction_id = feedback.transaction_id
    where feedback.field = 'category' and transaction.decided_by = 'user' and transaction.deleted_at is null
        and feedback.former ->> 'decided_by' <> 'user'
"""


async def overrides(db: Connection, organization_id: UUID) -> list[DictRow]:
    """By decider: what stands as it decided, what people confirmed, and what they put elsewhere."""
    query = f"""
        with said as ({SAID} and feedback.organization_id = %(organization_id)s
            order by feedback.transaction_id, feedback.created_at),

        standing as (
            select decided_by, count(*) as standing from books.transactions
            where organization_id = %(organization_id)s and decided_by <> 'user' and deleted_at is null
            group by 1
        ),

        heard as (
            select
                decided_by, count(*) filter (where is_override) as overridden,
                count(*) filter (where not is_override) as confirmed
            from said group by 1
        )

        select
            decided_by, coalesce(standing, 0) as standing, coalesce(confirmed, 0) as confirmed,
            coalesce(overridden, 0) as overridden
        from standing full join heard using (decided_by)
        order by decided_by
    """
    return await rows(db, query, {"organization_id": organization_id})


async def weeks(db: Connection, organization_id: UUID, last: int) -> list[DictRow]:
    """By week, the last ones first: how many decisions people confirmed and overrode."""
    query = f"""
        with said as ({SAID} and feedback.organization_id = %(organization_id)s
            order by feedback.transaction_id, feedback.created_at)

        select
            date_trunc('week', created_at at time zone 'UTC')::date as week,
            count(*) filter (where not is_override) as confirmed, count(*) filter (where is_override) as overridden
        from said group by 1 order by 1 desc limit %(last)s
    """
    return await rows(db, query, {"organization_id": organization_id, "last": last})


async def override_share(db: Connection, start: date, end: date) -> tuple[int, int]:
    """Of everyone, from one day to another: how many decisions people looked at, and how many they put elsewhere."""
    query = f"""
        with said as ({SAID} and feedback.created_at >= %(start)s and feedback.created_at < %(end)s::date + 1
            order by feedback.transaction_id, feedback.created_at)

        select count(*) as heard, count(*) filter (where is_override) as overridden from said
    """
    row = await one(db, query, {"start": start, "end": end}) or {"heard": 0, "overridden": 0}
    return int(row["heard"]), int(row["overridden"])


# --- whether a training is due -----------------------------------------------------------------------------------


async def put_state(db: Connection, name: str, figures: dict[str, Any]) -> None:
    await db.execute(
        """
        insert into ml.learning_state (name, looked_at, figures) values (%(name)s, now(), %(figures)s)
        on conflict (name) do update set looked_at = excluded.looked_at, figures = excluded.figures
        """,
        {"name": name, "figures": Jsonb(figures)},
    )


async def state(db: Connection, name: str) -> DictRow | None:
    return await one(db, "select looked_at, figures from ml.learning_state where name = %(name)s", {"name": name})
