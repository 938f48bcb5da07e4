"""Every query for what is exported: read by a cursor, some rows at a time, and what the books say of all of them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from psycopg.rows import DictRow, TupleRow, tuple_row

from ai2.kit.database import Connection, one, rows
from ai2.reports.exports.asked import Asked

# As many rows as are held at once.
STREAMED_ROWS = 5000

NAME = "replace({0}.name, ' (' || {0}.category_id || ')', '')"
OF_DAYS = """
    and (%(start)s::date is null or {0} >= %(start)s) and (%(end)s::date is null or {0} <= %(end)s)
"""
OF_ACCOUNTS = "and (%(accounts)s::uuid[] is null or {0} = any(%(accounts)s))"
NAMED = """
    left join published.accounts as account
        on account.organization_id = {0}.organization_id and account.account_id = {0}.account_id
    left join published.categories as category
        on category.organization_id = {0}.organization_id and category.category_id = {1}
"""
# What was not deleted; what a bank took back is no part of the books.
COUNTS = "organization_id = %(organization_id)s and deleted_at is null and status <> 'closed'"

QUERIES: Mapping[str, str] = {
    "transactions": f"""
        select
            told.transaction_id::text as transaction_id, told.booked_on as date, told.amount,
            told.currency::text as currency, told.type, told.description, told.merchant,
            told.account_id::text as account_id, account.name as account,
            told.category_id::text as category_id, told.category, told.splits is not null as is_split, told.status,
            told.reference, told.notes, told.tags, told.mcc::text as mcc, told.counterparty,
            told.value_on as value_date, nullif(told.attributes, '{{}}')::text as attributes,
            told.decided_by, told.decided_version, told.confidence, told.batch_id::text as batch_id,
            told.line_number, told.created_at, told.updated_at
        from (
            select * from published.transactions
            where {COUNTS} {OF_DAYS.format("booked_on")} {OF_ACCOUNTS.format("account_id")}
        ) as told
        left join published.accounts as account
            on account.organization_id = told.organization_id and account.account_id = told.account_id
        order by told.booked_on, told.transaction_id
    """,
    "entries": f"""
        select
            entry.booked_on as date, entry.transaction_id::text as transaction_id, entry.place,
            entry.source as origin, entry.section, entry.ledger_account, entry.account_id::text as account_id,
            account.name as account,
            entry.category_id::text as category_id, {NAME.format("category")} as category,
            case when entry.amount > 0 then entry.amount end as debit,
            case when entry.amount < 0 then -entry.amount end as credit,
            entry.amount, entry.currency::text as currency, told.description
        from intermediate.int_ledger__entries as entry
        {NAMED.format("entry", "entry.category_id")}
        left join published.transactions as told
            on told.organization_id = entry.organization_id and told.transaction_id = entry.transaction_id
        where entry.organization_id = %(organization_id)s {OF_ACCOUNTS.format("entry.account_id")}
            and (
                -- what an account began with, of which nobody said a day, is before all days
                (entry.booked_on is null and %(start)s::date is null)
                or (true {OF_DAYS.format("entry.booked_on")} and entry.booked_on is not null)
            )
        order by entry.booked_on nulls first, entry.transaction_id, entry.source, entry.place, entry.account_id
    """,
    "splits": f"""
        select
            told.transaction_id::text as transaction_id, told.booked_on as date, part.place::integer as place,
            (part.part ->> 'amount')::numeric as amount, told.currency::text as currency,
            told.account_id::text as account_id, account.name as account,
            part.part ->> 'category_id' as category_id, {NAME.format("category")} as category,
            part.part ->> 'notes' as notes,
            array(select jsonb_array_elements_text(coalesce(nullif(part.part -> 'tags', 'null'), '[]'))) as tags,
            told.description
        from published.transactions as told
        cross join lateral jsonb_array_elements(told.splits) with ordinality as part (part, place)
        {NAMED.format("told", "(part.part ->> 'category_id')::uuid")}
        where told.organization_id = %(organization_id)s and told.deleted_at is null and told.status <> 'closed'
            and told.splits is not null
            {OF_DAYS.format("told.booked_on")} {OF_ACCOUNTS.format("told.account_id")}
        order by told.booked_on, told.transaction_id, part.place
    """,
    "accounts": f"""
        select
            account_id::text as account_id, name, kind, currency::text as currency, number, opening_balance,
            opening_on, archived_at, created_at
        from published.accounts
        where organization_id = %(organization_id)s {OF_ACCOUNTS.format("account_id")}
        order by lower(name), account_id
    """,
    "categories": f"""
        select
            category.category_id::text as category_id, {NAME.format("category")} as name, category.kind,
            category.parent_id::text as parent_id, {NAME.format("parent")} as parent, category.codes,
            category.archived_at, category.created_at
        from published.categories as category
        left join published.categories as parent
            on parent.organization_id = category.organization_id and parent.category_id = category.parent_id
        where category.organization_id = %(organization_id)s
        order by category.kind, lower(coalesce(parent.name, category.name)), parent.name is not null,
            lower(category.name), category.category_id
    """,
    "balances": f"""
        select
            balance.account_id::text as account_id, account.name as account, balance.booked_on as date,
            balance.holds_until, balance.opening_balance as opening, balance.money_in, balance.money_out,
            balance.closing_balance as closing, balance.currency, balance.transactions
        from marts.live_daily_balances as balance
        left join published.accounts as account
            on account.organization_id = balance.organization_id and account.account_id = balance.account_id
        where balance.organization_id = %(organization_id)s
            {OF_DAYS.format("balance.booked_on")} {OF_ACCOUNTS.format("balance.account_id")}
        order by lower(account.name), balance.account_id, balance.currency, balance.booked_on
    """,
    "rules": f"""
        select
            rule.rule_id::text as rule_id, rule.name, rule.position, rule.is_active, rule.description_by,
            rule.description, rule.merchant_by, rule.merchant, rule.min_amount::text as min_amount,
            rule.max_amount::text as max_amount, account.name as account, rule.mcc::text as mcc, rule.sign,
            rule.currency::text as currency, {NAME.format("category")} as category, rule.tags, rule.merchant_name,
            rule.split::text as split, into_account.name as transfer_account, rule.version, rule.created_at,
            rule.updated_at
        from published.rules as rule
        {NAMED.format("rule", "rule.category_id")}
        left join published.accounts as into_account
            on into_account.organization_id = rule.organization_id
            and into_account.account_id = rule.transfer_account_id
        where rule.organization_id = %(organization_id)s and rule.deleted_at is null
        order by rule.position, rule.rule_id
    """,
    "budgets": f"""
        select
            budget.budget_id::text as budget_id, budget.category_id::text as category_id,
            {NAME.format("category")} as category, budget.amount, budget.currency::text as currency,
            budget.first_month, budget.last_month, budget.is_rolled_over as rollover,
            (
                select jsonb_object_agg(to_char(own.month, 'YYYY-MM'), own.amount::text)::text
                from published.budget_months as own
                where own.organization_id = budget.organization_id and own.budget_id = budget.budget_id
            ) as overrides,
            budget.created_at, budget.updated_at
        from published.budgets as budget
        left join published.categories as category
            on category.organization_id = budget.organization_id and category.category_id = budget.category_id
        where budget.organization_id = %(organization_id)s
            and (%(end)s::date is null or budget.first_month <= %(end)s)
            and (%(start)s::date is null
                or coalesce(budget.last_month, 'infinity') >= date_trunc('month', %(start)s::timestamp)::date)
        order by lower(category.name), budget.currency, budget.first_month
    """,
    "rates": f"""
        select date, base, quote, rate, source, known_from
        from (
            select
                quoted_on as date, base::text as base, quote::text as quote, rate, 'own' as source, known_from
            from published.own_rates
            where organization_id = %(organization_id)s and known_to is null
            union all
            -- of the currencies that the books have
            select quoted_on, 'EUR', currency::text, per_euro, 'ecb', known_from
            from published.exchange_rates
            where currency in (
                select currency from published.accounts where organization_id = %(organization_id)s
                union
                select base_currency from published.organizations where organization_id = %(organization_id)s
            )
        ) as known
        where true {OF_DAYS.format("date")}
        order by date, base, quote, source
    """,
}


async def stream(db: Connection, organization_id: object, asked: Asked) -> AsyncIterator[list[TupleRow]]:
    """All rows of a table in their order, some at a time. `db` is in a transaction of one snapshot."""
    # all of them are read, so the plan is not to be the one that gives the first ones soonest
    await db.execute("set local cursor_tuple_fraction = 1")
    async with db.cursor(name="export", row_factory=tuple_row) as cursor:
        await cursor.execute(QUERIES[asked.what], _known(organization_id, asked))
        while found := await cursor.fetchmany(STREAMED_ROWS):
            yield found


async def in_books(db: Connection, organization_id: object, asked: Asked) -> list[DictRow]:
    """What the books' own totals say of these days and accounts: how many, and what they come to, by currency."""
    query = f"""
        select currency::text as currency, sum(money_in - money_out) as amount, sum(transactions)::bigint as rows
        from published.daily_totals
        where organization_id = %(organization_id)s
            {OF_DAYS.format("booked_on")} {OF_ACCOUNTS.format("account_id")}
        group by currency order by currency
    """
    return await rows(db, query, _known(organization_id, asked))


async def state(db: Connection, organization_id: object) -> DictRow:
    """The moment of this snapshot, how many events had happened, and what every account came to."""
    query = """
        select
            now() as as_of,
            coalesce((select position from events.heads where organization_id = %(organization_id)s), 0) as position,
            coalesce((
                select jsonb_agg(jsonb_build_array(name, currency, amount::text, transactions) order by name, currency)
                from (
                    select
                        account.name, total.currency::text as currency, trim_scale(sum(money_in - money_out)) as amount,
                        sum(total.transactions) as transactions
                    from published.daily_totals as total
                    inner join published.accounts as account using (organization_id, account_id)
                    where total.organization_id = %(organization_id)s
                    group by account.name, total.currency
                ) as told
            ), '[]')::text as accounts
    """
    return await one(db, query, {"organization_id": organization_id}) or {}


def _known(organization_id: object, asked: Asked) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "start": asked.start_date,
        "end": asked.end_date,
        "accounts": list(asked.account_ids) or None,
    }
