"""Every query of the forecasts: what was booked, from totals that the writing transaction keeps, and what is stored."""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows


async def closings(db: Connection, organization_id: UUID, until: date) -> list[DictRow]:
    """The first and the last day of each month on which anything was booked."""
    query = """
        select
            date_trunc('month', booked_on::timestamp)::date as month,
            min(booked_on) as first_on, max(booked_on) as last_on
        from books.daily_totals
        where organization_id = %(organization_id)s and booked_on <= %(until)s and transactions > 0
        group by 1 order by 1
    """
    return await rows(db, query, {"organization_id": organization_id, "until": until})


async def months(db: Connection, organization_id: UUID, since: date, until: date, day: int | None) -> list[DictRow]:
    """What came in and went out by month, account, category and currency, and what of it by a day of the month.

    Pending and deleted ones count nowhere, a split one for the categories of its parts. What went between own
    accounts `is_transfer`.
    """
    query = """
        select
            date_trunc('month', total.booked_on::timestamp)::date as month, total.account_id, total.category_id,
            total.currency::text as currency, category.kind is not distinct from 'transfer' as is_transfer,
            sum(total.money_in)::float8 as money_in, sum(total.money_out)::float8 as money_out,
            coalesce(sum(total.money_in) filter (where told.is_begun), 0)::float8 as begun_in,
            coalesce(sum(total.money_out) filter (where told.is_begun), 0)::float8 as begun_out
        from books.daily_totals as total
        cross join lateral (
            select extract(day from total.booked_on) <= %(day)s::integer as is_begun
        ) as told
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = total.category_id
        where total.organization_id = %(organization_id)s and total.booked_on between %(since)s and %(until)s
            and total.transactions > 0
        group by 1, 2, 3, 4, 5
    """
    known = {"organization_id": organization_id, "since": since, "until": until, "day": day}
    return await rows(db, query, known)


async def days(db: Connection, organization_id: UUID, since: date, until: date) -> list[DictRow]:
    """Income and expense of each day and currency; what went between own accounts is neither."""
    query = """
        select
            total.booked_on, total.currency::text as currency,
            sum(total.money_in) as income, sum(total.money_out) as expense
        from books.daily_totals as total
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = total.category_id
        where total.organization_id = %(organization_id)s and total.booked_on between %(since)s and %(until)s
            and total.transactions > 0 and category.kind is distinct from 'transfer'
        group by 1, 2
    """
    return await rows(db, query, {"organization_id": organization_id, "since": since, "until": until})


async def category_names(db: Connection, organization_id: UUID) -> dict[UUID, str]:
    query = "select category_id, name from books.categories where organization_id = %(organization_id)s"
    return {row["category_id"]: row["name"] for row in await rows(db, query, {"organization_id": organization_id})}


async def rehearsal(db: Connection, organization_id: UUID, scope: str) -> DictRow | None:
    """What the candidates said of the past of a scope, when it was last worked out."""
    query = """
        select digest, shape, said, computed_at from ml.forecast_rehearsals
        where organization_id = %(organization_id)s and scope = %(scope)s
    """
    return await one(db, query, {"organization_id": organization_id, "scope": scope})


async def keep_rehearsal(
    db: Connection, organization_id: UUID, scope: str, *, digest: bytes, shape: dict[str, Any], said: bytes
) -> None:
    """Keep it in the place of the one before."""
    await db.execute(
        """
        insert into ml.forecast_rehearsals (organization_id, scope, digest, shape, said)
        values (%(organization_id)s, %(scope)s, %(digest)s, %(shape)s, %(said)s)
        on conflict (organization_id, scope) do update set
            digest = excluded.digest, shape = excluded.shape, said = excluded.said, computed_at = now()
        """,
        {"organization_id": organization_id, "scope": scope, "digest": digest, "shape": Jsonb(shape), "said": said},
    )
