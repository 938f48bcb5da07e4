"""Every query on saved filters."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

COLUMNS = "filter_id, owner, name, filter, is_shared, version, created_at, updated_at"


async def list_all(db: Connection, organization_id: UUID, owner: str) -> list[DictRow]:
    """One's own and those that are shared, by name."""
    query = f"""
        select {COLUMNS} from books.saved_filters
        where organization_id = %(organization_id)s and (owner = %(owner)s or is_shared)
        order by lower(name), filter_id
    """
    return await rows(db, query, {"organization_id": organization_id, "owner": owner})


async def get(db: Connection, organization_id: UUID, filter_id: UUID, owner: str) -> DictRow | None:
    query = f"""
        select {COLUMNS} from books.saved_filters
        where organization_id = %(organization_id)s and filter_id = %(filter_id)s and (owner = %(owner)s or is_shared)
    """
    return await one(db, query, {"organization_id": organization_id, "filter_id": filter_id, "owner": owner})


async def lock(db: Connection, organization_id: UUID, owner: str) -> None:
    """Nobody else writes filters of this owner until the transaction ends, so that a count stays true."""
    query = "select pg_advisory_xact_lock(hashtextextended(%(organization_id)s::text || %(owner)s, 19))"
    await db.execute(query, {"organization_id": organization_id, "owner": owner})


async def insert(db: Connection, organization_id: UUID, **values: Any) -> bool:
    """Whether it was written: not where its owner has one of this name."""
    written = await db.execute(
        """
        insert into books.saved_filters (organization_id, filter_id, owner, name, filter, is_shared)
        values (%(organization_id)s, %(filter_id)s, %(owner)s, %(name)s, %(filter)s, %(is_shared)s)
        on conflict (organization_id, owner, lower(name)) do nothing
        """,
        {**values, "organization_id": organization_id, "filter": Jsonb(values["filter"])},
    )
    return written.rowcount == 1


async def is_taken(db: Connection, organization_id: UUID, owner: str, name: str, *, but: UUID) -> bool:
    """Whether another filter of its owner has this name."""
    query = """
        select from books.saved_filters
        where organization_id = %(organization_id)s and owner = %(owner)s and lower(name) = lower(%(name)s)
            and filter_id <> %(but)s
    """
    known = {"organization_id": organization_id, "owner": owner, "name": name, "but": but}
    return await one(db, query, known) is not None


async def update(db: Connection, organization_id: UUID, filter_id: UUID, values: dict[str, Any]) -> None:
    await db.execute(
        """
        update books.saved_filters set
            name = %(name)s, filter = %(filter)s, is_shared = %(is_shared)s, version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and filter_id = %(filter_id)s
        """,
        {
            "name": values["name"],
            "filter": Jsonb(values["filter"]),
            "is_shared": values["is_shared"],
            "organization_id": organization_id,
            "filter_id": filter_id,
        },
    )


async def delete(db: Connection, organization_id: UUID, filter_id: UUID) -> None:
    await db.execute(
        "delete from books.saved_filters where organization_id = %s and filter_id = %s", [organization_id, filter_id]
    )


async def reassign(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID) -> None:
    """Let whatever asks for a category, whoever keeps it, ask for another one."""
    await db.execute(
        """
        update books.saved_filters
        set filter = filter || jsonb_build_object('category_id', %(heir_id)s::text),
            version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and filter ->> 'category_id' = %(category_id)s::text
        """,
        {"organization_id": organization_id, "category_id": category_id, "heir_id": heir_id},
    )


async def delete_own(db: Connection, organization_id: UUID, owner: str) -> None:
    """Take away an owner's filters that are not shared."""
    await db.execute(
        "delete from books.saved_filters where organization_id = %s and owner = %s and not is_shared",
        [organization_id, owner],
    )
