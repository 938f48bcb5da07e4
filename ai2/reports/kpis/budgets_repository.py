"""Every query on what was planned beside what it came to."""

from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, rows


async def budgeted(
    db: Connection, organization_id: UUID, first: date, last: date, currency: str | None = None
) -> list[DictRow]:
    """What was planned for each category with a budget in these months, and what it and all below it came to.

    It is what the budgets say of each month, added up; `is_within` is what another budget of the currency contains.
    """
    query = """
        with recursive planned as (
            select
                budget.category_id, budget.currency, sum(coalesce(own.amount, budget.amount)) as planned,
                array_agg(wanted.month::date) as months
            from books.budgets as budget
            inner join generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 month') as wanted (month)
                on wanted.month between budget.first_month and coalesce(budget.last_month, 'infinity')
            left join books.budget_months as own
                on own.organization_id = budget.organization_id and own.budget_id = budget.budget_id
                    and own.month = wanted.month
            where budget.organization_id = %(organization_id)s
                and (%(currency)s::text is null or budget.currency = %(currency)s)
            group by budget.category_id, budget.currency
        ),
        covered as (
            select planned.category_id as budgeted_id, planned.category_id, planned.currency from planned
            union
            select covered.budgeted_id, category.category_id, covered.currency
            from covered
            inner join books.categories as category
                on category.organization_id = %(organization_id)s and category.parent_id = covered.category_id
        ),
        actual as (
            select covered.budgeted_id, covered.currency, sum(total.money_in - total.money_out) as net
            from covered
            inner join planned
                on planned.category_id = covered.budgeted_id and planned.currency = covered.currency
            inner join books.monthly_totals as total
                on total.organization_id = %(organization_id)s and total.category_id = covered.category_id
                    and total.currency = covered.currency and total.month = any(planned.months)
            where total.transactions > 0
            group by covered.budgeted_id, covered.currency
        )
        select
            planned.category_id, category.name as category, category.kind = 'income' as is_income,
            planned.currency::text as currency, planned.planned,
            case when category.kind = 'income' then coalesce(net, 0) else -coalesce(net, 0) end as actual,
            exists (
                select from covered
                where covered.category_id = planned.category_id and covered.currency = planned.currency
                    and covered.budgeted_id <> planned.category_id
            ) as is_within
        from planned
        inner join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = planned.category_id
        left join actual on actual.budgeted_id = planned.category_id and actual.currency = planned.currency
        order by lower(category.name), planned.currency
    """
    known = {"organization_id": organization_id, "first": first, "last": last, "currency": currency}
    return await rows(db, query, known)
