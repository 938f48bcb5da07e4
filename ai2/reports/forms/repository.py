"""Every query on what tax reports are made of."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books import as_of_repository as then
from ai2.books.moments import Moment
from ai2.kit.database import Connection, rows
from ai2.reports.ledger.repository import at

NOW = """
    select {columns} from published.transactions where organization_id = %(organization_id)s and {these}
"""


def _of(known_at: Moment | None, columns: str, these: str) -> str:
    """These transactions as they are, or as they were known where somebody has written since."""
    return then.transactions(columns, these) if at(known_at) else NOW.format(columns=columns, these=these)


async def posted(
    db: Connection,
    organization_id: UUID,
    start: date,
    end: date,
    *,
    accounts: Sequence[UUID],
    most: int,
    known_at: Moment,
) -> list[UUID]:
    """The transactions that were booked on these days, by day; not more than `most` of them."""
    these = f"""
        booked_on between %(start)s and %(end)s and {then.COUNTS}
            and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    """
    query = f"""
        select transaction_id from ({_of(known_at, "transaction_id, booked_on", these)}) as known
        order by booked_on, transaction_id limit %(most)s
    """
    asked = {"start": start, "end": end, "accounts": list(accounts) or None, "most": most}
    found = await rows(db, query, {**asked, "organization_id": organization_id, **at(known_at)})
    return [row["transaction_id"] for row in found]


async def said_rates(db: Connection, organization_id: UUID, ids: Collection[UUID], known_at: Moment) -> dict[UUID, str]:
    """The rate of consumption tax that the books themselves say of a transaction: its attribute `tax_rate`."""
    query = _of(
        known_at,
        "transaction_id, attributes ->> 'tax_rate' as tax_rate",
        "transaction_id = any(%(ids)s) and attributes ? 'tax_rate'",
    )
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(ids), **at(known_at)})
    return {row["transaction_id"]: row["tax_rate"] for row in found if row["tax_rate"] is not None}


TOLD = """
    transaction_id, account_id, booked_on, amount, currency::text as currency, category_id, description, decided_by,
    decided_version, confidence::float8 as confidence, batch_id, line_number, splits
"""


async def transactions(
    db: Connection, organization_id: UUID, ids: Collection[UUID], known_at: Moment | None
) -> dict[UUID, DictRow]:
    """What a reader is told of these transactions, as they were; one that was erased since is not there."""
    query = f"""
        select known.*, batch.file_name
        from ({_of(known_at, TOLD, "transaction_id = any(%(ids)s)")}) as known
        left join published.batches as batch
            on batch.organization_id = %(organization_id)s and batch.batch_id = known.batch_id
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(ids), **at(known_at)})
    return {row["transaction_id"]: row for row in found}
