"""Every query of key figures and trends that the ledger's sums do not answer: merchants, days, and what is known."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection
from ai2.kit.money import exponent
from ai2.kit.periods import Period

# What counts as which, as in the ledger: a refund for what it refunds; without a category only the sign is known.
INCOME = """
    case
        when kind = 'income' then money_in - money_out when kind = 'expense' then 0 when kind is null then money_in
        else 0
    end
"""
EXPENSE = """
    case
        when kind = 'expense' then money_out - money_in when kind = 'income' then 0 when kind is null then money_out
        else 0
    end
"""
# Entries with the merchant of their transaction; the amount is a debit: above zero it was spent.
ENTRIES = """
    select
        entry.section, entry.booked_on, entry.amount, entry.currency, transaction.merchant_key
    from intermediate.int_ledger__entries_posted as entry
    inner join books.transactions as transaction
        on transaction.organization_id = %(organization_id)s and transaction.transaction_id = entry.transaction_id
    where entry.organization_id = %(organization_id)s and entry.section in ('income', 'expense')
        and (%(merchant_keys)s::text[] is null or transaction.merchant_key = any(%(merchant_keys)s))
"""


async def merchants(
    db: Connection, organization_id: UUID, periods: Mapping[str, Period], keys: Sequence[str] | None = None
) -> list[DictRow]:
    """What each merchant gave and took in each of these periods and currencies.

    Whole months come from totals, the days by which a period is longer or shorter (sign -1) from the ledger's entries.
    """
    query = f"""
        with figures as (
            select
                span.key, total.merchant_key, total.currency::text as currency, {INCOME} as income, {EXPENSE} as expense
            from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
            inner join books.merchant_totals as total
                on total.organization_id = %(organization_id)s and total.month between span.first and span.last
            left join books.categories as category
                on category.organization_id = %(organization_id)s and category.category_id = total.category_id
            where total.transactions > 0
                and (%(merchant_keys)s::text[] is null or total.merchant_key = any(%(merchant_keys)s))
            union all
            select
                edge.key, entry.merchant_key, entry.currency,
                case when entry.section = 'income' then -sign * entry.amount else 0 end,
                case when entry.section = 'expense' then sign * entry.amount else 0 end
            from unnest(%(edge_keys)s::text[], %(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[])
                as edge (key, first, last, sign)
            inner join ({ENTRIES}) as entry on entry.booked_on between edge.first and edge.last
        )
        select key, merchant_key, currency, sum(income) as income, sum(expense) as expense
        from figures
        group by key, merchant_key, currency
        having sum(income) <> 0 or sum(expense) <> 0
    """
    known = {"organization_id": organization_id, "merchant_keys": list(keys) if keys else None}
    return await _planned(db, query, {**known, **_spans(periods)})


async def converted_merchants(
    db: Connection,
    organization_id: UUID,
    periods: Mapping[str, Period],
    *,
    into: str,
    rates: Mapping[tuple[str, date], Any],
    keys: Sequence[str] | None = None,
) -> list[DictRow]:
    """The same in one currency: each entry by the rate of its day, and rounded. `unconverted` counts those without."""
    query = f"""
        select
            span.key, entry.merchant_key, %(into)s::text as currency,
            coalesce(-sum(worth.amount) filter (where entry.section = 'income'), 0) as income,
            coalesce(sum(worth.amount) filter (where entry.section = 'expense'), 0) as expense,
            count(*) filter (where worth.amount is null)::integer as unconverted
        from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
        inner join ({ENTRIES}) as entry on entry.booked_on between span.first and span.last
        left join unnest(%(bases)s::text[], %(days)s::date[], %(rates)s::numeric[]) as known (currency, day, rate)
            on known.currency = entry.currency and known.day = entry.booked_on
        cross join lateral (
            select
                case
                    when entry.currency = %(into)s then entry.amount
                    else round(entry.amount * known.rate, %(decimals)s)
                end as amount
        ) as worth
        group by span.key, entry.merchant_key
    """
    known = {
        "organization_id": organization_id, "into": into, "decimals": exponent(into),
        "merchant_keys": list(keys) if keys else None,
        "bases": [base for base, _ in rates], "days": [day for _, day in rates],
        "rates": [rate.rate for rate in rates.values()],
        "keys": list(periods), "firsts": [each.start for each in periods.values()],
        "lasts": [each.end for each in periods.values()],
    }  # fmt: skip
    return await _planned(db, query, known)


async def merchant_names(db: Connection, organization_id: UUID, keys: Sequence[str]) -> dict[str, str]:
    """What merchants are called in the books; those without a name are left out."""
    query = """
        select merchant_key, max(merchant) as merchant
        from books.transactions
        where organization_id = %(organization_id)s and merchant_key = any(%(keys)s) and deleted_at is null
            and merchant <> ''
        group by merchant_key
    """
    found = await _planned(db, query, {"organization_id": organization_id, "keys": list(keys)})
    return {row["merchant_key"]: row["merchant"] for row in found}


async def by_day(db: Connection, organization_id: UUID, period: Period, category_id: UUID | None) -> list[DictRow]:
    """Income and expenses of each day and currency; of one category where it is named."""
    query = f"""
        select booked_on, currency::text as currency, sum({INCOME}) as income, sum({EXPENSE}) as expense
        from (
            select total.booked_on, total.currency, total.money_in, total.money_out, category.kind
            from books.daily_totals as total
            left join books.categories as category
                on category.organization_id = %(organization_id)s and category.category_id = total.category_id
            where total.organization_id = %(organization_id)s and total.booked_on between %(start)s and %(end)s
                and total.transactions > 0
                and (%(category_id)s::uuid is null or total.category_id = %(category_id)s)
        ) as told
        group by booked_on, currency
    """
    known = {"organization_id": organization_id, "start": period.start, "end": period.end, "category_id": category_id}
    return await _planned(db, query, known)


async def _planned(db: Connection, query: str, known: dict[str, Any]) -> list[DictRow]:
    """The rows of a query that is planned for these days, not for any."""
    return await (await db.execute(query, known, prepare=False)).fetchall()


def _spans(periods: Mapping[str, Period]) -> dict[str, Any]:
    """Periods as whole months, and as the days by which they differ from these."""
    whole, edges = [], []
    for key, period in periods.items():
        (first, last), days = period.in_months()
        whole.append((key, first, last))
        edges += [(key, *edge) for edge in days]
    keys, firsts, lasts = zip(*whole, strict=True) if whole else ((), (), ())
    edge_keys, edges_from, edges_to, signs = zip(*edges, strict=True) if edges else ((), (), (), ())
    return {
        "keys": list(keys), "firsts": list(firsts), "lasts": list(lasts),
        "edge_keys": list(edge_keys), "edges_from": list(edges_from), "edges_to": list(edges_to), "signs": list(signs),
    }  # fmt: skip
