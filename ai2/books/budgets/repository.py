"""Every query on budgets; what was spent is read from totals."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books import as_of_repository as then
from ai2.books.moments import Moment
from ai2.kit.database import Connection, one, rows


class _Source(NamedTuple):
    """Which budgets, categories and sums of months count."""

    budgets: str = "books.budgets"
    months: str = "books.budget_months"
    categories: str = "books.categories"
    totals: str = "books.monthly_totals"


# What months took, of transactions as they were known. What one is split into counts part by part.
OF_THESE_DAYS = "booked_on >= %(since)s and booked_on < (%(month)s::date + interval '1 month')"
BOOKED_THEN = then.transactions(
    "booked_on, amount, currency, category_id, splits", f"{then.COUNTS} and {OF_THESE_DAYS}"
)
TOTALS_THEN = f"""(
    select
        %(organization_id)s::uuid as organization_id, month, category_id, currency,
        coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        coalesce(-sum(amount) filter (where amount < 0), 0) as money_out, count(*) as transactions
    from (
        select
            date_trunc('month', known.booked_on::timestamp)::date as month, known.currency,
            case when known.splits is null then known.category_id else (told.part ->> 'category_id')::uuid end
                as category_id,
            case when known.splits is null then known.amount else (told.part ->> 'amount')::numeric end as amount
        from ({BOOKED_THEN}) as known
        left join lateral jsonb_array_elements(known.splits) as told (part) on true
    ) as part
    group by month, category_id, currency
)"""
NOW = _Source()
# Few as they are, budgets are always read as they were known: whoever changes one meanwhile is not in it.
PRESENT = NOW._replace(budgets=f"({then.BUDGETS})", months=f"({then.BUDGET_MONTHS})")
AS_OF = PRESENT._replace(categories=f"({then.categories()})", totals=TOTALS_THEN)


def _source(known_at: Moment | None) -> _Source:
    if known_at is None:
        return NOW
    return PRESENT if known_at.is_present else AS_OF


def _at(known_at: Moment | None) -> dict[str, Any]:
    return known_at.parameters if known_at else {}


def _covered(source: _Source) -> str:
    """The budgets asked about, each with its category and all below it."""
    return f"""
        with recursive category as (
            select organization_id, category_id, parent_id, kind from {source.categories} as category
            where organization_id = %(organization_id)s
        ),

        covered as (
            select budget.budget_id, budget.category_id, category.kind = 'income' as is_income
            from {source.budgets} as budget
            inner join category using (organization_id, category_id)
            where budget.organization_id = %(organization_id)s and budget.budget_id = any(%(ids)s)
            union
            select covered.budget_id, category.category_id, covered.is_income
            from covered
            inner join category on category.parent_id = covered.category_id
        )
    """


async def lock(db: Connection, organization_id: UUID) -> None:
    """Let budgets of an organization be changed one after the other, until the transaction ends."""
    await db.execute(
        "select pg_advisory_xact_lock(hashtextextended('books.budgets:' || %s, 0))", [str(organization_id)]
    )


async def budgets(
    db: Connection,
    organization_id: UUID,
    *,
    budget_id: UUID | None = None,
    month: date | None = None,
    known_at: Moment | None = None,
) -> list[DictRow]:
    """This one, or those that have a month; by category."""
    source = _source(known_at)
    query = f"""
        select
            budget.budget_id, budget.category_id, category.name as category, category.kind,
            budget.currency::text as currency, budget.amount, budget.first_month, budget.last_month,
            budget.is_rolled_over, budget.version, budget.created_at, budget.updated_at,
            (
                select coalesce(jsonb_object_agg(own.month, own.amount::text), '{{}}') from {source.months} as own
                where own.organization_id = budget.organization_id and own.budget_id = budget.budget_id
            ) as overrides
        from {source.budgets} as budget
        inner join {source.categories} as category using (organization_id, category_id)
        where budget.organization_id = %(organization_id)s
            and (%(budget_id)s::uuid is null or budget.budget_id = %(budget_id)s)
            and (
                %(month)s::date is null
                or %(month)s between budget.first_month and coalesce(budget.last_month, 'infinity')
            )
        order by lower(category.name), budget.currency, budget.first_month
    """
    known = {"organization_id": organization_id, "budget_id": budget_id, "month": month}
    return await rows(db, query, {**known, **_at(known_at)})


async def overlaps(
    db: Connection,
    organization_id: UUID,
    budget_id: UUID,
    *,
    category_id: UUID,
    currency: str,
    first_month: date,
    last_month: date | None,
) -> bool:
    """Whether another budget of the category and currency has one of these months."""
    query = """
        select from books.budgets
        where organization_id = %(organization_id)s and category_id = %(category_id)s and currency = %(currency)s
            and budget_id <> %(budget_id)s and first_month <= coalesce(%(last_month)s::date, 'infinity')
            and coalesce(last_month, 'infinity') >= %(first_month)s
        limit 1
    """
    known = {"organization_id": organization_id, "budget_id": budget_id, "category_id": category_id}
    months = {"currency": currency, "first_month": first_month, "last_month": last_month}
    return await one(db, query, {**known, **months}) is not None


async def insert(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into books.budgets (
            organization_id, budget_id, category_id, currency, amount, first_month, last_month, is_rolled_over
        ) values (
            %(organization_id)s, %(budget_id)s, %(category_id)s, %(currency)s, %(amount)s, %(first_month)s,
            %(last_month)s, %(is_rolled_over)s
        )
        """,
        {**values, "organization_id": organization_id},
    )


async def update(db: Connection, organization_id: UUID, budget_id: UUID, values: dict[str, Any]) -> None:
    await db.execute(
        """
        update books.budgets set
            amount = %(amount)s, first_month = %(first_month)s, last_month = %(last_month)s,
            is_rolled_over = %(is_rolled_over)s, version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and budget_id = %(budget_id)s
        """,
        {**values, "overrides": None, "organization_id": organization_id, "budget_id": budget_id},
    )


async def override(
    db: Connection, organization_id: UUID, budget_id: UUID, overrides: Mapping[date, Decimal | None]
) -> None:
    """Give months an amount of their own; none takes it away, and so does a month that the budget has no more."""
    parameters = {
        "organization_id": organization_id,
        "budget_id": budget_id,
        "months": list(overrides),
        "amounts": list(overrides.values()),
    }
    await db.execute(
        """
        insert into books.budget_months (organization_id, budget_id, month, amount)
        select %(organization_id)s, %(budget_id)s, month, amount
        from unnest(%(months)s::date[], %(amounts)s::numeric[]) as own (month, amount) where amount is not null
        on conflict (organization_id, budget_id, month) do update set amount = excluded.amount
        """,
        parameters,
    )
    await db.execute(
        """
        delete from books.budget_months as own
        using books.budgets as budget
        where own.organization_id = %(organization_id)s and own.budget_id = %(budget_id)s
            and budget.organization_id = %(organization_id)s and budget.budget_id = own.budget_id
            and (
                own.month not between budget.first_month and coalesce(budget.last_month, 'infinity')
                or own.month in (
                    select month from unnest(%(months)s::date[], %(amounts)s::numeric[]) as gone (month, amount)
                    where amount is null
                )
            )
        """,
        parameters,
    )


async def meet(db: Connection, organization_id: UUID, category_id: UUID, other_id: UUID) -> bool:
    """Whether two categories have budgets of one currency for the same month."""
    query = """
        select from books.budgets as one
        inner join books.budgets as other
            on other.organization_id = one.organization_id and other.currency = one.currency
            and other.category_id = %(other_id)s and other.first_month <= coalesce(one.last_month, 'infinity')
            and coalesce(other.last_month, 'infinity') >= one.first_month
        where one.organization_id = %(organization_id)s and one.category_id = %(category_id)s
        limit 1
    """
    known = {"organization_id": organization_id, "category_id": category_id, "other_id": other_id}
    return await one(db, query, known) is not None


async def reassign(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID) -> None:
    """Let the budgets of a category be another's."""
    await db.execute(
        """
        update books.budgets set category_id = %s, version = version + 1, updated_at = now()
        where organization_id = %s and category_id = %s
        """,
        [heir_id, organization_id, category_id],
    )


async def delete(db: Connection, organization_id: UUID, budget_id: UUID) -> None:
    await db.execute(
        "delete from books.budgets where organization_id = %s and budget_id = %s", [organization_id, budget_id]
    )


async def spent(
    db: Connection,
    organization_id: UUID,
    ids: Sequence[UUID],
    month: date,
    *,
    first: date | None = None,
    since: date | None = None,
    known_at: Moment | None = None,
) -> list[DictRow]:
    """What was spent by budget, month and currency, up to a month; of those not rolled over, from `first` on.

    As of a moment nothing is looked for before `since`.
    """
    source = _source(known_at)
    query = f"""
        {_covered(source)}
        select
            covered.budget_id, total.month, total.currency::text as currency,
            sum(case when covered.is_income then money_in - money_out else money_out - money_in end) as spent
        from covered
        inner join {source.budgets} as budget
            on budget.organization_id = %(organization_id)s and budget.budget_id = covered.budget_id
        inner join {source.totals} as total
            on total.organization_id = %(organization_id)s and total.category_id = covered.category_id
            and total.month between
                case when budget.is_rolled_over then least(budget.first_month, %(first)s) else %(first)s end
                and %(month)s
        where total.transactions > 0
        group by covered.budget_id, total.month, total.currency
    """
    known = {"organization_id": organization_id, "ids": list(ids), "month": month, "first": first or month}
    return await rows(db, query, {**known, "since": since or first or month, **_at(known_at)})


async def covered(
    db: Connection, organization_id: UUID, ids: Sequence[UUID], *, known_at: Moment | None = None
) -> list[DictRow]:
    """The categories that each budget covers."""
    query = f"{_covered(_source(known_at))} select budget_id, category_id from covered order by budget_id, category_id"
    return await rows(db, query, {"organization_id": organization_id, "ids": list(ids), **_at(known_at)})


async def past(
    db: Connection, organization_id: UUID, ids: Sequence[UUID], *, first: date, today: date
) -> list[DictRow]:
    """What each whole month before this one took, by budget, in its currency: all of it, and after today's day."""
    query = f"""
        {_covered(NOW)}
        select
            covered.budget_id, date_trunc('month', total.booked_on::timestamp)::date as month,
            sum(signed.spent) as whole,
            coalesce(sum(signed.spent) filter (
                where extract(day from total.booked_on) > extract(day from %(today)s::date)
            ), 0) as rest
        from covered
        inner join books.budgets as budget
            on budget.organization_id = %(organization_id)s and budget.budget_id = covered.budget_id
        inner join books.daily_totals as total
            on total.organization_id = %(organization_id)s and total.category_id = covered.category_id
            and total.currency = budget.currency and total.booked_on >= %(first)s
            and total.booked_on < date_trunc('month', %(today)s::timestamp)::date
        cross join lateral (
            select case when covered.is_income then money_in - money_out else money_out - money_in end as spent
        ) as signed
        where total.transactions > 0
        group by 1, 2
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(ids), "first": first, "today": today})


async def first_month(db: Connection, organization_id: UUID) -> date | None:
    """The first whole month of the books: the one after that of the first transaction, unless that is its first day."""
    found = await one(
        db,
        """
        select case
            when min(booked_on) = date_trunc('month', min(booked_on)::timestamp)::date then min(booked_on)
            else (date_trunc('month', min(booked_on)::timestamp) + interval '1 month')::date
        end as month
        from books.daily_totals where organization_id = %(organization_id)s and transactions > 0
        """,
        {"organization_id": organization_id},
    )
    return found["month"] if found else None
