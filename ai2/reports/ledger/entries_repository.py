"""Every query on the entries behind a cell."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection
from ai2.reports.ledger.repository import BEGINNING, ENTRIES
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
) -> list[DictRow]:
    """Entries behind these items, by day, with where they came from."""
    if not leaves:
        return []
    query = f"""
        with page as materialized (
            select entry.*, leaf.line, leaf.sign, leaf.is_balance, leaf.leaf
            from {LEAVES}
            inner join ({ENTRIES} and booked_on between %(first)s and %(last)s) as entry on {ON_LEAF}
            where {OF_REPORT}
                and (%(after)s::date is null
                    or (entry.booked_on, entry.transaction_id, entry.place, leaf.leaf)
                        > (%(after)s, %(after_id)s::uuid, %(after_place)s::integer, %(after_leaf)s::bigint))
            order by entry.booked_on, entry.transaction_id, entry.place, leaf.leaf limit %(limit)s
        )
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
        order by page.booked_on, page.transaction_id, page.place, page.leaf
    """
    known = {
        **_known(organization_id, leaves, currency, accounts),
        "first": column.start or BEGINNING,
        "last": column.end,
        "after": after and after.booked_on,
        "after_id": after and after.transaction_id,
        "after_place": after and after.place,
        "after_leaf": after and after.leaf,
        "limit": limit,
    }
    return await (await db.execute(query, known, prepare=False)).fetchall()


async def openings(
    db: Connection, organization_id: UUID, leaves: Sequence[Leaf], currency: str | None, *, accounts: Sequence[UUID]
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
            from intermediate.int_ledger__openings
            cross join (values ('account'), ('opening')) as legs (section)
            where organization_id = %(organization_id)s and amount <> 0
        ) as entry on {ON_LEAF}
        where {OF_REPORT}
        order by leaf.leaf, entry.account_id
    """
    known = _known(organization_id, leaves, currency, accounts)
    return await (await db.execute(query, known, prepare=False)).fetchall()


async def balances(
    db: Connection, organization_id: UUID, leaves: Sequence[Leaf], until: date, *, accounts: Sequence[UUID]
) -> list[DictRow]:
    """What each item that is a balance holds of each account and currency, openings left out."""
    query = f"""
        select leaf.line, leaf.sign, entry.account_id, entry.currency, sum(entry.amount) as amount
        from {LEAVES}
        inner join ({ENTRIES} and booked_on <= %(until)s) as entry on {ON_LEAF}
        where leaf.is_balance and {OF_REPORT}
        group by leaf.line, leaf.sign, entry.account_id, entry.currency
    """
    known = {**_known(organization_id, leaves, None, accounts), "until": until}
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
    return {
        "organization_id": organization_id,
        "currency": currency,
        "accounts": list(accounts) or None,
        "leaf_lines": [line for line, *_ in found],
        "leaf_signs": [sign for _, sign, *_ in found],
        "leaf_sections": [section for _, _, section, _ in found],
        "leaf_has_category": [where.has_category for *_, where in found],
        "leaf_categories": [where.category_id for *_, where in found],
        "leaf_accounts": [where.account_id for *_, where in found],
        "leaf_is_balance": [where.is_balance for *_, where in found],
    }
