"""Decisions: which category a transaction has, who chose it, by which version and how sure. People win."""

from collections.abc import Sequence
from uuid import UUID

from ai2.books.periods import service as periods
from ai2.books.transactions import splits_repository
from ai2.books.transactions.service import IsSplit
from ai2.books.transfers import service as transfers
from ai2.books.transfers.verdicts import RULES_VERSION
from ai2.kit import events
from ai2.kit.database import Connection, one


async def apply_decided(db: Connection, organization_id: UUID) -> int:
    """Apply the temporary table `decided` to the books and say how many rows changed.

    `decided` has transaction_id, category_id, decided_by, decided_version and confidence, one row a transaction.
    What a person or a rule decided, what is paired as a transfer, and what is deleted stays as it is; so does a row
    that says the same already.
    """
    changed = await db.execute(
        """
        update books.transactions as transaction set
            category_id = decided.category_id, decided_by = decided.decided_by,
            decided_version = decided.decided_version, confidence = decided.confidence, decided_at = now(),
            -- stamped here, which spares a call for each row
            version = transaction.version + 1, updated_at = now(), row_xid = pg_current_xact_id(),
            -- all indexes lead with it: told that it is written, they do not look on every full page for versions of
            -- a row that nobody sees any more, of which there are none before this transaction ends
            organization_id = transaction.organization_id
        from pg_temp.decided
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = decided.transaction_id
            and coalesce(transaction.decided_by, '') not in ('user', 'rule')
            and transaction.decided_version is distinct from %(transfers)s
            and transaction.deleted_at is null
            and (transaction.category_id, transaction.decided_by, transaction.decided_version)
            is distinct from (decided.category_id, decided.decided_by, decided.decided_version)
        """,
        {"organization_id": organization_id, "transfers": RULES_VERSION},
    )
    return changed.rowcount


async def forget_models(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """Leave these of a model's decisions open, as if nobody had decided: to try what another model says instead."""
    await db.execute(
        """
        update books.transactions as transaction set
            category_id = null, decided_by = null, decided_version = null, confidence = null, decided_at = null
        where organization_id = %(organization_id)s and transaction_id = any(%(transaction_ids)s)
            and decided_by = 'model' and splits is null
        """,
        {"organization_id": organization_id, "transaction_ids": list(transaction_ids)},
    )


async def decide(db: Connection, organization_id: UUID, transaction_id: UUID, category_id: UUID) -> None:
    """A person's own decision for one transaction, which is whole."""
    if await splits_repository.is_split(db, organization_id, transaction_id):
        raise IsSplit
    await db.execute(
        """
        update books.transactions set
            category_id = %(category_id)s, decided_by = 'user', decided_version = null, confidence = 1,
            decided_at = now()
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
            and deleted_at is null
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id, "category_id": category_id},
    )
    await transfers.hear(db, organization_id, [transaction_id])
    await events.emit_rows(db, organization_id, "transaction.categorized", [transaction_id], decided_by="user")


async def decide_for_merchant(
    db: Connection,
    organization_id: UUID,
    merchant_key: str,
    *,
    money_in: bool,
    category_id: UUID,
    version: str,
) -> tuple[int, int]:
    """Carry a person's decision over to the merchant's other transactions, but for what people or rules decided.

    Says how many changed, and how many were left as they are because their period is closed.
    """
    found = await one(
        db,
        """
        with followers as materialized (
            select transaction_id, coalesce(booked_on <= %(closed_through)s::date, false) as is_closed
            from books.transactions
            where organization_id = %(organization_id)s and merchant_key = %(merchant_key)s
                and (amount > 0) = %(money_in)s and coalesce(decided_by, '') not in ('user', 'rule')
                and deleted_at is null and category_id is distinct from %(category_id)s
                and decided_version is distinct from %(transfers)s
        ),

        changed as (
            update books.transactions as transaction set
                category_id = %(category_id)s, decided_by = 'merchant', decided_version = %(version)s,
                confidence = 1, decided_at = now()
            from followers
            where transaction.organization_id = %(organization_id)s
                and transaction.transaction_id = followers.transaction_id and not followers.is_closed
            returning 1
        )

        select (select count(*) from changed) as changed, count(*) filter (where is_closed) as closed from followers
        """,
        {
            "organization_id": organization_id,
            "merchant_key": merchant_key,
            "money_in": money_in,
            "category_id": category_id,
            "version": version,
            "transfers": RULES_VERSION,
            "closed_through": await periods.closed_through(db, organization_id),
        },
    )
    changed, closed = (found["changed"], found["closed"]) if found else (0, 0)
    if changed:
        await events.emit(db, organization_id, "transaction.categorized", {"count": changed, "decided_by": "merchant"})
    return changed, closed
