"""Every query on categories."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, Query, one, rows
from ai2.kit.stamped import STAMP

MEANT = """
    select code.code, category.category_id, category.name
    from books.categories as category
    left join books.category_codes as code
        on code.organization_id = category.organization_id and code.category_id = category.category_id
    where category.organization_id = %(organization_id)s and category.archived_at is null {these}
    order by category.category_id, code.code
"""
SELECT = """
    select category_id, parent_id, name, kind, version, created_at, array(
        select code from books.category_codes as code
        where code.organization_id = category.organization_id and code.category_id = category.category_id
        order by code
    ) as codes
    from books.categories as category
    where organization_id = %(organization_id)s and archived_at is null
"""


async def insert_many(
    db: Connection,
    organization_id: UUID,
    categories: Sequence[tuple[UUID, UUID | None, str, str | None]],
    codes: Sequence[tuple[str, UUID]],
) -> None:
    """Insert (id, parent, name, kind) rows, parents first, and (code, id) rows."""
    ids, parents, names, kinds = zip(*categories, strict=True)
    await db.execute(
        """
        insert into books.categories (organization_id, category_id, parent_id, name, kind)
        select %s, * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])
        """,
        [organization_id, list(ids), list(parents), list(names), list(kinds)],
    )
    await db.execute(
        """
        insert into books.category_codes (organization_id, code, category_id)
        select %s, * from unnest(%s::text[], %s::uuid[])
        """,
        [organization_id, [code for code, _ in codes], [category_id for _, category_id in codes]],
    )


async def list_all(db: Connection, organization_id: UUID) -> list[DictRow]:
    query = SELECT + " order by parent_id is not null, lower(name)"
    return await rows(db, query, {"organization_id": organization_id})


async def get(db: Connection, organization_id: UUID, category_id: UUID) -> DictRow | None:
    query = SELECT + " and category_id = %(category_id)s"
    return await one(db, query, {"organization_id": organization_id, "category_id": category_id})


async def find_many(db: Connection, organization_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """The category of each of these names, case aside, or else of this predicted code."""
    query = """
        select wanted.name, found.category_id
        from unnest(%(names)s::text[]) as wanted (name)
        cross join lateral (
            select category.category_id from books.categories as category
            where category.organization_id = %(organization_id)s and category.archived_at is null
                and (lower(category.name) = lower(wanted.name) or category.category_id = (
                    select code.category_id from books.category_codes as code
                    where code.organization_id = %(organization_id)s and code.code = wanted.name))
            order by lower(category.name) = lower(wanted.name) desc limit 1
        ) as found
    """
    found = await rows(db, query, {"organization_id": organization_id, "names": list(names)})
    return {row["name"]: row["category_id"] for row in found}


async def by_code(db: Connection, organization_id: UUID) -> dict[str, UUID]:
    query = "select code, category_id from books.category_codes where organization_id = %(organization_id)s"
    return {row["code"]: row["category_id"] for row in await rows(db, query, {"organization_id": organization_id})}


async def names(db: Connection, organization_id: UUID, category_ids: Sequence[UUID]) -> dict[UUID, str]:
    query = """
        select category_id, name from books.categories
        where organization_id = %(organization_id)s and category_id = any(%(category_ids)s) and archived_at is null
    """
    found = await rows(db, query, {"organization_id": organization_id, "category_ids": list(category_ids)})
    return {row["category_id"]: row["name"] for row in found}


async def meant(
    db: Connection, organization_id: UUID, codes: Sequence[str], category_ids: Sequence[UUID]
) -> list[DictRow]:
    """What these predicted codes mean here, and these ids with their codes: code, category_id, name."""
    these = """
        and (category.category_id = any(%(category_ids)s) or category.category_id in (
            select meant.category_id from books.category_codes as meant
            where meant.organization_id = %(organization_id)s and meant.code = any(%(codes)s)))
    """
    parameters = {"organization_id": organization_id, "codes": list(codes), "category_ids": list(category_ids)}
    return await rows(db, MEANT.format(these=these), parameters)


async def all_meant(db: Connection, organization_id: UUID) -> list[DictRow]:
    """The same of all that are in use."""
    return await rows(db, MEANT.format(these=""), {"organization_id": organization_id})


def stamp_query(organization_id: UUID) -> Query:
    """The stamps of the categories that are in use, and of the codes."""
    query = f"""
        select
            (select {STAMP} from books.categories
             where organization_id = %(organization_id)s and archived_at is null) as of_categories,
            (select {STAMP} from books.category_codes where organization_id = %(organization_id)s) as of_codes
    """
    return query, {"organization_id": organization_id}


async def update(db: Connection, organization_id: UUID, category_id: UUID, name: str, parent_id: UUID | None) -> None:
    await db.execute(
        """
        update books.categories set name = %s, parent_id = %s, version = version + 1, updated_at = now()
        where organization_id = %s and category_id = %s
        """,
        [name, parent_id, organization_id, category_id],
    )


async def usage(db: Connection, organization_id: UUID, category_id: UUID) -> dict[str, int]:
    """How many transactions, child categories, rules and budgets stand on this one."""
    row = await one(
        db,
        """
        select
            (select count(*) from books.transactions
             where organization_id = %(organization_id)s and category_id = %(category_id)s)
            + (select count(*) from books.transactions
               where organization_id = %(organization_id)s and splits is not null
                   and splits @> jsonb_build_array(jsonb_build_object('category_id', %(category_id)s::text))
            ) as transactions,
            (select count(*) from books.categories
             where organization_id = %(organization_id)s and parent_id = %(category_id)s
                 and archived_at is null) as children,
            (select count(*) from books.rules
             where organization_id = %(organization_id)s and deleted_at is null
                 and (category_id = %(category_id)s
                     or split @> jsonb_build_array(jsonb_build_object('category_id', %(category_id)s::text)))
            ) as rules,
            (select count(*) from books.budgets
             where organization_id = %(organization_id)s and category_id = %(category_id)s) as budgets
        """,
        {"organization_id": organization_id, "category_id": category_id},
    )
    return dict(row or {})


async def lies_below(db: Connection, organization_id: UUID, category_id: UUID, ancestor_id: UUID) -> bool:
    """Whether a category lies somewhere below another."""
    found = await one(
        db,
        """
        with recursive above as (
            select parent_id from books.categories
            where organization_id = %(organization_id)s and category_id = %(category_id)s
            union
            select category.parent_id from books.categories as category
            inner join above on category.category_id = above.parent_id
            where category.organization_id = %(organization_id)s
        )
        select exists (select from above where parent_id = %(ancestor_id)s) as below
        """,
        {"organization_id": organization_id, "category_id": category_id, "ancestor_id": ancestor_id},
    )
    return bool(found and found["below"])


async def reassign(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID) -> None:
    """Hand transactions, children, predicted codes and rules to another category."""
    # Four tables, the same statement.
    for table, column in (
        ("transactions", "category_id"),
        ("categories", "parent_id"),
        ("category_codes", "category_id"),
        ("rules", "category_id"),
    ):
        await db.execute(
            f"update books.{table} set {column} = %s where organization_id = %s and {column} = %s",
            [heir_id, organization_id, category_id],
        )


async def delete(db: Connection, organization_id: UUID, category_id: UUID) -> None:
    """Archive it: what once referred to it still can, but its name and codes are free again."""
    await db.execute(
        """
        with codes as (
            delete from books.category_codes
            where organization_id = %(organization_id)s and category_id = %(category_id)s
        )
        update books.categories
        set archived_at = now(), name = name || ' (' || category_id || ')', version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and category_id = %(category_id)s
        """,
        {"organization_id": organization_id, "category_id": category_id},
    )
