"""Every query on what moved in the books since a moment."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment, seen
from ai2.kit.database import Connection, rows
from ai2.reports.ledger import as_of_repository as then

# Where a moment was decided later than it was, what was written in between had ended by its snapshot.
SINCE = f"""
    organization_id = %(organization_id)s and (
        row_xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) or updated_at > %(moment)s::timestamptz
    ) and not {seen("row_xid", "updated_at")}
"""
FIELDS = """
    transaction_id, account_id, booked_on, amount, currency::text as currency, category_id, splits, description, status,
    deleted_at, decided_by, decided_version, confidence::float8 as confidence, batch_id, line_number, version,
    tags, merchant_key, attributes
"""


class Before(NamedTuple):
    """The row before which, going back in time, a page begins."""

    changed_at: datetime
    transaction_id: UUID


async def changed(
    db: Connection, organization_id: UUID, since: Moment, *, before: Before | None, limit: int
) -> list[DictRow]:
    """Transactions that were written since, as they are now, newest first; with who wrote them and what was undone."""
    query = f"""
        with page as materialized (
            select {FIELDS}, updated_at as changed_at from published.transactions
            where {SINCE}
                and (%(before)s::timestamptz is null
                    or (updated_at, transaction_id) < (%(before)s::timestamptz, %(before_id)s::uuid))
            order by updated_at desc, transaction_id desc limit %(limit)s
        )
        select page.*, former.changed_by, batch.status = 'undone' as is_undone
        from page
        left join published.transaction_versions as former
            on former.organization_id = %(organization_id)s and former.transaction_id = page.transaction_id
            and former.version = page.version - 1
        left join published.batches as batch
            on batch.organization_id = %(organization_id)s and batch.batch_id = page.batch_id
        order by page.changed_at desc, page.transaction_id desc
    """
    known = {"before": before and before.changed_at, "before_id": before and before.transaction_id, "limit": limit}
    return await rows(db, query, {**since.parameters, **known, "organization_id": organization_id})


async def as_they_were(
    db: Connection, organization_id: UUID, at: Moment, transaction_ids: Sequence[UUID]
) -> dict[UUID, DictRow]:
    """These transactions as they were known at a moment; those that were not there are left out."""
    these = "organization_id = %(organization_id)s and transaction_id = any(%(these)s)"
    query = f"""
        select {FIELDS} from published.transactions where {these} and {seen("row_xid", "updated_at")}
        union all
        select {FIELDS} from published.transaction_versions
        where {these} and {seen("row_xid", "known_from")} and not {seen("ended_xid", "known_to")}
    """
    known = {**at.parameters, "organization_id": organization_id, "these": list(transaction_ids)}
    return {row["transaction_id"]: row for row in await rows(db, query, known)}


async def unchanged_on(
    db: Connection, organization_id: UUID, since: Moment, wanted: Sequence[tuple[str, date]], accounts: Sequence[UUID]
) -> list[DictRow]:
    """The flows of these currencies and days of transactions that nobody has written since, added up where equal."""
    query = f"""
        select section, account_id, category_id, entry.currency, booked_on, amount, count(*)::integer as entries
        from ({then.ENTRIES}) as entry
        inner join unnest(%(currencies)s::text[], %(days)s::date[]) as wanted (currency, day)
            on wanted.currency = entry.currency and wanted.day = entry.booked_on
        where section <> 'account' and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
            and transaction_id not in (select transaction_id from published.transactions where {SINCE})
        group by section, account_id, category_id, entry.currency, booked_on, amount
    """
    known = {
        **since.parameters,
        "organization_id": organization_id,
        "currencies": [currency for currency, _ in wanted],
        "days": [day for _, day in wanted],
        "accounts": list(accounts) or None,
    }
    return await rows(db, query, known)


async def written(db: Connection, organization_id: UUID, since: Moment, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these transactions that were written since."""
    query = f"select transaction_id from published.transactions where {SINCE} and transaction_id = any(%(ids)s)"
    found = await rows(db, query, {**since.parameters, "organization_id": organization_id, "ids": list(ids)})
    return {row["transaction_id"] for row in found}


async def in_categories(
    db: Connection, organization_id: UUID, ids: Collection[UUID], categories: Collection[UUID]
) -> set[UUID]:
    """Those of these transactions that are in these categories, with one of their parts at least."""
    query = """
        select transaction_id from published.transactions
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and (
            category_id = any(%(categories)s) or exists (
                select from jsonb_array_elements(splits) as part
                where (part ->> 'category_id')::uuid = any(%(categories)s)
            )
        )
    """
    known = {"organization_id": organization_id, "ids": list(ids), "categories": list(categories)}
    return {row["transaction_id"] for row in await rows(db, query, known)}
