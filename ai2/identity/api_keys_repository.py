"""Every query on API keys."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

COLUMNS = "api_key_id, name, role, prefix, created_by, created_at, expires_at"


async def insert(db: Connection, **values: object) -> DictRow:
    query = f"""
        with indexed as (
            insert into identity.api_key_index (digest, organization_id, api_key_id)
            values (%(digest)s, %(organization_id)s, %(api_key_id)s)
        )
        insert into identity.api_keys (organization_id, api_key_id, name, role, prefix, created_by, expires_at)
        values (%(organization_id)s, %(api_key_id)s, %(name)s, %(role)s, %(prefix)s, %(created_by)s, %(expires_at)s)
        returning {COLUMNS}
    """
    return await one(db, query, values) or {}


async def list_all(db: Connection, organization_id: UUID) -> list[DictRow]:
    query = f"""
        select {COLUMNS} from identity.api_keys
        where organization_id = %(organization_id)s and revoked_at is null order by api_key_id
    """
    return await rows(db, query, {"organization_id": organization_id})


async def revoke(db: Connection, organization_id: UUID, api_key_id: UUID) -> bool:
    """Whether there was one to revoke."""
    found = await db.execute(
        """
        with revoked as (
            update identity.api_keys set revoked_at = now()
            where organization_id = %(organization_id)s and api_key_id = %(api_key_id)s and revoked_at is null
            returning organization_id, api_key_id
        )
        delete from identity.api_key_index as indexed using revoked
        where indexed.organization_id = revoked.organization_id and indexed.api_key_id = revoked.api_key_id
        """,
        {"organization_id": organization_id, "api_key_id": api_key_id},
    )
    return found.rowcount > 0


async def enter(db: Connection, digest: bytes) -> DictRow | None:
    """Act for whose key this is from here on, and say who that is; none where it is revoked or past its time.

    Two queries, asked at once: the first finds the tenant, and only then does the second see the key.
    """
    await db.execute(
        """
        select
            set_config('app.organization_id', organization_id::text, true),
            set_config('app.actor', 'api_key:' || api_key_id, true)
        from identity.api_key_index where digest = %(digest)s
        """,
        {"digest": digest},
    )
    return await one(
        db,
        """
        select organization_id, api_key_id, role from identity.api_keys
        where organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
            and api_key_id = nullif(split_part(current_setting('app.actor', true), ':', 2), '')::uuid
            and revoked_at is null and (expires_at is null or expires_at > now())
        """,
    )
