"""Every query of the dashboard, all from totals."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows
from ai2.kit.periods import Period

TRANSFERS = "select category_id from books.categories where organization_id = %(organization_id)s and kind = 'transfer'"
# Whole months, and the days by which a period is longer, or (sign -1) shorter, than these.
DAYS = """
    select
        date_trunc('month', booked_on::timestamp)::date as month, category_id, currency, money_in, money_out,
        transactions, further, edge.sign
    from unnest(%(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[]) as edge (first, last, sign)
    inner join books.daily_totals as total
        on total.organization_id = %(organization_id)s and total.booked_on between edge.first and edge.last
    where total.transactions > 0 and (%(currency)s::text is null or total.currency = %(currency)s)
"""


async def flows(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """Income and expense of each currency in `all`, of each `month` and each `category`.

    What went between own accounts counts for its categories only.
    """
    query = f"""
        with days as materialized ({DAYS}),
        months as (
            select month, currency, flow_in, flow_out, flow_transactions, transactions
            from books.account_months
            where organization_id = %(organization_id)s and month between %(whole_from)s and %(whole_to)s
                and (%(currency)s::text is null or currency = %(currency)s)
            union all
            select
                month, currency, sign * money_in * is_flow, sign * money_out * is_flow,
                -- of a split one each part counts for its category, and all of them once
                sign * (transactions - further) * is_flow, sign * transactions
            from (
                select *, (category_id is null or category_id <> all(array({TRANSFERS})))::integer as is_flow
                from days
            ) as told
        ),
        categories as (
            select category_id, currency, money_in, money_out, transactions
            from books.monthly_totals
            where organization_id = %(organization_id)s and month between %(whole_from)s and %(whole_to)s
                and transactions > 0 and (%(currency)s::text is null or currency = %(currency)s)
            union all
            select category_id, currency, sign * money_in, sign * money_out, sign * transactions from days
        )
        select
            case when grouping(month) = 0 then 'month' else 'all' end as of,
            currency, month, null::uuid as category_id, null as category, null as kind,
            sum(flow_in) as income, sum(flow_out) as expense, sum(flow_transactions)::integer as transactions
        from months
        group by grouping sets ((currency), (month, currency))
        having sum(transactions) > 0
        union all
        select
            'category', part.currency, null, part.category_id, category.name, category.kind,
            part.money_in, part.money_out, part.transactions
        from (
            select
                category_id, currency, sum(money_in) as money_in, sum(money_out) as money_out,
                sum(transactions)::integer as transactions
            from categories
            group by category_id, currency
            having sum(transactions) > 0
        ) as part
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = part.category_id
    """
    known = {"organization_id": organization_id, "currency": currency, **_months_and_days(period)}
    return await _planned_for_these(db, query, known)


async def _planned_for_these(db: Connection, query: str, known: dict[str, Any]) -> list[DictRow]:
    """The rows of a query that is planned each time: a plan for any months would be one for all of them."""
    return await (await db.execute(query, known, prepare=False)).fetchall()


def _months_and_days(period: Period) -> dict[str, object]:
    (whole_from, whole_to), edges = period.in_months()
    starts, ends, signs = zip(*edges, strict=True) if edges else ((), (), ())
    spans = {"edges_from": list(starts), "edges_to": list(ends), "signs": list(signs)}
    return {"whole_from": whole_from, "whole_to": whole_to, **spans}


async def flows_by_day(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """Income and expense of each day and currency, by day; what went between own accounts is neither."""
    query = f"""
        select
            date_trunc('month', booked_on::timestamp)::date as month, booked_on, currency::text as currency,
            sum(money_in) as income, sum(money_out) as expense
        from books.daily_totals
        where organization_id = %(organization_id)s and booked_on between %(start)s and %(end)s and transactions > 0
            and (%(currency)s::text is null or currency = %(currency)s)
            and (category_id is null or category_id <> all(array({TRANSFERS})))
        group by booked_on, currency
        order by booked_on, currency
    """
    known = {"organization_id": organization_id, "currency": currency, "start": period.start, "end": period.end}
    return await rows(db, query, known)


async def balances(db: Connection, organization_id: UUID, currency: str | None) -> list[DictRow]:
    """What each account in use holds."""
    query = """
        with booked as (
            select account_id, sum(money_in - money_out) as moved
            from books.account_months
            where organization_id = %(organization_id)s
            group by account_id
        )
        select
            account.account_id, account.name, account.currency,
            case
                when account.opening_on is not null or account.opening_balance <> 0 then 'given'
                when account.anchored_on is null then 'unknown'
                else 'stated'
            end as opening_is,
            case
                when account.opening_on is null and account.opening_balance = 0 and account.anchored_on is not null
                    then account.anchored_balance + since.moved
                else account.opening_balance + coalesce(booked.moved, 0)
            end as balance,
            last.booked_on as last_booked_on
        from books.accounts as account
        left join booked on booked.account_id = account.account_id
        -- what moved since its bank first said what it held: the rest of that month by days, then whole months
        left join lateral (
            select coalesce(sum(money_in - money_out), 0) as moved
            from (
                select money_in, money_out from books.daily_totals as day
                where day.organization_id = %(organization_id)s and day.account_id = account.account_id
                    and day.booked_on > account.anchored_on
                    and day.booked_on < date_trunc('month', account.anchored_on::timestamp)::date + interval '1 month'
                union all
                select money_in, money_out from books.account_months as whole
                where whole.organization_id = %(organization_id)s and whole.account_id = account.account_id
                    and whole.month > account.anchored_on
            ) as parts
        ) as since on account.anchored_on is not null
        left join lateral (
            select transaction.booked_on from books.transactions as transaction
            where transaction.organization_id = %(organization_id)s
                and transaction.account_id = account.account_id and transaction.deleted_at is null
                and transaction.status = 'posted'
            order by transaction.booked_on desc limit 1
        ) as last on true
        where account.organization_id = %(organization_id)s and account.archived_at is null
            and (%(currency)s::text is null or account.currency = %(currency)s)
        order by lower(account.name)
    """
    return await rows(db, query, {"organization_id": organization_id, "currency": currency})


async def top_merchants(
    db: Connection, organization_id: UUID, period: Period, currency: str | None, limit: int
) -> list[DictRow]:
    """Who was paid most in the months of a period, transfers aside.

    Whoever is among them was paid, in one of the months at least, their share of what the last of them was paid. So
    those who lead a month say how much that is at least, and an index who else was ever paid a month's share of it.
    """
    # each month is looked up by the index, where a span of them would be searched through
    summed = """
        cross join lateral (
            select sum(total.money_out) as expense, sum(total.transactions)::integer as transactions
            from books.merchant_months as total
            where total.organization_id = %(organization_id)s and total.merchant_key = payee.merchant_key
                and total.currency = payee.currency and total.month = any(array(select month from months))
        ) as paid
    """
    paid_in = """
        select distinct found.merchant_key, found.currency
        from months
        cross join lateral (
            select merchant_key, currency from books.merchant_months
            where organization_id = %(organization_id)s and month = months.month
                and (%(currency)s::text is null or currency = %(currency)s) and spent_rank > 0
    """
    query = f"""
        with months as materialized (
            select distinct month from books.account_months
            where organization_id = %(organization_id)s and month between %(first)s and %(end)s
        ),
        ahead as ({paid_in} order by spent_rank desc limit %(limit)s) as found),
        bar as (
            select coalesce(max(expense), 0) / (select greatest(count(*), 1) from months) as share
            from (
                select paid.expense from ahead as payee {summed}
                order by paid.expense desc offset %(limit)s - 1 limit 1
            ) as last
        ),
        payees as ({paid_in} and spent_rank >= (select books.amount_rank(share) - 1 from bar)) as found)
        select payee.merchant_key as merchant, payee.currency, paid.expense, paid.transactions
        from payees as payee {summed}
        order by paid.expense desc, payee.merchant_key
        limit %(limit)s
    """
    known = {
        "organization_id": organization_id, "currency": currency, "limit": limit,
        "first": period.start.replace(day=1), "end": period.end,
    }  # fmt: skip
    return await _planned_for_these(db, query, known)


async def open_work(db: Connection, organization_id: UUID) -> DictRow:
    """How many transactions have no category, and how many suggestions wait for a person."""
    query = """
        select
            (select coalesce(sum(undecided), 0)::integer from books.account_months
             where organization_id = %(organization_id)s) as uncategorized,
            (select count(*) from published.suggestions
             where organization_id = %(organization_id)s and state = 'open') as suggestions
    """
    found = await one(db, query, {"organization_id": organization_id})
    return found or {}
