"""Every query on reports that were given out, and on the names that they are made with."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.kit.database import Connection, number, one, rows
from ai2.reports.ledger import as_of_repository as then

HEAD = "report_id, report, title, asked, digest, as_of, created_by, created_at"


async def insert(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into reports.reports
            (organization_id, report_id, report, title, asked, document, digest, as_of, created_by)
        values (%(organization_id)s, %(report_id)s, %(report)s, %(title)s, %(asked)s::jsonb, %(document)s::jsonb,
            %(digest)s, %(as_of)s, %(created_by)s)
        """,
        {**values, "organization_id": organization_id},
    )


async def get(db: Connection, organization_id: UUID, report_id: UUID) -> DictRow | None:
    query = f"""
        select {HEAD}, document::text as document from reports.reports
        where organization_id = %(organization_id)s and report_id = %(report_id)s
    """
    return await one(db, query, {"organization_id": organization_id, "report_id": report_id})


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[DictRow]:
    """Reports, newest first."""
    query = f"""
        select {HEAD} from reports.reports
        where organization_id = %(organization_id)s and (%(before)s::uuid is null or report_id < %(before)s)
        order by report_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "before": before, "limit": limit})


async def count(db: Connection, organization_id: UUID) -> int:
    query = "select count(*) as reports from reports.reports where organization_id = %(organization_id)s"
    return await number(db, query, {"organization_id": organization_id})


CATEGORIES = """
    select category_id, parent_id, name, kind from published.categories where organization_id = %(organization_id)s
"""
ACCOUNTS = """
    select account_id, name, kind, currency::text as currency from published.accounts
    where organization_id = %(organization_id)s
"""


async def categories(db: Connection, organization_id: UUID, as_of: Moment | None = None) -> list[DictRow]:
    """Every category there was, with its group; an archived one's name was made free by its id."""
    query = f"""
        with categories as ({then.CATEGORIES if as_of else CATEGORIES})
        select
            category.category_id, category.kind,
            replace(category.name, ' (' || category.category_id || ')', '') as name,
            coalesce(parent.category_id, category.category_id) as group_id,
            replace(coalesce(parent.name, category.name), ' (' || coalesce(parent.category_id, category.category_id)
                || ')', '') as group
        from categories as category
        left join categories as parent on parent.category_id = category.parent_id
    """
    return await rows(db, query, {"organization_id": organization_id, **(as_of.parameters if as_of else {})})


async def categories_in_use(db: Connection, organization_id: UUID, as_of: Moment | None = None) -> list[UUID]:
    """Those that are not put away: then their name has their id with it."""
    query = f"""
        select category_id from ({then.CATEGORIES if as_of else CATEGORIES}) as category
        where not starts_with(reverse(name), reverse(' (' || category_id || ')'))
    """
    found = await rows(db, query, {"organization_id": organization_id, **(as_of.parameters if as_of else {})})
    return [row["category_id"] for row in found]


async def accounts(db: Connection, organization_id: UUID, as_of: Moment | None = None) -> list[DictRow]:
    query = f"select account_id, name, kind, currency from ({then.ACCOUNTS if as_of else ACCOUNTS}) as account"
    return await rows(db, query, {"organization_id": organization_id, **(as_of.parameters if as_of else {})})
