"""Every query of the dashboard, all from totals."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows
from ai2.kit.periods import Period

# What counts as paid to a merchant: neither moved between own accounts, nor taken back.
SPENT = """
    organization_id = %(organization_id)s and merchant_key <> '' and transactions > 0
    and (%(currency)s::text is null or currency = %(currency)s)
    and (
        category_id is null or category_id <> all(array(
            select category_id from books.categories
            where organization_id = %(organization_id)s and kind = 'transfer'
        ))
    )
"""


async def flows(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """Income and expense of each currency in `all`, of each `month` and each `category`.

    What went between own accounts counts for its categories only.
    """
    query = """
        with whole_months as (
            select month, category_id, currency, money_in, money_out, transactions, further
            from books.monthly_totals
            where organization_id = %(organization_id)s and month between %(whole_from)s and %(whole_to)s
                and transactions > 0
        ),
        edges as (
            select
                date_trunc('month', booked_on::timestamp)::date as month, category_id, currency,
                money_in, money_out, transactions, further
            from books.daily_totals
            where organization_id = %(organization_id)s and transactions > 0
                and (
                    booked_on between %(start)s and %(whole_from)s::date - 1
                    or booked_on between %(whole_to)s::date + 1 and %(end)s
                )
        ),
        flows as (
            select part.*, category.name as category, category.kind,
                category.kind is distinct from 'transfer' as is_flow
            from (
                select
                    month, category_id, currency, sum(money_in) as money_in, sum(money_out) as money_out,
                    sum(transactions)::integer as transactions, sum(further)::integer as further
                from (select * from whole_months union all select * from edges) as parts
                where %(currency)s::text is null or currency = %(currency)s
                group by month, category_id, currency
            ) as part
            left join books.categories as category
                on category.organization_id = %(organization_id)s and category.category_id = part.category_id
        )
        select
            case when grouping(month) = 0 then 'month' else 'all' end as of,
            currency, month, null::uuid as category_id, null as category, null as kind,
            coalesce(sum(money_in) filter (where is_flow), 0) as income,
            coalesce(sum(money_out) filter (where is_flow), 0) as expense,
            -- of a split one each part counts for its category, and all of them once
            coalesce(sum(transactions - further) filter (where is_flow), 0)::integer as transactions
        from flows
        group by grouping sets ((currency), (month, currency))
        union all
        select
            'category', currency, null, category_id, category, kind,
            sum(money_in), sum(money_out), sum(transactions)::integer
        from flows
        group by category_id, category, kind, currency
    """
    whole_from, whole_to = period.whole_months()
    known = {"organization_id": organization_id, "currency": currency, "start": period.start, "end": period.end}
    return await rows(db, query, {**known, "whole_from": whole_from, "whole_to": whole_to})


async def flows_by_day(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """Income and expense of each day and currency, by day; what went between own accounts is neither."""
    query = """
        select
            date_trunc('month', booked_on::timestamp)::date as month, booked_on, currency::text as currency,
            sum(money_in) as income, sum(money_out) as expense
        from books.daily_totals
        where organization_id = %(organization_id)s and booked_on between %(start)s and %(end)s and transactions > 0
            and (%(currency)s::text is null or currency = %(currency)s)
            and (category_id is null or category_id <> all(array(
                select category_id from books.categories
                where organization_id = %(organization_id)s and kind = 'transfer'
            )))
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
            from books.monthly_totals
            where organization_id = %(organization_id)s and transactions > 0
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
                select money_in, money_out from books.monthly_totals as whole
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
    """Who was paid most in the months of a period, transfers aside; payments are counted for those few alone."""
    query = f"""
        with top as (
            select merchant_key, currency, sum(money_out) as expense
            from books.merchant_totals
            where {SPENT} and month between %(first)s and %(end)s and money_out > 0
            group by merchant_key, currency
            order by expense desc, merchant_key
            limit %(limit)s
        )
        select top.merchant_key as merchant, top.currency, top.expense, counted.transactions
        from top
        cross join lateral (
            select sum(total.transactions - total.further)::integer as transactions
            from books.merchant_totals as total
            where {SPENT} and total.merchant_key = top.merchant_key and total.currency = top.currency
                -- each month is looked up by the index, where a span of them would be searched through
                and total.month = any(array(
                    select starts_on::date
                    from generate_series(%(first)s::timestamp, %(end)s::timestamp, interval '1 month') as starts_on
                ))
        ) as counted
        order by top.expense desc, top.merchant_key
    """
    known = {"organization_id": organization_id, "currency": currency, "limit": limit}
    return await rows(db, query, {**known, "first": period.start.replace(day=1), "end": period.end})


async def open_work(db: Connection, organization_id: UUID) -> DictRow:
    """How many transactions have no category, and how many suggestions wait for a person."""
    query = """
        select
            (select coalesce(sum(transactions), 0)::integer from books.monthly_totals
             where organization_id = %(organization_id)s and category_id is null) as uncategorized,
            (select count(*) from published.suggestions
             where organization_id = %(organization_id)s and state = 'open') as suggestions
    """
    found = await one(db, query, {"organization_id": organization_id})
    return found or {}
