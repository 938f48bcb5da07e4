"""Every query on accounts."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, Query, number, one, rows

COLUMNS = """
    account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, version, created_at, updated_at,
    anchored_on, anchored_balance
"""
SELECT = f"select {COLUMNS} from books.accounts where organization_id = %(organization_id)s"


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


def standing_query(organization_id: UUID, account_id: UUID) -> Query:
    """What asks for the `currency` of an account, and whether it `is_archived`."""
    query = """
        select currency, archived_at is not null as is_archived from books.accounts
        where organization_id = %(organization_id)s and account_id = %(account_id)s
    """
    return query, {"organization_id": organization_id, "account_id": account_id}


async def number_of(db: Connection, organization_id: UUID, account_ids: Sequence[UUID]) -> int:
    """How many of these there are."""
    query = """
        select count(*) as accounts from books.accounts
        where organization_id = %(organization_id)s and account_id = any(%(account_ids)s)
    """
    return await number(db, query, {"organization_id": organization_id, "account_ids": list(account_ids)})


async def of_all(db: Connection, account_ids: Sequence[UUID]) -> list[DictRow]:
    query = f"select {COLUMNS} from books.accounts where account_id = any(%(account_ids)s)"
    return await rows(db, query, {"account_ids": list(account_ids)})


async def find(db: Connection, organization_id: UUID, name: str) -> DictRow | None:
    query = SELECT + " and lower(name) = lower(%(name)s)"
    return await one(db, query, {"organization_id": organization_id, "name": name})


async def update(db: Connection, organization_id: UUID, account_id: UUID, values: dict[str, object]) -> None:
    await db.execute(
        """
        update books.accounts set
            name = %(name)s, kind = %(kind)s, currency = %(currency)s, opening_balance = %(opening_balance)s,
            opening_on = %(opening_on)s, number = %(number)s,
            archived_at = case
                when %(is_archived)s::boolean is null then archived_at
                when %(is_archived)s then coalesce(archived_at, now())
            end,
            version = version + 1, updated_at = now()
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


async def anchor(
    db: Connection, organization_id: UUID, account_id: UUID, on: date | None, balance: Decimal | None
) -> None:
    await db.execute(
        """
        update books.accounts set anchored_on = %(on)s, anchored_balance = %(balance)s
        where organization_id = %(organization_id)s and account_id = %(account_id)s
            and (anchored_on, anchored_balance) is distinct from (%(on)s::date, %(balance)s::numeric)
        """,
        {"organization_id": organization_id, "account_id": account_id, "on": on, "balance": balance},
    )


async def moved(db: Connection, account_ids: Sequence[UUID]) -> list[DictRow]:
    """By account and day. Of one account the days are read in the order of the index, and nothing is sorted."""
    one_by_day = """
        select
            %(account_id)s::uuid as account_id, booked_on, sum(money_in - turned) as money_in,
            sum(money_out - turned) as money_out
        from books.daily_totals
        where (organization_id, currency) = (
                select organization_id, currency from books.accounts where account_id = %(account_id)s
            )
            and account_id = %(account_id)s and transactions > 0
        group by booked_on
        order by booked_on
    """
    many = """
        select
            total.account_id, total.booked_on, sum(total.money_in - total.turned) as money_in,
            sum(total.money_out - total.turned) as money_out
        from books.daily_totals as total
        inner join books.accounts as account using (organization_id, account_id, currency)
        where account.account_id = any(%(account_ids)s) and total.transactions > 0
        group by total.account_id, total.booked_on
        order by total.account_id, total.booked_on
    """
    if len(account_ids) == 1:
        return await rows(db, one_by_day, {"account_id": account_ids[0]})
    return await rows(db, many, {"account_ids": list(account_ids)})


async def balances(
    db: Connection, organization_id: UUID, account_id: UUID, start: date | None, end: date | None
) -> list[DictRow]:
    query = """
        with account as (
            select
                account_id, currency, opening_balance,
                case when opening_on is null and opening_balance = 0 then anchored_on end as anchored_on,
                anchored_balance
            from books.accounts
            where organization_id = %(organization_id)s and account_id = %(account_id)s
        ),
        days as (
            select
                total.booked_on, sum(total.money_in - total.turned) as money_in,
                sum(total.money_out - total.turned) as money_out
            from books.daily_totals as total
            inner join account using (account_id, currency)
            where total.organization_id = %(organization_id)s and total.transactions > 0
            group by total.booked_on
        ),
        -- where nobody said what it held at first, that follows from what its bank said first
        opening as (
            select
                case
                    when account.anchored_on is null then account.opening_balance
                    else account.anchored_balance - coalesce(sum(days.money_in - days.money_out), 0)
                end as balance
            from account
            left join days on days.booked_on <= account.anchored_on
            group by account.anchored_on, account.opening_balance, account.anchored_balance
        ),
        running as (
            select days.*, opening.balance + sum(money_in - money_out) over (order by booked_on) as balance
            from days cross join opening
        )
        select booked_on, money_in, money_out, balance from running
        where booked_on between coalesce(%(start)s, '-infinity'::date) and coalesce(%(end)s, 'infinity'::date)
        order by booked_on
    """
    known = {"organization_id": organization_id, "account_id": account_id}
    return await rows(db, query, {**known, "start": start, "end": end})
