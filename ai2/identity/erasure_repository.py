"""Every query of erasure. For operators: `db` is the pipeline role's, which sees every organization."""

from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from ai2.kit.database import Connection, one, rows


@dataclass(frozen=True)
class Table:
    """A table with rows of organizations, as schema.name, and the tables that its keys point to."""

    name: str
    points_to: frozenset[str]


async def lock(db: Connection, organization_id: UUID) -> bool:
    """Whether the organization is there; nobody else changes it until the transaction ends."""
    query = "select from identity.organizations where organization_id = %(organization_id)s for update"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def is_erased(db: Connection, organization_id: UUID) -> bool:
    query = "select from identity.erasures where organization_id = %(organization_id)s"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def bury(db: Connection, organization_id: UUID, erased_by: str) -> None:
    """The first erasure is the one that is remembered."""
    await db.execute(
        "insert into identity.erasures (organization_id, erased_by) values (%s, %s) on conflict do nothing",
        [organization_id, erased_by],
    )


async def tables(db: Connection) -> list[Table]:
    """Every table of every schema that has a column organization_id, tombstones aside."""
    query = """
        with ours as (
            select class.oid, namespace.nspname || '.' || class.relname as name
            from pg_class as class
            inner join pg_namespace as namespace on namespace.oid = class.relnamespace
            inner join pg_attribute as attribute on attribute.attrelid = class.oid
            where class.relkind in ('r', 'p') and not class.relispartition
                and attribute.attname = 'organization_id' and not attribute.attisdropped
                and class.relpersistence <> 't' and class.oid <> 'identity.erasures'::regclass
        )
        select ours.name, array_remove(array_agg(target.name), null) as points_to
        from ours
        left join pg_constraint as key on key.conrelid = ours.oid and key.contype = 'f'
        left join ours as target on target.oid = key.confrelid
        group by ours.name
    """
    return [Table(row["name"], frozenset(row["points_to"])) for row in await rows(db, query)]


async def delete_all(db: Connection, table: str, organization_id: UUID) -> int:
    """Take every row of the organization out of a table, and say how many there were."""
    query = sql.SQL("delete from {} where organization_id = %s").format(sql.Identifier(*table.split(".", 1)))
    return (await db.execute(query, [organization_id])).rowcount


async def only_theirs(db: Connection, organization_id: UUID) -> list[UUID]:
    """The users who are or were members here, and are none elsewhere."""
    query = """
        select user_id from identity.memberships where organization_id = %(organization_id)s
        union
        select user_id from identity.sessions where organization_id = %(organization_id)s
        except
        select user_id from identity.memberships where organization_id <> %(organization_id)s
    """
    return [row["user_id"] for row in await rows(db, query, {"organization_id": organization_id})]


async def delete_users(db: Connection, user_ids: list[UUID]) -> None:
    """Their sessions and keys elsewhere end first: a key that nobody made would be held back by nobody's role."""
    await db.execute("delete from identity.sessions where user_id = any(%s)", [user_ids])
    await db.execute(
        """
        with revoked as (
            update identity.api_keys set created_by = null, revoked_at = coalesce(revoked_at, now())
            where created_by = any(%s)
            returning organization_id, api_key_id
        )
        delete from identity.api_key_index as indexed using revoked
        where indexed.organization_id = revoked.organization_id and indexed.api_key_id = revoked.api_key_id
        """,
        [user_ids],
    )
    await db.execute("delete from identity.users where user_id = any(%s)", [user_ids])
