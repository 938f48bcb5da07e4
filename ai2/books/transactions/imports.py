"""Imports: staged lines become transactions, many at once, in the import's own database transaction."""

from uuid import UUID

from ai2.kit.database import Connection


async def insert_staged(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Write the new rows of the temporary table `staged` into the books and say how many.

    `staged` has the columns named below, one row a statement line; `is_new` marks those that are no duplicates.
    """
    written = await db.execute(
        """
        insert into books.transactions (
            organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant,
            merchant_key, reference, mcc, attributes, status, value_on, counterparty, batch_id, line_number
        )
        select
            %(organization_id)s, transaction_id, account_id, booked_on, amount, currency, description, merchant,
            merchant_key, reference, mcc, attributes, status, value_on, counterparty, %(batch_id)s, line_number
        from pg_temp.staged
        where is_new
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return written.rowcount
