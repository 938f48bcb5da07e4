"""Every query on the versions of a transaction."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.transactions.repository import SPLITS
from ai2.kit.database import Connection, number, one, rows

# Named as they are on the wire. A merchant's key follows from its text, and when it was decided is when it was known.
FIELDS = """
    account_id, booked_on as date, amount, currency::text as currency, description, merchant, reference,
    mcc::text as mcc, notes, tags, attributes, status, value_on as value_date, counterparty, category_id, decided_by,
    decided_version, confidence::float8 as confidence, batch_id, line_number, deleted_at, splits
"""


async def is_there(db: Connection, organization_id: UUID, transaction_id: UUID) -> bool:
    """Whether there is such a transaction, deleted or not."""
    query = """
        select from books.transactions
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
    """
    return await one(db, query, {"organization_id": organization_id, "transaction_id": transaction_id}) is not None


async def page(
    db: Connection, organization_id: UUID, transaction_id: UUID, *, before: int | None, limit: int
) -> list[DictRow]:
    """Versions, newest first; the present one is the transaction itself, and nobody ended it."""
    return await rows(
        db,
        f"""
        with versions as (
            select
                organization_id, version, updated_at as known_from, null::timestamptz as known_to, null as ended_by,
                {FIELDS}
            from books.transactions
            where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
            union all
            select organization_id, version, known_from, known_to, changed_by, {FIELDS}
            from books.transaction_versions
            where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        )
        select
            versions.*,
            {SPLITS.format(table="versions", splits="versions.splits")} as splits,
            -- an archived category's name was made free by its id
            replace(category.name, ' (' || category.category_id || ')', '') as category
        from versions
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = versions.category_id
        where %(before)s::integer is null or versions.version < %(before)s
        order by versions.version desc limit %(limit)s
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id, "before": before, "limit": limit},
    )


async def count(db: Connection, organization_id: UUID, transaction_id: UUID) -> int:
    """The present version and those before it."""
    return await number(
        db,
        """
        select count(*) + 1 as versions from books.transaction_versions
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id},
    )
