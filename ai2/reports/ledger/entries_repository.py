"""Every query on the entries behind a cell."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.reports.ledger.repository import BEGINNING, at, entries_at, openings_at
from ai2.reports.model import Column, Line

# Items as rows; an entry that several name counts for each of them.
LEAVES = """
    unnest(
        %(leaf_lines)s::text[], %(leaf_signs)s::integer[], %(leaf_sections)s::text[], %(leaf_has_category)s::boolean[],
        %(leaf_categories)s::uuid[], %(leaf_accounts)s::uuid[], %(leaf_is_balance)s::boolean[]
    ) with ordinality as leaf (line, sign, section, has_category, category_id, account_id, is_balance, leaf)
"""
ON_LEAF = """
    entry.section = leaf.section
    and (not leaf.has_category or entry.category_id is not distinct from leaf.category_id)
    and (leaf.account_id is null or entry.account_id = leaf.account_id)
"""
OF_REPORT = """
    (%(currency)s::text is null or entry.currency = %(currency)s)
    and (%(accounts)s::uuid[] is null or entry.account_id = any(%(accounts)s))
"""
# Where they came from is known by the row, or by the version that it was then.
DETAILS = """
        select
            page.*, transaction.description, transaction.decided_by, transaction.decided_version,
            transaction.confidence::float8 as confidence, transaction.batch_id, transaction.line_number,
            batch.file_name
        from page
        inner join published.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = page.transaction_id
        left join published.batches as batch
            on batch.organization_id = %(organization_id)s and batch.batch_id = transaction.batch_id
"""
DETAILS_AS_OF = """
        select page.*, batch.file_name
        from page
        left join published.batches as batch
            on batch.organization_id = %(organization_id)s and batch.batch_id = page.batch_id
"""


# Which entries may be behind any of the items: what an index can answer. Null is what all have.
MAY_BE = """
    section = any(%(sections)s)
    and (%(leaf_account_ids)s::uuid[] is null or account_id = any(%(leaf_account_ids)s))
    and (
        %(category_ids)s::uuid[] is null or category_id = any(%(category_ids)s)
        or (%(with_uncategorised)s and category_id is null)
    )
"""
# The parts of a split one have categories of their own.
UNTIL = """
    with candidates as (
        (
            select booked_on from published.transactions as entry
            where {whole}
                and (
                    %(category_ids)s::uuid[] is null or category_id = any(%(category_ids)s)
                    or (%(with_uncategorised)s and category_id is null)
                )
            order by booked_on limit %(number)s
        )
        union all
        (select booked_on from published.transactions as entry where {split} order by booked_on limit %(number)s)
        order by booked_on limit %(number)s
    )
    select max(booked_on) as until, count(*) as candidates from candidates
""".format(
    **{
        name: f"""
        organization_id = %(organization_id)s and deleted_at is null and status = 'posted'
        and booked_on between %(first)s and %(last)s and splits is {null}
        and (%(leaf_account_ids)s::uuid[] is null or account_id = any(%(leaf_account_ids)s))
        and {OF_REPORT}
    """
        for name, null in (("whole", "null"), ("split", "not null"))
    }
)


def _page(as_of: Moment | None) -> str:
    return f"""
        with page as materialized (
            select entry.*, leaf.line, leaf.sign, leaf.is_balance, leaf.leaf
            from {LEAVES}
            inner join (
                {entries_at(as_of)} and booked_on between %(first)s and %(last)s and {MAY_BE}
            ) as entry on {ON_LEAF}
            where {OF_REPORT}
                and (%(after)s::date is null
                    or (entry.booked_on, entry.transaction_id, entry.place, leaf.leaf)
                        > (%(after)s, %(after_id)s::uuid, %(after_place)s::integer, %(after_leaf)s::bigint))
            order by entry.booked_on, entry.transaction_id, entry.place, leaf.leaf limit %(limit)s
        )
        {DETAILS_AS_OF if at(as_of) else DETAILS}
        order by page.booked_on, page.transaction_id, page.place, page.leaf
    """


class Leaf(NamedTuple):
    """An item, and the sign by which it counts."""

    line: Line
    sign: int


class After(NamedTuple):
    """The entry after which a page begins."""

    booked_on: date
    transaction_id: UUID
    place: int
    leaf: int


async def entries(
    db: Connection,
    organization_id: UUID,
    leaves: Sequence[Leaf],
    column: Column,
    currency: str | None,
    *,
    accounts: Sequence[UUID],
    after: After | None,
    limit: int,
    as_of: Moment | None = None,
) -> list[DictRow]:
    """Entries behind these items, by day, with where they came from."""
    if not leaves:
        return []
    known = {
        **_known(organization_id, leaves, currency, accounts),
        "first": after.booked_on if after else column.start or BEGINNING,
        "last": column.end,
        "after": after and after.booked_on,
        "after_id": after and after.transaction_id,
        "after_place": after and after.place,
        "after_leaf": after and after.leaf,
        "limit": limit,
        **at(as_of),
    }
    query = _page(as_of)
    if at(as_of):  # days are looked for among the rows of the present
        return await (await db.execute(query, known, prepare=False)).fetchall()
    candidates, found = limit, list[DictRow]()
    while len(found) < limit:
        until = await _day_of(db, known, candidates)
        found = await (await db.execute(query, {**known, "last": until or column.end}, prepare=False)).fetchall()
        if until is None:
            break
        candidates *= 8
    return found


async def _day_of(db: Connection, known: dict[str, Any], number: int) -> date | None:
    """Up to which day so many transactions lie that may be behind these items, so that no more need be read."""
    found = await (await db.execute(UNTIL, {**known, "number": number}, prepare=False)).fetchone()
    return found["until"] if found and found["candidates"] >= number else None


async def openings(
    db: Connection,
    organization_id: UUID,
    leaves: Sequence[Leaf],
    currency: str | None,
    *,
    accounts: Sequence[UUID],
    as_of: Moment | None = None,
) -> list[DictRow]:
    """What accounts began with, behind these items: a debit of the account, and a credit of `opening`."""
    if not leaves:
        return []
    query = f"""
        select leaf.line, leaf.sign, leaf.is_balance, entry.account_id, entry.currency, entry.amount
        from {LEAVES}
        inner join (
            select
                account_id, currency, legs.section, null::uuid as category_id,
                case when legs.section = 'account' then amount else -amount end as amount
            from ({openings_at(as_of)}) as opening
            cross join (values ('account'), ('opening')) as legs (section)
            where amount <> 0
        ) as entry on {ON_LEAF}
        where {OF_REPORT}
        order by leaf.leaf, entry.account_id
    """
    known = {**_known(organization_id, leaves, currency, accounts), **at(as_of)}
    return await (await db.execute(query, known, prepare=False)).fetchall()


def _known(
    organization_id: UUID, leaves: Sequence[Leaf], currency: str | None, accounts: Sequence[UUID]
) -> dict[str, Any]:
    found = [
        (line.key, sign * line.where.sign, section, line.where)
        for line, sign in leaves
        if line.where
        for section in line.where.sections
    ]
    wheres = [where for *_, where in found]
    return {
        "organization_id": organization_id,
        "currency": currency,
        "sections": [section for _, _, section, _ in found],
        "leaf_account_ids": _all_of([where.account_id for where in wheres]),
        "category_ids": [where.category_id for where in wheres if where.category_id]
        if all(where.has_category for where in wheres)
        else None,
        "with_uncategorised": any(where.category_id is None for where in wheres),
        "accounts": list(accounts) or None,
        "leaf_lines": [line for line, *_ in found],
        "leaf_signs": [sign for _, sign, *_ in found],
        "leaf_sections": [section for _, _, section, _ in found],
        "leaf_has_category": [where.has_category for *_, where in found],
        "leaf_categories": [where.category_id for *_, where in found],
        "leaf_accounts": [where.account_id for *_, where in found],
        "leaf_is_balance": [where.is_balance for *_, where in found],
    }


def _all_of(ids: Sequence[UUID | None]) -> list[UUID] | None:
    """These, where each is one."""
    return None if None in ids else [each for each in ids if each]
