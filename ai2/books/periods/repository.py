"""Every query on closed periods."""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, number, one, rows

# So long a close waits for those who write; an import of a million rows takes longer.
WAIT = "5s"
ACT = "act_id, act, day, closed_before, closed_after, reason, acted_by, acted_at"


async def closed_through(db: Connection, organization_id: UUID) -> date | None:
    found = await one(
        db, "select books.closed_through(%(organization_id)s) as day", {"organization_id": organization_id}
    )
    return found["day"] if found else None


async def lock(db: Connection, organization_id: UUID) -> None:
    """Let nobody write into the books, or a rate, until the transaction ends; others of this organization wait."""
    await db.execute(f"set local lock_timeout = '{WAIT}'")
    await db.execute(
        "select pg_advisory_xact_lock(hashtextextended('books.periods:' || %s, 0))", [str(organization_id)]
    )
    await db.execute("select pg_advisory_xact_lock_shared(hashtextextended('books.exchange_rates', 0))")
    await db.execute("set local lock_timeout = 0")


async def insert(db: Connection, organization_id: UUID, through: date, *, base_currency: str, closed_by: str) -> None:
    await db.execute(
        """
        insert into books.closed_periods (organization_id, closed_through, rates_known_at, base_currency, closed_by)
        values (%s, %s, clock_timestamp(), %s, %s)
        """,
        [organization_id, through, base_currency, closed_by],
    )


async def cut(db: Connection, organization_id: UUID, first_open: date) -> None:
    """Take away what is closed from a day on; of a close that began before it, the earlier days stay."""
    parameters = {"organization_id": organization_id, "first_open": first_open}
    await db.execute(
        """
        insert into books.closed_periods
            (organization_id, closed_through, rates_known_at, base_currency, closed_by, closed_at)
        select organization_id, %(first_open)s::date - 1, rates_known_at, base_currency, closed_by, closed_at
        from books.closed_periods
        where organization_id = %(organization_id)s and closed_through >= %(first_open)s
            -- where nothing was booked before, nothing needs to stay closed
            and exists (
                select from books.daily_totals
                where organization_id = %(organization_id)s and booked_on < %(first_open)s and transactions > 0
            )
        order by closed_through limit 1
        on conflict do nothing
        """,
        parameters,
    )
    await db.execute(
        """
        delete from books.closed_periods
        where organization_id = %(organization_id)s and closed_through >= %(first_open)s
        """,
        parameters,
    )


async def left_open(db: Connection, organization_id: UUID, *, after: date | None, through: date) -> dict[str, int]:
    """How many transactions of these days have no category, or are pending still."""
    query = """
        select
            (
                select coalesce(sum(transactions), 0)::integer from books.daily_totals
                where organization_id = %(organization_id)s and category_id is null
                    and booked_on > coalesce(%(after)s::date, '-infinity') and booked_on <= %(through)s
            ) as uncategorized,
            (
                select count(*)::integer from books.transactions
                where organization_id = %(organization_id)s and deleted_at is null
                    -- the first names the index of the few that are not posted
                    and status <> 'posted' and status = 'pending'
                    and booked_on > coalesce(%(after)s::date, '-infinity') and booked_on <= %(through)s
            ) as pending
    """
    return dict(await one(db, query, {"organization_id": organization_id, "after": after, "through": through}) or {})


async def insert_act(db: Connection, **values: Any) -> DictRow:
    query = f"""
        insert into books.period_acts
            (organization_id, act_id, act, day, closed_before, closed_after, reason, acted_by)
        values (%(organization_id)s, %(act_id)s, %(act)s, %(day)s, %(closed_before)s, %(closed_after)s, %(reason)s,
            %(acted_by)s)
        returning {ACT}
    """
    return await one(db, query, values) or {}


async def acts(db: Connection, organization_id: UUID, *, after: UUID | None, limit: int) -> list[DictRow]:
    """The newest first: ids are made in the order of time."""
    query = f"""
        select {ACT} from books.period_acts
        where organization_id = %(organization_id)s and (%(after)s::uuid is null or act_id < %(after)s)
        order by act_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "after": after, "limit": limit})


async def count(db: Connection, organization_id: UUID) -> int:
    query = "select count(*) as acts from books.period_acts where organization_id = %(organization_id)s"
    return await number(db, query, {"organization_id": organization_id})
