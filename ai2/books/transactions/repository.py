"""Every query on single transactions; listing.py has those on many."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

# Parts are kept with their categories' ids, and told with their names.
SPLITS = """
    coalesce(case
        when {splits} is not null then (
            select jsonb_agg(told.part || jsonb_build_object('category', named.name) order by told.place)
            from jsonb_array_elements({splits}) with ordinality as told (part, place)
            left join books.categories as named
                on named.organization_id = {table}.organization_id
                and named.category_id = (told.part ->> 'category_id')::uuid
        )
    end, '[]')
"""
# A transfer is what its category says is one; all else is in or out.
TYPE = """
    case when category.kind = 'transfer' then 'transfer' when {table}.amount > 0 then 'income' else 'expense' end
"""
COLUMNS = f"""
    transaction_id, account_id, booked_on, amount, currency, type, description, merchant, merchant_key, reference,
    mcc, notes, tags, attributes, status, value_on, counterparty, category_id, category, decided_by, decided_version,
    confidence, decided_at, batch_id, line_number, version, created_at, updated_at,
    {SPLITS.format(table="transactions", splits="splits")} as splits
"""

# By which merchant its source knows what a person gave another one; what people wrote down has no other source.
SOURCE_KEY = """
    case
        when {table}.merchant_key = {new} then {table}.source_key
        when {table}.batch_id is not null then coalesce({table}.source_key, {table}.merchant_key)
    end
"""


async def insert(db: Connection, **values: Any) -> DictRow:
    """Write it, and give it back as `get` does."""
    query = f"""
        with made as (
            insert into books.transactions (
                organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant,
                merchant_key, reference, mcc, notes, tags, attributes, category_id, decided_by, confidence, decided_at
            ) values (
                %(organization_id)s, %(transaction_id)s, %(account_id)s, %(booked_on)s, %(amount)s, %(currency)s,
                %(description)s, %(merchant)s, %(merchant_key)s, %(reference)s, %(mcc)s, %(notes)s, %(tags)s,
                %(attributes)s, %(category_id)s::uuid,
                case when %(category_id)s::uuid is not null then 'user' end,
                case when %(category_id)s::uuid is not null then 1 end,
                case when %(category_id)s::uuid is not null then now() end
            )
            returning *
        ),
        transactions as (
            select made.*, category.name as category, {TYPE.format(table="made")} as type
            from made
            left join books.categories as category
                on category.organization_id = made.organization_id and category.category_id = made.category_id
        )
        select {COLUMNS} from transactions
    """
    [made] = await rows(db, query, {**values, "attributes": Jsonb(values["attributes"])})
    return made


async def get(db: Connection, organization_id: UUID, transaction_id: UUID) -> DictRow | None:
    query = f"""
        select {COLUMNS} from published.transactions
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s and deleted_at is null
    """
    return await one(db, query, {"organization_id": organization_id, "transaction_id": transaction_id})


async def get_many(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> list[DictRow]:
    query = f"""
        select {COLUMNS} from published.transactions
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and deleted_at is null
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(transaction_ids)})


async def update(
    db: Connection, organization_id: UUID, transaction_id: UUID, values: dict[str, Any], *, decided: bool
) -> None:
    """Write the changed row; `decided` says that a person chose (or took away) its category."""
    await db.execute(
        f"""
        update books.transactions set
            booked_on = %(booked_on)s, amount = %(amount)s, description = %(description)s, merchant = %(merchant)s,
            merchant_key = %(merchant_key)s, reference = %(reference)s, notes = %(notes)s, tags = %(tags)s,
            attributes = %(attributes)s, category_id = %(category_id)s,
            source_key = {SOURCE_KEY.format(table="transactions", new="%(merchant_key)s")},
            decided_by = case
                when not %(decided)s then decided_by when %(category_id)s::uuid is not null then 'user'
            end,
            decided_version = case when not %(decided)s then decided_version end,
            confidence = case
                when not %(decided)s then confidence when %(category_id)s::uuid is not null then 1
            end,
            decided_at = case when %(decided)s then now() else decided_at end
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
        """,
        {
            **values,
            "attributes": Jsonb(values["attributes"]),
            "organization_id": organization_id,
            "transaction_id": transaction_id,
            "decided": decided,
        },
    )


async def delete(db: Connection, organization_id: UUID, transaction_id: UUID) -> None:
    await db.execute(
        """
        update books.transactions set deleted_at = now()
        where organization_id = %s and transaction_id = %s and deleted_at is null
        """,
        [organization_id, transaction_id],
    )
