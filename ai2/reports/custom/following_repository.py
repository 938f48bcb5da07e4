"""Every query on what moved in a custom report: what entries put on its cells, as they were known at a moment.

Categories lie where they lie now, before and after alike: what moves because one lies elsewhere is another's to tell.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.reports import repository as names
from ai2.reports.changes_repository import SINCE
from ai2.reports.custom import as_of_repository as then
from ai2.reports.custom.repository import SEPARATOR, SUMS, Cube, parameters, seen
from ai2.reports.custom.selection import OF_TRANSACTION
from ai2.reports.ledger.repository import _days, _planned
from ai2.reports.model import Column

Key = tuple[str, date]
PARTS = then.parts(names.CATEGORIES)
THESE = f"select * from ({PARTS}) as part where transaction_id = any(%(these)s::uuid[])"
UNTOUCHED = f"""
    select part.*
    from ({PARTS}) as part
    inner join unnest(%(currencies)s::text[], %(moved)s::date[]) as wanted (currency, day)
        on wanted.currency = part.currency and wanted.day = part.booked_on
    where transaction_id not in (select transaction_id from published.transactions where {SINCE})
"""


async def everything(
    db: Connection, organization_id: UUID, columns: Sequence[Column], asked: Cube, rates: Mapping[Key, Any],
    at: Moment, rows: Sequence[str],
) -> list[DictRow]:  # fmt: skip
    """What each of these rows, the others together and all came to."""
    query = _query(asked, PARTS, "''")
    return await _planned(db, query, _known(organization_id, columns, asked, rates, at, rows))


async def of_transactions(
    db: Connection, organization_id: UUID, columns: Sequence[Column], asked: Cube, rates: Mapping[Key, Any],
    at: Moment, rows: Sequence[str], these: Sequence[UUID],
) -> list[DictRow]:  # fmt: skip
    """The same of each of these transactions, which is the `subject`."""
    query = _query(asked, THESE, "entry.transaction_id::text")
    known = _known(organization_id, columns, asked, rates, at, rows)
    return await _planned(db, query, {**known, "these": list(these)})


async def of_days(
    db: Connection, organization_id: UUID, columns: Sequence[Column], asked: Cube, rates: Mapping[Key, Any],
    at: Moment, rows: Sequence[str], moved: Sequence[Key],
) -> list[DictRow]:  # fmt: skip
    """The same of each of these currencies and days, of transactions that nobody has written since."""
    query = _query(asked, UNTOUCHED, "concat(entry.currency, ' ', entry.booked_on)")
    known = _known(organization_id, columns, asked, rates, at, rows)
    days = {"currencies": [currency for currency, _ in moved], "moved": [day for _, day in moved]}
    return await _planned(db, query, {**known, **days})


def _query(asked: Cube, source: str, subject: str) -> str:
    with_words = bool({*asked.dimensions, *asked.filters} & OF_TRANSACTION)
    return f"""
        with {then.rows(with_words=with_words, source=source)}
        seen as ({seen(asked, then.BY_ENTRY, is_past=True, more=f", {subject} as subject")}),

        placed as (
            select *, concat_ws(chr({ord(SEPARATOR)}), d1, d2, d3) as of_row from seen
        )

        select
            'row' as kind, subject, key, currency, case when of_row = any(%(rows)s::text[]) then of_row end as of_row,
            {SUMS}
        from placed group by 1, 2, 3, 4, 5
        union all
        select 'total', subject, key, currency, null, {SUMS}
        from placed where is_first group by subject, key, currency
    """


def _known(
    organization_id: UUID, columns: Sequence[Column], asked: Cube, rates: Mapping[Key, Any], at: Moment,
    rows: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    return {**_days(columns), **parameters(organization_id, asked, rates), **at.parameters, "rows": list(rows)}
