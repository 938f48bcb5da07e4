"""Every query on the ledger: what its entries sum to, and which they are."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, rows
from ai2.kit.money import exponent
from ai2.kit.periods import Period
from ai2.reports.model import Column

# Before the first day of anyone's books.
BEGINNING = date(1, 1, 1)
# A period is planned for what it is: a plan for any would read everything.
ENTRIES = """
    select transaction_id, place, section, account_id, category_id, booked_on, amount, currency
    from intermediate.int_ledger__entries_posted
    where organization_id = %(organization_id)s
"""


async def sums(
    db: Connection, organization_id: UUID, columns: Sequence[Column], *, currency: str | None, accounts: Sequence[UUID]
) -> list[DictRow]:
    """What the entries of each column, section, account, category and currency sum to.

    Whole months come from the mart as it is at this moment, the days by which a column is longer or shorter (sign -1)
    from the entries.
    """
    query = f"""
        with figures as (
            select span.key, section, account_id, category_id, currency, amount, entries
            from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
            inner join marts.live_ledger_months as month
                on month.organization_id = %(organization_id)s and month.month between span.first and span.last
            union all
            select edge.key, section, account_id, category_id, currency, sign * amount, sign
            from unnest(%(edge_keys)s::text[], %(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[])
                as edge (key, first, last, sign)
            inner join ({ENTRIES}) as entry on entry.booked_on between edge.first and edge.last
        )
        select key, section, account_id, category_id, currency, sum(amount) as amount, sum(entries)::integer as entries
        from figures
        where (%(currency)s::text is null or currency = %(currency)s)
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
        group by key, section, account_id, category_id, currency
        having sum(entries) > 0
    """
    known = {"organization_id": organization_id, "currency": currency, "accounts": list(accounts) or None}
    return await _planned(db, query, {**known, **_spans(columns)})


async def foreign_days(
    db: Connection, organization_id: UUID, columns: Sequence[Column], *, into: str, accounts: Sequence[UUID]
) -> list[tuple[str, date]]:
    """The currencies and days of which rates are needed to convert the flows of these columns."""
    query = f"""
        select distinct currency, booked_on
        from unnest(%(firsts)s::date[], %(lasts)s::date[]) as span (first, last)
        inner join ({ENTRIES}) as entry on entry.booked_on between span.first and span.last
        where currency <> %(into)s and section <> 'account'
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    """
    known = {"organization_id": organization_id, "into": into, "accounts": list(accounts) or None}
    found = await _planned(db, query, {**known, **_days(columns)})
    return [(row["currency"], row["booked_on"]) for row in found]


async def converted_sums(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    *,
    into: str,
    accounts: Sequence[UUID],
    rates: Mapping[tuple[str, date], Any],
) -> list[DictRow]:
    """The same of flows in other currencies, each entry converted by the rate of its day and rounded.

    `unconverted` counts entries for whose day there is no rate.
    """
    query = f"""
        select
            span.key, section, account_id, category_id, currency,
            sum(round(amount * rate, %(decimals)s)) as amount,
            count(*)::integer as entries, count(*) filter (where rate is null)::integer as unconverted
        from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
        inner join ({ENTRIES}) as entry on entry.booked_on between span.first and span.last
        inner join unnest(%(bases)s::text[], %(days)s::date[], %(rates)s::numeric[]) as known (currency, day, rate)
            using (currency)
        where known.day = entry.booked_on and section <> 'account'
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
        group by span.key, section, account_id, category_id, currency
    """
    known = {
        "organization_id": organization_id,
        "decimals": exponent(into),
        "accounts": list(accounts) or None,
        "bases": [base for base, _ in rates],
        "days": [day for _, day in rates],
        "rates": [rate.rate for rate in rates.values()],
    }
    return await _planned(db, query, {**known, **_days(columns)})


async def openings(db: Connection, organization_id: UUID, accounts: Sequence[UUID]) -> list[DictRow]:
    """What each account held before its first entry; null where nobody knows."""
    query = """
        select account_id, currency, amount
        from intermediate.int_ledger__openings
        where organization_id = %(organization_id)s
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    """
    return await rows(db, query, {"organization_id": organization_id, "accounts": list(accounts) or None})


async def _planned(db: Connection, query: str, known: dict[str, Any]) -> list[DictRow]:
    """The rows of a query that is planned for these days, not for any."""
    return await (await db.execute(query, known, prepare=False)).fetchall()


def _spans(columns: Sequence[Column]) -> dict[str, Any]:
    """Columns as whole months, and as the days by which they differ from these."""
    whole, edges = [], []
    for column in columns:
        (first, last), days = Period(column.start or BEGINNING, column.end).in_months()
        whole.append((column.key, first, last))
        edges += [(column.key, *edge) for edge in days]
    keys, firsts, lasts = zip(*whole, strict=True) if whole else ((), (), ())
    edge_keys, edges_from, edges_to, signs = zip(*edges, strict=True) if edges else ((), (), (), ())
    return {
        "keys": list(keys), "firsts": list(firsts), "lasts": list(lasts),
        "edge_keys": list(edge_keys), "edges_from": list(edges_from), "edges_to": list(edges_to), "signs": list(signs),
    }  # fmt: skip


def _days(columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "keys": [column.key for column in columns],
        "firsts": [column.start or BEGINNING for column in columns],
        "lasts": [column.end for column in columns],
    }
