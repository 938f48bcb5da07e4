"""Every query on selections of the ledger's entries: what they come to by dimension, and which they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.kit.money import exponent
from ai2.reports.custom import as_of_repository as then
from ai2.reports.custom.selection import (
    EXPRESSIONS,
    NONE,
    OF_TRANSACTION,
    Values,
    by_dimension,
    conditions,
    is_monthly,
    joins,
)
from ai2.reports.ledger.entries_repository import DETAILS_AS_OF, After, Leaf
from ai2.reports.ledger.repository import BEGINNING, ENTRIES, _days, _planned, _spans, at
from ai2.reports.model import Column, Where

# Each measure, of entries together. What went in or out is seen from the accounts: money in is positive.
SUMS = """
    sum(amount) as amount,
    coalesce(sum(amount) filter (where section = 'income'), 0) as income,
    coalesce(-sum(amount) filter (where section = 'expense'), 0) as expense,
    coalesce(sum(amount) filter (where section in ('income', 'expense')), 0) as net,
    sum(entries)::bigint as count,
    min(amount) as smallest,
    max(amount) as largest,
    sum(unconverted)::bigint as unconverted
"""
AGAIN = """
    sum(amount) as amount, sum(income) as income, sum(expense) as expense, sum(net) as net, sum(count)::bigint as count,
    min(smallest) as smallest, max(largest) as largest, sum(unconverted)::bigint as unconverted
"""
BY_SIZE = {
    "amount": "abs(sum(amount))", "income": "abs(sum(income))", "expense": "abs(sum(expense))",
    "net": "abs(sum(net))", "count": "sum(count)", "average": "abs(sum(amount) / sum(count))",
    "smallest": "-min(smallest)", "largest": "max(largest)",
}  # fmt: skip
FLOWS = "section in ('income', 'expense', 'transfer')"
# The ledger's legs that are not of accounts, with what is known of them without looking into the transaction again.
PARTS = """
    select
        transaction_id, place, coalesce(category_kind, type) as section, account_id, category_id, booked_on,
        -amount as amount, currency, merchant_key, decided_by
    from intermediate.int_books__transaction_parts
    where organization_id = %(organization_id)s
"""
ROWS = f"""
    select span.key, each.*, 1 as entries
    from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
    inner join ({PARTS}) as each on each.booked_on between span.first and span.last
"""
MONTHS = f"""
    select span.key, null::uuid as transaction_id, 1 as place, section, account_id, category_id, month as booked_on,
        currency, amount, entries
    from unnest(%(keys)s::text[], %(firsts)s::date[], %(lasts)s::date[]) as span (key, first, last)
    inner join marts.live_ledger_months as month
        on month.organization_id = %(organization_id)s and month.month between span.first and span.last
    where {FLOWS}
    union all
    select edge.key, null, 1, each.section, each.account_id, each.category_id, each.booked_on, each.currency,
        edge.sign * each.amount, edge.sign
    from unnest(%(edge_keys)s::text[], %(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[])
        as edge (key, first, last, sign)
    inner join ({ENTRIES} and {FLOWS}) as each on each.booked_on between edge.first and edge.last
"""
# Where they came from.
DETAILS = """
    select
        page.*, transaction.description, transaction.decided_version,
        transaction.confidence::float8 as confidence, transaction.batch_id, transaction.line_number, batch.file_name
    from page
    inner join published.transactions as transaction
        on transaction.organization_id = %(organization_id)s and transaction.transaction_id = page.transaction_id
    left join published.batches as batch
        on batch.organization_id = %(organization_id)s and batch.batch_id = transaction.batch_id
"""
DIMENSIONS = ("d1", "d2", "d3")
# Between values, in none of which it is.
SEPARATOR = "\x1f"


@dataclass(frozen=True, kw_only=True)
class Cube:
    """What is asked of the entries."""

    dimensions: Sequence[str]
    measures: Sequence[str]
    filters: Mapping[str, Values]
    # the columns by which rows are ranked, and the measure
    own: Sequence[str]
    rows: int
    # month by which the fiscal year is later than the calendar's
    fiscal: int
    into: str | None
    accounts: Sequence[UUID]


async def cube(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    asked: Cube,
    rates: Mapping[tuple[str, date], Any],
    as_of: Moment | None = None,
) -> list[DictRow]:
    """Each measure by column, currency and values of the dimensions: the largest rows, the others together, and all.

    `kind` is row, other or total. As it is, or as it was known at a moment.
    """
    is_past, is_quick = bool(at(as_of)), not rates and is_monthly(asked.dimensions, asked.measures, asked.filters)
    source, first = MONTHS if is_quick else ROWS, ""
    if is_past:
        with_words = bool({*asked.dimensions, *asked.filters} & OF_TRANSACTION)
        source = then.BY_DAY if is_quick else then.BY_ENTRY
        first = then.DAYS if is_quick else then.rows(with_words=with_words)
    query = f"""
        with {first} seen as ({seen(asked, source, is_past=is_past)}),

        grouped as (
            select key, currency, d1, d2, d3, {SUMS} from seen group by key, currency, d1, d2, d3
        ),

        ranked as (
            select
                currency, d1, d2, d3,
                row_number() over (
                    partition by currency
                    order by
                        coalesce({_by_size(asked)}, 0) desc,
                        d1, d2, d3
                ) as rank
            from (select *, key = any(%(ranked_by)s) as is_own from grouped) as grouped
            group by currency, d1, d2, d3
        ),

        shown as (
            select grouped.*, ranked.rank, ranked.rank <= %(most)s as is_shown
            from grouped inner join ranked using (currency, d1, d2, d3)
        )

        select
            case when is_shown then 'row' else 'other' end as kind, key, currency,
            case when is_shown then d1 end as d1, case when is_shown then d2 end as d2,
            case when is_shown then d3 end as d3, min(rank) as rank, {AGAIN}
        from shown group by 1, 2, 3, 4, 5, 6
        having sum(count) > 0
        union all
        select 'total', key, currency, null, null, null, null, {SUMS}
        from seen where is_first group by key, currency having sum(entries) > 0
    """
    spans = _spans(columns) if is_quick and not is_past else _days(columns)
    given = {
        **spans, **parameters(organization_id, asked, rates), **at(as_of), "ranked_by": list(asked.own),
        "most": asked.rows,
    }  # fmt: skip
    return await _planned(db, query, given)


def seen(asked: Cube, source: str, *, is_past: bool, more: str = "") -> str:
    """The entries that count, each with the values of its dimensions and what it is in the report's currency."""
    values = [EXPRESSIONS[each] for each in asked.dimensions]
    named = ", ".join(
        f"coalesce({values[place]}, '') as {name}" if place < len(values) else f"''::text as {name}"
        for place, name in enumerate(DIMENSIONS)
    )
    is_first = "coalesce(tag.number, 1) = 1" if "tag" in asked.dimensions else "true"
    return f"""
        select
            entry.key, entry.section, entry.entries, coalesce(%(into)s::text, entry.currency) as currency,
            {named}, {is_first} as is_first {more},
            -case
                when %(into)s::text is null or entry.currency = %(into)s then entry.amount
                else round(entry.amount * known.rate, %(decimals)s)
            end as amount,
            case
                when %(into)s::text is not null and entry.currency <> %(into)s and known.rate is null
                    then entry.entries
                else 0
            end as unconverted
        from ({source}) as entry
        left join unnest(%(bases)s::text[], %(days)s::date[], %(rates)s::numeric[]) as known (base, day, rate)
            on known.base = entry.currency and known.day = entry.booked_on
        {joins(asked.dimensions, asked.filters, is_past=is_past)}
        where (%(accounts)s::uuid[] is null or entry.account_id = any(%(accounts)s))
            and {conditions(asked.filters)[0]}
    """


def parameters(organization_id: UUID, asked: Cube, rates: Mapping[tuple[str, date], Any]) -> dict[str, Any]:
    """What `seen` asks for."""
    return {
        **conditions(asked.filters)[1], "organization_id": organization_id, "fiscal": asked.fiscal, "into": asked.into,
        "accounts": list(asked.accounts) or None, "decimals": exponent(asked.into) if asked.into else 0,
        "bases": [base for base, _ in rates],
        "days": [day for _, day in rates],
        "rates": [rate.rate for rate in rates.values()],
    }  # fmt: skip


def _by_size(asked: Cube) -> str:
    """What rows are ranked by: the first measure, of the columns that are not compared with."""
    size = BY_SIZE[asked.measures[0]]
    return size if not asked.own else _filtered(size)


def _filtered(size: str) -> str:
    for function in ("sum", "min", "max"):
        for name in ("amount", "income", "expense", "net", "count", "smallest", "largest"):
            size = size.replace(f"{function}({name})", f"{function}({name}) filter (where is_own)")
    return size.replace("/ sum(count) filter (where is_own)", "/ nullif(sum(count) filter (where is_own), 0)")


async def entries(
    db: Connection,
    organization_id: UUID,
    leaves: Sequence[Leaf],
    column: Column,
    currency: str | None,
    *,
    fiscal: int,
    excluded: Sequence[Mapping[str, str | None]],
    accounts: Sequence[UUID],
    after: After | None,
    limit: int,
    as_of: Moment | None = None,
) -> list[DictRow]:
    """Entries behind these lines, by day, with where they came from. `excluded` are the rows that `other` is not of."""
    is_past = bool(at(as_of))
    known: dict[str, Any] = {}
    pieces = []
    for number, (line, sign) in enumerate(leaves):
        piece, own = _piece(number, line.key, line.where or Where(), sign, column, excluded, is_past=is_past)
        pieces.append(piece)
        known |= own
    query = f"""
        with page as materialized (
            select * from ({" union all ".join(pieces)}) as entry
            where (%(currency)s::text is null or currency = %(currency)s)
                and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
                and (%(after)s::date is null
                    or (booked_on, transaction_id, place, leaf)
                        > (%(after)s, %(after_id)s::uuid, %(after_place)s::integer, %(after_leaf)s::bigint))
            order by booked_on, transaction_id, place, leaf limit %(limit)s
        )
        {DETAILS_AS_OF if is_past else DETAILS}
        order by page.booked_on, page.transaction_id, page.place, page.leaf
    """
    given = {
        **known, **at(as_of), "organization_id": organization_id, "currency": currency,
        "accounts": list(accounts) or None,
        "first": column.start or BEGINNING, "last": column.end, "fiscal": fiscal,
        "after": after and after.booked_on, "after_id": after and after.transaction_id,
        "after_place": after and after.place, "after_leaf": after and after.leaf, "limit": limit,
    }  # fmt: skip
    return await _planned(db, query, given)


def _piece(
    number: int,
    line: str,
    where: Where,
    sign: int,
    column: Column,
    excluded: Sequence[Mapping[str, str | None]],
    *,
    is_past: bool,
) -> tuple[str, dict[str, Any]]:
    """The entries of one line."""
    filters = by_dimension(where.dimensions)
    dimensions = [*excluded[0]] if where.item == "other" and excluded else []
    # of one tag an entry counts once, of all others once for each
    used = dimensions if "tag" in dimensions else []
    told, known = conditions(filters, f"f{number}")
    if dimensions:
        # one text of all values: a list of texts is hashed, a table of them is gone through for each entry
        told += f" and {_together(dimensions)} <> all(%(x{number})s::text[])"
        known[f"x{number}"] = [SEPARATOR.join(each[name] or NONE for name in dimensions) for each in excluded]
    tag = "coalesce(tag.number, 1)" if used else "1"
    key = f"l{number}"
    piece = f"""
        select entry.*, false as is_balance, %({key}_line)s::text as line, %({key}_sign)s::integer as sign,
            {number * 1_000_000}::bigint + {tag} as leaf
        from ({then.PARTS if is_past else PARTS} and booked_on between %(first)s and %(last)s) as entry
        {joins(used, {*filters, *dimensions}, is_past=is_past)}
        where entry.section = any(%({key}_sections)s::text[]) and {told}
    """
    sections, own_sign = OF_MEASURE.get(str(column.measure)) or ([*where.sections], where.sign)
    known |= {f"{key}_line": line, f"{key}_sign": sign * own_sign, f"{key}_sections": sections}
    return piece, known


# The sections and the sign that a measure is of; of other columns the line says it.
OF_MEASURE = {
    "income": (["income"], -1), "expense": (["expense"], 1), "net": (["income", "expense"], -1),
}  # fmt: skip


def _together(dimensions: Sequence[str]) -> str:
    told = ", ".join(f"coalesce({EXPRESSIONS[name]}, '')" for name in dimensions)
    return f"concat_ws(chr({ord(SEPARATOR)}), {told})"
