"""The catalogue: what PostgreSQL itself says about every table, view and key of ours.

Tables without a tenant are listed in `ai2/identity/tables_without_tenant.txt`, and nowhere else.
"""

from pathlib import Path

import pytest
from psycopg.errors import InsufficientPrivilege

import ai2.identity
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, rows

LISTED = set((Path(ai2.identity.__file__).parent / "tables_without_tenant.txt").read_text().split())
OURS = """
    namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and namespace.nspname not like 'pg_temp%%'
"""
TABLES = f"""
    select
        namespace.nspname || '.' || class.relname as name, class.oid, class.relkind::text as kind,
        class.relrowsecurity and class.relforcerowsecurity as is_forced,
        exists (
            select from pg_attribute as attribute
            where attribute.attrelid = class.oid and attribute.attname = 'organization_id' and attribute.attnotnull
        ) as has_tenant,
        array(select polname::text from pg_policy where polrelid = class.oid) as policies,
        coalesce('security_invoker=true' = any(class.reloptions), false) as is_invoker,
        pg_get_userbyid(class.relowner) as owner
    from pg_class as class
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    where class.relkind = any(%(kinds)s) and {OURS}
"""
# Unique and foreign keys, and unique indexes that are no constraint, with their columns' names in order.
KEYS = f"""
    select
        namespace.nspname || '.' || class.relname as name, index_class.relname as key,
        array(
            select attribute.attname::text
            from unnest(index.indkey::int[]) with ordinality as part (number, place)
            left join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum = part.number
            where part.place <= index.indnkeyatts order by part.place
        ) as columns
    from pg_index as index
    join pg_class as class on class.oid = index.indrelid
    join pg_class as index_class on index_class.oid = index.indexrelid
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    where index.indisunique and {OURS}
    union all
    select
        namespace.nspname || '.' || class.relname, constr.conname,
        array(
            select attribute.attname::text
            from unnest(constr.conkey) with ordinality as part (number, place)
            join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum = part.number
            order by part.place
        )
    from pg_constraint as constr
    join pg_class as class on class.oid = constr.conrelid
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    -- a key to a table without a tenant (a user) cannot name one
    where constr.contype = 'f' and {OURS} and exists (
        select from pg_attribute as attribute
        where attribute.attrelid = constr.confrelid and attribute.attname = 'organization_id'
    )
"""


async def test_every_table_has_a_tenant_under_forced_policies(pipeline: Database) -> None:
    async with pipeline.transaction() as db:
        tables = await rows(db, TABLES, {"kinds": ["r", "p"]})
    names = {table["name"] for table in tables}
    assert {"books.transactions", "identity.organizations", "queue.jobs"} <= names
    open_to_all = {t["name"] for t in tables if not (t["has_tenant"] and t["is_forced"])}
    assert open_to_all <= LISTED
    not_yet = {"public.alembic_version", *(name for name in LISTED if name.startswith("marts."))}  # dbt makes these
    assert names >= LISTED - not_yet, "listed tables exist"
    without = {
        t["name"] for t in tables if t["name"] not in LISTED and not {"tenant", "every_tenant"} <= set(t["policies"])
    }
    assert without == set()


async def test_every_view_asks_with_the_rights_of_its_reader(pipeline: Database) -> None:
    async with pipeline.transaction() as db:
        views = await rows(db, TABLES, {"kinds": ["v", "m"]})
    assert len(views) > 5
    assert [view["name"] for view in views if not view["is_invoker"]] == []


async def test_every_key_begins_with_the_tenant(pipeline: Database) -> None:
    async with pipeline.transaction() as db:
        keys = await rows(db, KEYS)
    assert len(keys) > 20
    wrong = [
        (key["name"], key["key"])
        for key in keys
        if key["name"] not in LISTED and key["columns"][0] != "organization_id"
    ]
    assert wrong == []


async def test_the_api_owns_nothing_and_passes_no_policy(pipeline: Database) -> None:
    async with pipeline.transaction() as db:
        owned = await rows(db, TABLES + " and pg_get_userbyid(class.relowner) = 'ai2_api'", {"kinds": ["r", "p", "v"]})
        roles = await rows(db, "select rolname from pg_roles where rolname like 'ai2%%' and (rolbypassrls or rolsuper)")
        definers = await rows(
            db,
            f"""
            select proname from pg_proc as proc join pg_namespace as namespace on namespace.oid = proc.pronamespace
            where prosecdef and {OURS}
            """,
        )
    assert (owned, roles, definers) == ([], [], [])


async def test_a_tenant_sees_its_own_rows_without_any_condition_of_ours(
    database: Database, organization: Organization, stranger: Organization
) -> None:
    """The database alone keeps them apart: these queries name no organization."""
    tenant_tables = "select name from (" + TABLES + ") as tables where has_tenant"
    async with database.transaction(organization.organization_id) as db:
        names = {row["name"] for row in await rows(db, tenant_tables, {"kinds": ["r", "p", "v"]})}
        for name in names - LISTED:
            seen = await rows(db, f"select distinct organization_id from {name}")  # type: ignore[arg-type]
            assert {row["organization_id"] for row in seen} <= {organization.organization_id}, name
        assert await seen_organizations(db) == {organization.organization_id}
    async with database.transaction() as db:
        assert await seen_organizations(db) == set(), "no tenant named, nothing seen"
    async with database.transaction(stranger.organization_id) as db:
        assert await seen_organizations(db) == {stranger.organization_id}


async def seen_organizations(db: Connection) -> set[object]:
    return {row["organization_id"] for row in await rows(db, "select organization_id from identity.organizations")}


async def test_nobody_writes_into_another_organization(
    database: Database, organization: Organization, stranger: Organization
) -> None:
    new = """
        insert into books.categories (organization_id, category_id, name, kind)
        values (%s, gen_random_uuid(), 'x', 'expense')
    """
    async with database.transaction(organization.organization_id) as db:
        await db.execute(new, [organization.organization_id])
    with pytest.raises(InsufficientPrivilege):
        async with database.transaction(organization.organization_id) as db:
            await db.execute(new, [stranger.organization_id])
