"""Every query on accounts."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

SELECT = """
    select account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, version,
        created_at, updated_at
    from books.accounts
    where organization_id = %(organization_id)s
"""


async def insert(db: Connection, **values: object) -> None:
    await db.execute(
        """
        insert into books.accounts
            (organization_id, account_id, name, kind, currency, opening_balance, opening_on, number)
        values (%(organization_id)s, %(account_id)s, %(name)s, %(kind)s, %(currency)s, %(opening_balance)s,
            %(opening_on)s, %(number)s)
        """,
        values,
    )


async def list_all(db: Connection, organization_id: UUID, *, archived: bool) -> list[DictRow]:
    query = SELECT + " and (%(archived)s or archived_at is null) order by lower(name)"
    return await rows(db, query, {"organization_id": organization_id, "archived": archived})


async def get(db: Connection, organization_id: UUID, account_id: UUID) -> DictRow | None:
    query = SELECT + " and account_id = %(account_id)s"
    return await one(db, query, {"organization_id": organization_id, "account_id": account_id})


async def find(db: Connection, organization_id: UUID, name: str) -> DictRow | None:
    query = SELECT + " and lower(name) = lower(%(name)s)"
    return await one(db, query, {"organization_id": organization_id, "name": name})


async def update(db: Connection, organization_id: UUID, account_id: UUID, values: dict[str, object]) -> None:
    await db.execute(
        """
        update books.accounts set
            name = %(name)s, kind = %(kind)s, currency = %(currency)s, opening_balance = %(opening_balance)s,
            opening_on = %(opening_on)s, number = %(number)s, version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and account_id = %(account_id)s
        """,
        {**values, "organization_id": organization_id, "account_id": account_id},
    )


async def archive(db: Connection, organization_id: UUID, account_id: UUID) -> None:
    await db.execute(
        """
        update books.accounts set archived_at = now(), version = version + 1, updated_at = now()
        where organization_id = %s and account_id = %s and archived_at is null
        """,
        [organization_id, account_id],
    )


async def is_used(db: Connection, organization_id: UUID, account_id: UUID) -> bool:
    query = """
        select exists (
            select from books.transactions
            where organization_id = %(organization_id)s and account_id = %(account_id)s
        ) as used
    """
    found = await one(db, query, {"organization_id": organization_id, "account_id": account_id})
    return bool(found and found["used"])


async def balances(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    opening: Decimal,
    start: date | None,
    end: date | None,
) -> list[DictRow]:
    query = """
        with days as (
            select booked_on, sum(money_in) as money_in, sum(money_out) as money_out
            from books.daily_totals
            where organization_id = %(organization_id)s and account_id = %(account_id)s and transactions > 0
            group by booked_on
        ),
        running as (
            select *, %(opening)s + sum(money_in - money_out) over (order by booked_on) as balance from days
        )
        select booked_on, money_in, money_out, balance from running
        where booked_on between coalesce(%(start)s, '-infinity'::date) and coalesce(%(end)s, 'infinity'::date)
        order by booked_on
    """
    known = {"organization_id": organization_id, "account_id": account_id, "opening": opening}
    return await rows(db, query, {**known, "start": start, "end": end})
