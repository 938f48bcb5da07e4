"""Every query on rates between currencies."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment, seen
from ai2.kit.database import Connection, number, one, rows


class _Source(NamedTuple):
    """Which closings, own rates and published ones count."""

    closings: str
    own: str
    quote: str
    base: str


def _per_euro(currency: str) -> str:
    """What one euro was worth on the day of a quote. As it is now it is read at once, which is quicker for many."""
    return f"""(
        case
            when {currency} = 'EUR' then 1
            when closing.frozen_at is not null then books.per_euro({currency}, day.quoted_on, closing.frozen_at)
            else (
                select now.per_euro from books.exchange_rates as now
                where now.currency = {currency}::char(3) and now.quoted_on = day.quoted_on
            )
        end
    )"""


def _per_euro_at(currency: str) -> str:
    """What one euro was worth, as it was known at the moment, or when the day's period was closed."""
    return f"""(
        case
            when {currency} = 'EUR' then 1
            when closing.frozen_at is not null then books.per_euro({currency}, day.quoted_on, closing.frozen_at)
            else (
                select per_euro from (
                    select per_euro, known_from from books.exchange_rates
                    where currency = {currency}::char(3) and quoted_on = day.quoted_on
                        and {seen("row_xid", "known_from")}
                    union all
                    select per_euro, known_from from books.exchange_rate_versions
                    where currency = {currency}::char(3) and quoted_on = day.quoted_on
                        and {seen("row_xid", "known_from")}
                        and not {seen("ended_xid", "known_to")}
                ) as known
                order by known_from limit 1
            )
        end
    )"""


FROZEN = """
    own.known_from <= coalesce(closing.frozen_at, 'infinity')
    and (own.known_to is null or own.known_to > coalesce(closing.frozen_at, own.known_to))
"""
NOW = _Source(
    closings="books.closed_periods",
    own=FROZEN,
    quote=_per_euro("wanted.quote"),
    base=_per_euro("wanted.base"),
)
AS_OF = _Source(
    closings=f"""(
        select organization_id, closed_through, rates_known_at from books.closed_periods
        where {seen("row_xid", "closed_at")}
        union all
        select organization_id, closed_through, rates_known_at from books.closed_period_versions
        where {seen("row_xid", "closed_at")} and not {seen("ended_xid", "known_to")}
    )""",
    own=f"""
        case
            when closing.frozen_at is not null then {FROZEN}
            else {seen("own.row_xid", "own.known_from")}
                and not coalesce({seen("own.ended_xid", "own.known_to")}, false)
        end
    """,
    quote=_per_euro_at("wanted.quote"),
    base=_per_euro_at("wanted.base"),
)


async def lookup(
    db: Connection,
    organization_id: UUID,
    wanted: Sequence[tuple[str, str, date]],
    max_age_days: int,
    known_at: Moment | None = None,
) -> list[DictRow]:
    """For each (base, quote, day), in their order: the last quote up to the day, own ones before published ones.

    One base is worth `worth / unit` of quote. A day of a closed period sees what was known when that was closed. With
    `known_at` all is as it was known at that moment.
    """
    source = AS_OF if known_at else NOW
    query = f"""
        select found.quoted_on, found.worth, found.unit, found.source, closing.frozen_at
        from unnest(%(bases)s::text[], %(quotes)s::text[], %(days)s::date[])
            with ordinality as wanted (base, quote, day, place)
        left join lateral (
            select period.rates_known_at as frozen_at from {source.closings} as period
            where period.organization_id = %(organization_id)s and period.closed_through >= wanted.day
            order by period.closed_through limit 1
        ) as closing on true
        left join lateral (
            (
                select own.quoted_on, 'own' as source,
                    case when own.base = wanted.base then own.rate else 1 end as worth,
                    case when own.base = wanted.base then 1 else own.rate end as unit
                from books.own_rates as own
                where own.organization_id = %(organization_id)s
                    and least(own.base, own.quote) = least(wanted.base, wanted.quote)::char(3)
                    and greatest(own.base, own.quote) = greatest(wanted.base, wanted.quote)::char(3)
                    and own.quoted_on between wanted.day - %(max_age)s::integer and wanted.day
                    and {source.own}
                order by own.quoted_on desc limit 1
            )
            union all
            (
                select day.quoted_on, 'ecb', published.worth, published.unit
                from (
                    select currency, quoted_on from books.exchange_rates
                    union all
                    -- what was withdrawn counts on where it was known
                    select currency, quoted_on from books.exchange_rate_versions
                ) as day
                cross join lateral (
                    select {source.quote} as worth, {source.base} as unit offset 0
                ) as published
                -- a day on which one of the two was published; the other has to be too
                where day.currency = (case when wanted.quote = 'EUR' then wanted.base else wanted.quote end)::char(3)
                    and day.quoted_on between wanted.day - %(max_age)s::integer and wanted.day
                    and published.worth is not null and published.unit is not null
                order by day.quoted_on desc limit 1
            )
            order by quoted_on desc, source desc limit 1
        ) as found on true
        order by wanted.place
    """
    bases, quotes, days = zip(*wanted, strict=True)
    known = {"organization_id": organization_id, "max_age": max_age_days, **(known_at.parameters if known_at else {})}
    return await rows(db, query, {**known, "bases": list(bases), "quotes": list(quotes), "days": list(days)})


PUBLISHED_THEN = f"""(
    select currency, quoted_on from books.exchange_rates where {seen("row_xid", "known_from")}
    union all
    select currency, quoted_on from books.exchange_rate_versions
    where {seen("row_xid", "known_from")} and not {seen("ended_xid", "known_to")}
)"""


async def extents(
    db: Connection, currencies: Collection[str], known_at: Moment | None = None
) -> dict[str, tuple[date, date]]:
    """The first and last day of which a currency's reference rate is known, or was."""
    query = f"""
        select currency::text as currency, min(quoted_on) as first, max(quoted_on) as last
        from {PUBLISHED_THEN if known_at else "books.exchange_rates"} as published
        where currency = any(%(currencies)s::char(3)[]) group by currency
    """
    known = {"currencies": list(currencies), **(known_at.parameters if known_at else {})}
    found = await rows(db, query, known)
    return {row["currency"]: (row["first"], row["last"]) for row in found}


async def refuse_closed(db: Connection, organization_id: UUID, day: date) -> None:
    await db.execute("select books.refuse_closed(%s, %s)", [organization_id, day])


async def end(db: Connection, organization_id: UUID, base: str, quote: str, quoted_on: date, *, ended_by: str) -> bool:
    """End the pair's own rate of that day; says whether there was one."""
    done = await db.execute(
        """
        update books.own_rates set known_to = clock_timestamp(), ended_by = %(ended_by)s
        where organization_id = %(organization_id)s and known_to is null and quoted_on = %(quoted_on)s
            and least(base, quote) = least(%(base)s::char(3), %(quote)s::char(3))
            and greatest(base, quote) = greatest(%(base)s::char(3), %(quote)s::char(3))
        """,
        {
            "organization_id": organization_id,
            "base": base,
            "quote": quote,
            "quoted_on": quoted_on,
            "ended_by": ended_by,
        },
    )
    return done.rowcount > 0


async def insert(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into books.own_rates (organization_id, rate_id, base, quote, quoted_on, rate, set_by)
        values (%(organization_id)s, %(rate_id)s, %(base)s, %(quote)s, %(quoted_on)s, %(rate)s, %(set_by)s)
        """,
        {**values, "organization_id": organization_id},
    )


async def own_rates(db: Connection, organization_id: UUID, *, after: UUID | None, limit: int) -> list[DictRow]:
    query = """
        select rate_id, base::text as base, quote::text as quote, quoted_on, rate, set_by, known_from
        from books.own_rates
        where organization_id = %(organization_id)s and known_to is null
            and (%(after)s::uuid is null or rate_id < %(after)s)
        order by rate_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "after": after, "limit": limit})


async def count_own(db: Connection, organization_id: UUID) -> int:
    query = """
        select count(*) as rates from books.own_rates
        where organization_id = %(organization_id)s and known_to is null
    """
    return await number(db, query, {"organization_id": organization_id})


async def lock_pairs(db: Connection, organization_id: UUID) -> DictRow | None:
    """Let own rates be set one after the other, until the transaction ends."""
    return await one(
        db,
        "select pg_advisory_xact_lock(hashtextextended('books.own_rates:' || %(whose)s, 0))",
        {"whose": str(organization_id)},
    )
