"""Every query on transactions as they were known at a moment."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books import as_of_repository as then
from ai2.books.moments import Moment
from ai2.books.transactions.repository import SPLITS, TYPE
from ai2.kit.database import Connection, rows

AS_IT_WAS = """
    transaction_id, account_id, booked_on, amount, currency, description, merchant, merchant_key, reference, mcc, notes,
    tags, attributes, status, value_on, counterparty, category_id, decided_by, decided_version, confidence, decided_at,
    batch_id, line_number, version
"""
# Their categories are called what they were called then.
PARTS = SPLITS.format(table="known", splits="known.splits").replace("books.categories", "categories")
THESE = "transaction_id = any(%(ids)s) and deleted_at is null"


async def get_many(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], known_at: Moment
) -> list[DictRow]:
    """Those of these that stood then."""
    known = ", ".join(f"known.{name.strip()}" for name in AS_IT_WAS.split(","))
    query = f"""
        with categories as ({then.categories()})
        select
            {known}, known.known_from as updated_at, written.created_at, {TYPE.format(table="known")} as type,
            category.name as category,
            {PARTS} as splits
        from ({then.transactions(f"organization_id, {AS_IT_WAS}, splits, known_from", THESE)}) as known
        inner join books.transactions as written
            on written.organization_id = known.organization_id and written.transaction_id = known.transaction_id
        left join categories as category on category.category_id = known.category_id
    """
    asked = {"organization_id": organization_id, "ids": list(transaction_ids)}
    return await rows(db, query, {**asked, **known_at.parameters})
