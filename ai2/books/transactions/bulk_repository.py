"""Every query that writes many transactions of a person at once, each in one statement."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.books.transactions.repository import SOURCE_KEY
from ai2.kit.database import Connection

WRITTEN = (
    "transaction_id", "account_id", "booked_on", "amount", "currency", "description", "merchant", "merchant_key",
    "reference", "mcc", "notes", "tags", "attributes", "category_id",
)  # fmt: skip


async def insert(db: Connection, organization_id: UUID, new: Sequence[dict[str, Any]]) -> None:
    """Insert transactions; a category that one has is a person's decision."""
    await db.execute(
        """
        insert into books.transactions (
            organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant,
            merchant_key, reference, mcc, notes, tags, attributes, category_id, decided_by, confidence, decided_at
        )
        select
            %(organization_id)s, transaction_id, account_id, booked_on, amount, currency, description, merchant,
            merchant_key, reference, mcc, notes, tags, attributes, category_id,
            case when category_id is not null then 'user' end,
            case when category_id is not null then 1 end,
            case when category_id is not null then now() end
        from jsonb_to_recordset(%(rows)s) as new (
            transaction_id uuid, account_id uuid, booked_on date, amount numeric, currency text, description text,
            merchant text, merchant_key text, reference text, mcc text, notes text, tags text[], attributes jsonb,
            category_id uuid
        )
        """,
        {"organization_id": organization_id, "rows": _rows(new)},
    )


async def lock(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """Let nobody change these until the transaction ends; in one order, so that two never wait for each other."""
    await db.execute(
        """
        select from books.transactions
        where organization_id = %s and transaction_id = any(%s) order by transaction_id for update
        """,
        [organization_id, list(transaction_ids)],
    )


async def update(db: Connection, organization_id: UUID, changed: Sequence[dict[str, Any]], *, decided: bool) -> None:
    """Write the changed rows; `decided` says that a person chose (or took away) their category."""
    await db.execute(
        f"""
        update books.transactions as transaction set
            booked_on = changed.booked_on, amount = changed.amount, description = changed.description,
            merchant = changed.merchant, merchant_key = changed.merchant_key, reference = changed.reference,
            notes = changed.notes, tags = changed.tags, attributes = changed.attributes,
            category_id = changed.category_id,
            source_key = {SOURCE_KEY.format(table="transaction", new="changed.merchant_key")},
            decided_by = case
                when not %(decided)s then transaction.decided_by when changed.category_id is not null then 'user'
            end,
            decided_version = case when not %(decided)s then transaction.decided_version end,
            confidence = case
                when not %(decided)s then transaction.confidence when changed.category_id is not null then 1
            end,
            decided_at = case when %(decided)s then now() else transaction.decided_at end
        from jsonb_to_recordset(%(rows)s) as changed (
            transaction_id uuid, booked_on date, amount numeric, description text, merchant text, merchant_key text,
            reference text, notes text, tags text[], attributes jsonb, category_id uuid
        )
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changed.transaction_id
        """,
        {"organization_id": organization_id, "rows": _rows(changed), "decided": decided},
    )


def _rows(rows: Sequence[dict[str, Any]]) -> Jsonb:
    """As JSON, in which amounts are text and stay exact."""
    return Jsonb([{name: row[name] for name in WRITTEN} for row in rows], dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
