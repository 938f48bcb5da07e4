"""Every query on the ledger: what its entries sum to, and which they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection, hashed, rows
from ai2.kit.money import exponent
from ai2.kit.periods import ONE_DAY, Period, months
from ai2.reports.ledger import as_of_repository as then
from ai2.reports.model import Column

# Before the first day of anyone's books.
BEGINNING = date(1, 1, 1)
OF_REPORT = """
    (%(currency)s::text is null or currency = %(currency)s)
    and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
"""
# A period is planned for what it is: a plan for any would read everything.
ENTRIES = """
    select transaction_id, place, section, account_id, category_id, booked_on, amount, currency
    from intermediate.int_ledger__entries_posted
    where organization_id = %(organization_id)s
"""
OPENINGS = """
    select account_id, currency, amount
    from intermediate.int_ledger__openings
    where organization_id = %(organization_id)s
"""


def entries_at(as_of: Moment | None) -> str:
    """The entries as they are; as they were known at a moment, where somebody has written since."""
    return ENTRIES if as_of is None or as_of.is_present else then.ENTRIES


def openings_at(as_of: Moment | None) -> str:
    """What accounts began with, likewise."""
    return OPENINGS if as_of is None or as_of.is_present else then.OPENINGS


def at(as_of: Moment | None) -> dict[str, Any]:
    """What these ask for."""
    return {} if as_of is None or as_of.is_present else as_of.parameters


@dataclass(frozen=True)
class By:
    """Whether sums are apart by account and by category. The legs of accounts are left out where they are not."""

    account: bool = True
    category: bool = True

    @property
    def columns(self) -> str:
        """What a query selects."""
        account = "account_id" if self.account else "null::uuid as account_id"
        return f"{account}, {'category_id' if self.category else 'null::uuid as category_id'}"

    @property
    def names(self) -> str:
        """What it groups by, each with a comma."""
        return "account_id, " * self.account + "category_id, " * self.category

    @property
    def sections(self) -> str:
        """What it filters by."""
        return "true" if self.account else "section <> 'account'"


ALL = By()


async def sums(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    *,
    currency: str | None,
    accounts: Sequence[UUID],
    by: By = ALL,
    as_of: Moment | None = None,
) -> list[DictRow]:
    """What the entries of each column, section, account, category and currency sum to.

    Whole months come from the mart as it is at this moment, the days by which a column is longer or shorter (sign -1)
    from the entries. No mart has the months as of a moment. No entry is of a day before `since`.
    """
    known = {"organization_id": organization_id, "currency": currency, "accounts": list(accounts) or None}
    if as_of and not as_of.is_present:
        return await _planned(db, SUMS_AS_OF, {**known, **_days(columns), **as_of.parameters})
    query = f"""
        with months as (
            select month, section, {by.columns}, currency, sum(amount) as amount, sum(entries) as entries
            from marts.live_ledger_months
            where organization_id = %(organization_id)s and month between %(since)s and %(until)s and {by.sections}
                and {OF_REPORT}
            group by month, section, {by.names} currency
        ),

        figures as (
            select span.key, section, account_id, category_id, currency, amount, entries, month as since
            from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
            inner join months on months.month between span.first and span.last
            union all
            select edge.key, section, {by.columns}, currency, sign * amount, sign, booked_on
            from unnest(%(edge_keys)s::text[], %(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[])
                as edge (key, first, last, sign)
            -- each has its own days read by their index
            cross join lateral ({ENTRIES} and booked_on between edge.first and edge.last offset 0) as entry
            where {by.sections} and {OF_REPORT}
        )

        select
            key, section, account_id, category_id, currency, sum(amount) as amount, sum(entries)::integer as entries,
            min(since) as since
        from figures
        group by key, section, account_id, category_id, currency
        having sum(entries) > 0
    """
    return await _planned(db, query, {**known, **_spans(columns)})


# Each day is summed once, however many columns it is in.
SUMS_AS_OF = f"""
    with days as materialized (
        select booked_on, section, account_id, category_id, currency, sum(amount) as amount, count(*) as entries
        from ({then.ENTRIES}) as entry
        where booked_on between (select min(each) from unnest(%(firsts)s::date[]) as each)
                and (select max(each) from unnest(%(lasts)s::date[]) as each)
            and (%(currency)s::text is null or currency = %(currency)s)
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
        group by booked_on, section, account_id, category_id, currency
    )
    select
        span.key, section, account_id, category_id, currency, sum(amount) as amount, sum(entries)::integer as entries,
        min(booked_on) as since
    from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
    inner join days on days.booked_on between span.first and span.last
    group by span.key, section, account_id, category_id, currency
"""


async def foreign_days(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    *,
    into: str,
    accounts: Sequence[UUID],
    as_of: Moment | None = None,
) -> list[tuple[str, date]]:
    """The currencies and days of which rates may be needed to convert the flows of these columns.

    All days of a month in which there is one: to ask for a rate more costs less than to look for the days.
    """
    months_of = "marts.live_ledger_months"
    if as_of and not as_of.is_present:
        months_of = f"""(
            select date_trunc('month', booked_on::timestamp)::date as month, entry.*, %(organization_id)s::uuid as
                organization_id
            from ({then.ENTRIES}) as entry where booked_on between %(since)s and %(until)s
        ) as entry"""
    query = f"""
        select distinct currency, month
        from {months_of}
        where organization_id = %(organization_id)s and month between %(since)s and %(until)s
            and currency <> %(into)s and section <> 'account'
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    """
    first, last = _extent(columns)
    known = {
        "organization_id": organization_id, "into": into, "accounts": list(accounts) or None,
        "since": first.replace(day=1), "until": last, **at(as_of),
    }  # fmt: skip
    found = await _planned(db, query, known)
    return [
        (row["currency"], day)
        for row in found
        for day in days_between(max(first, row["month"]), min(last, months(row["month"], 1).end))
    ]


async def foreign_accounts(db: Connection, organization_id: UUID, *, into: str, accounts: Sequence[UUID]) -> list[UUID]:
    """The accounts in other currencies: an account's entries are all in its own."""
    query = """
        select account_id from published.accounts
        where organization_id = %(organization_id)s and currency <> %(into)s
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    """
    known = {"organization_id": organization_id, "into": into, "accounts": list(accounts) or None}
    return [row["account_id"] for row in await rows(db, query, known)]


async def converted_sums(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    *,
    into: str,
    accounts: Sequence[UUID],
    rates: Mapping[tuple[str, date], Any],
    by: By = ALL,
    as_of: Moment | None = None,
) -> list[DictRow]:
    """The same of flows of these accounts in other currencies, each entry converted by the rate of its day and rounded.

    `silent_on` is a day of an entry for which there is no rate. Each entry is read once, whatever columns it is in:
    what lies between two days on which a column begins or ends is summed first.
    """
    query = f"""
        with pieces as (
            select
                (%(starts)s::date[])[width_bucket(booked_on, %(starts)s::date[])] as first,
                section, {by.columns}, currency,
                coalesce(sum(round(amount * rate, %(decimals)s)), 0) as amount,
                count(*) as entries,
                min(booked_on) filter (where rate is null and amount <> 0) as silent_on
            from (
                {entries_at(as_of)} and booked_on between %(since)s and %(until)s and currency <> %(into)s
                    and account_id = any(%(accounts)s)
            ) as entry
            inner join unnest(%(bases)s::text[], %(days)s::date[], %(rates)s::numeric[]) as known (currency, day, rate)
                using (currency)
            where known.day = entry.booked_on and section <> 'account'
            group by first, section, {by.names} currency
        )

        select
            span.key, section, account_id, category_id, currency, sum(amount) as amount,
            sum(entries)::integer as entries, min(silent_on) as silent_on
        from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
        inner join pieces on pieces.first between span.first and span.last
        group by span.key, section, account_id, category_id, currency
    """
    first, last = _extent(columns)
    known = {
        "organization_id": organization_id,
        "into": into,
        "decimals": exponent(into),
        "accounts": list(accounts),
        "since": first,
        "until": last,
        "bases": [base for base, _ in rates],
        "days": [day for _, day in rates],
        "rates": [rate.rate for rate in rates.values()],
        **_days(columns),
        **at(as_of),
    }
    async with hashed(db):
        return await _planned(db, query, known)


async def openings(
    db: Connection, organization_id: UUID, accounts: Sequence[UUID], *, as_of: Moment | None = None
) -> list[DictRow]:
    """What each account held before its first entry; null where nobody knows."""
    query = f"""
        select account_id, currency, amount from ({openings_at(as_of)}) as opening
        where %(accounts)s::uuid[] is null or account_id = any(%(accounts)s)
    """
    known = {"organization_id": organization_id, "accounts": list(accounts) or None}
    return await rows(db, query, {**known, **at(as_of)})


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
        "since": min(firsts, default=BEGINNING), "until": max(lasts, default=BEGINNING),
        "edge_keys": list(edge_keys), "edges_from": list(edges_from), "edges_to": list(edges_to), "signs": list(signs),
    }  # fmt: skip


def _days(columns: Sequence[Column]) -> dict[str, Any]:
    """Columns as days, and the days on which one begins or has ended."""
    firsts = [column.start or BEGINNING for column in columns]
    return {
        "keys": [column.key for column in columns],
        "firsts": firsts,
        "lasts": [column.end for column in columns],
        "starts": sorted({*firsts, *(column.end + ONE_DAY for column in columns)}),
    }


def _extent(columns: Sequence[Column]) -> tuple[date, date]:
    """The first and the last day of any."""
    return min(column.start or BEGINNING for column in columns), max(column.end for column in columns)


def days_between(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + ONE_DAY * number for number in range((last - first).days + 1)]
