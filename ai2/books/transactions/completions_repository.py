"""Completions: pending transactions that become posted, change, or are gone, many at once.

The temporary table `staged` has a statement's lines; `completes` names the transaction that a line completes. A
transaction keeps its id, category, notes, tags and feedback. What differs from what its pending line said
(published.pending_lines), a person changed: it stays theirs. Its former state is in its history.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from ai2.kit.database import Connection


def _followed(column: str, to: str) -> str:
    """SQL: the staged line's value, unless a person changed the one that the pending line gave."""
    return f"case when transaction.{column} is distinct from line.{column} then transaction.{column} else {to} end"


# The key belongs to the merchant, or to the text where nobody is named.
KEY = """
    case
        when merchant_stays or (staged.merchant is null and transaction.merchant is not null)
            or (text_stays and staged.merchant is null)
        then transaction.merchant_key else staged.merchant_key
    end
"""
STAYS = """
    cross join lateral (
        select
            known.merchant is distinct from line.merchant as merchant_stays,
            known.description is distinct from line.description as text_stays
        from books.transactions as known
        where known.organization_id = line.organization_id and known.transaction_id = line.transaction_id
    ) as stays
"""
FOLLOWED = f"""
    booked_on = {_followed("booked_on", "staged.booked_on")},
    amount = {_followed("amount", "staged.amount")},
    description = {_followed("description", "staged.description")},
    merchant = {_followed("merchant", "coalesce(staged.merchant, transaction.merchant)")},
    merchant_key = {KEY},
    source_key = case when transaction.source_key is not null then staged.merchant_key end,
    reference = {_followed("reference", "coalesce(staged.reference, transaction.reference)")},
    mcc = coalesce(staged.mcc, transaction.mcc),
    counterparty = coalesce(staged.counterparty, transaction.counterparty),
    value_on = coalesce(staged.value_on, transaction.value_on),
    attributes = transaction.attributes || staged.attributes
"""


async def complete_staged(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Give pending transactions the posted lines that complete them, and say how many there were.

    Changes what FOLLOWED lists, status, batch_id and line_number, as `batch:<id>` in the history: the version before
    it has the batch and line that announced it.
    """
    written = await db.execute(
        f"""
        update books.transactions as transaction set
            {FOLLOWED}, status = 'posted', batch_id = %(batch_id)s, line_number = staged.line_number
        from pg_temp.staged
        inner join published.pending_lines as line
            on line.organization_id = %(organization_id)s and line.transaction_id = staged.completes
        {STAYS}
        where transaction.organization_id = %(organization_id)s and transaction.transaction_id = staged.completes
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return written.rowcount


async def amend_staged(db: Connection, organization_id: UUID, seen_until: date) -> int:
    """Let pending transactions follow what a newer statement says of them; one that was gone is pending again."""
    written = await db.execute(
        f"""
        update books.transactions as transaction set {FOLLOWED}, status = 'pending'
        from pg_temp.staged
        inner join published.pending_lines as line
            on line.organization_id = %(organization_id)s and line.transaction_id = staged.duplicate_of
                and line.completed_by is null and line.seen_until <= %(seen_until)s
        {STAYS}
        where transaction.organization_id = %(organization_id)s and transaction.transaction_id = staged.duplicate_of
            and staged.status = 'pending'
            and (
                transaction.status = 'closed'
                or (staged.booked_on, staged.amount, staged.description)
                is distinct from (line.booked_on, line.amount, line.description)
            )
        """,
        {"organization_id": organization_id, "seen_until": seen_until},
    )
    return written.rowcount


async def close(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """Pending transactions that the bank took back: they stay to be looked at, and count nowhere."""
    await db.execute(
        """
        update books.transactions set status = 'closed'
        where organization_id = %s and transaction_id = any(%s) and status = 'pending'
        """,
        [organization_id, list(transaction_ids)],
    )
