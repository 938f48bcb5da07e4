"""Every query that writes the parts of transactions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one

# Split between this category and others: an array of objects holds one that names it.
NAMES = "splits @> jsonb_build_array(jsonb_build_object('category_id', {}::text))"


async def put(db: Connection, organization_id: UUID, transaction_id: UUID, parts: Sequence[dict[str, Any]]) -> None:
    """Write a person's parts; the same again changes nothing."""
    await db.execute(
        """
        update books.transactions set
            splits = %(parts)s, category_id = null, decided_by = 'user', decided_version = null, confidence = 1,
            decided_at = now()
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
            and (splits, decided_by) is distinct from (%(parts)s::jsonb, 'user')
        """,
        {"organization_id": organization_id, "transaction_id": transaction_id, "parts": Jsonb(list(parts))},
    )


async def make_whole(db: Connection, organization_id: UUID, transaction_id: UUID) -> None:
    """Nobody has decided then what the whole is for."""
    await db.execute(
        """
        update books.transactions set
            splits = null, category_id = null, decided_by = null, decided_version = null, confidence = null,
            decided_at = now()
        where organization_id = %s and transaction_id = %s and splits is not null
        """,
        [organization_id, transaction_id],
    )


async def is_split(db: Connection, organization_id: UUID, transaction_id: UUID) -> bool:
    query = """
        select from books.transactions
        where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s and splits is not null
    """
    return await one(db, query, {"organization_id": organization_id, "transaction_id": transaction_id}) is not None


async def reassign(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID) -> None:
    """Let parts, also those that rules make, be of another category."""
    known = {"organization_id": organization_id, "category_id": category_id, "heir_id": heir_id}
    # Two tables, the same statement.
    for table, column in (("transactions", "splits"), ("rules", "split")):
        await db.execute(
            f"""
            update books.{table} set {column} = (
                select jsonb_agg(
                    case
                        when part ->> 'category_id' = %(category_id)s::text
                            then jsonb_set(part, '{{category_id}}', to_jsonb(%(heir_id)s::text))
                        else part
                    end
                    order by place
                )
                from jsonb_array_elements({column}) with ordinality as told (part, place)
            )
            where organization_id = %(organization_id)s and {column} is not null
                and {column} @> jsonb_build_array(jsonb_build_object('category_id', %(category_id)s::text))
            """,
            known,
        )
