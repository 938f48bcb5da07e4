"""Every query on API keys."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

# `standing` is what whoever made the key is now: none where they are no member any more.
SELECT = """
    select
        key.api_key_id, key.name, key.role, key.scopes, key.prefix, key.created_by, key.made_by, key.created_at,
        key.expires_at, key.last_used_at, maker.role as standing
    from identity.api_keys as key
    left join identity.memberships as maker
        on maker.organization_id = key.organization_id and maker.user_id = key.created_by
"""
HERE = """
    key.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
    and key.api_key_id = nullif(split_part(current_setting('app.actor', true), ':', 2), '')::uuid
    and key.revoked_at is null and (key.expires_at is null or key.expires_at > now())
"""
ENTERED = f"""
    select
        key.organization_id, key.api_key_id, key.role, key.scopes, key.created_by, key.expires_at,
        maker.role as standing
    from identity.api_keys as key
    left join identity.memberships as maker
        on maker.organization_id = key.organization_id and maker.user_id = key.created_by
    where {HERE}
"""
# Where another request of the key notes it just now, this one does not wait for it.
USED = f"""
    update identity.api_keys set last_used_at = now()
    where (organization_id, api_key_id) in (
        select key.organization_id, key.api_key_id from identity.api_keys as key
        where {HERE} and (key.last_used_at is null or key.last_used_at < now() - interval '1 minute')
        for no key update skip locked
    )
"""


async def insert(db: Connection, **values: object) -> None:
    await db.execute(
        """
        with indexed as (
            insert into identity.api_key_index (digest, organization_id, api_key_id)
            values (%(digest)s, %(organization_id)s, %(api_key_id)s)
        )
        insert into identity.api_keys
            (organization_id, api_key_id, name, role, scopes, prefix, created_by, made_by, expires_at)
        values (
            %(organization_id)s, %(api_key_id)s, %(name)s, %(role)s, %(scopes)s, %(prefix)s, %(created_by)s,
            %(made_by)s, %(expires_at)s
        )
        """,
        values,
    )


async def get(db: Connection, organization_id: UUID, api_key_id: UUID) -> DictRow | None:
    query = SELECT + " where key.organization_id = %(organization_id)s and key.api_key_id = %(api_key_id)s"
    return await one(db, query, {"organization_id": organization_id, "api_key_id": api_key_id})


async def list_all(db: Connection, organization_id: UUID) -> list[DictRow]:
    query = SELECT + (
        " where key.organization_id = %(organization_id)s and key.revoked_at is null order by key.api_key_id"
    )
    return await rows(db, query, {"organization_id": organization_id})


async def revoke(db: Connection, organization_id: UUID, api_key_id: UUID) -> list[UUID]:
    """Revoke a key and those that it made; which there were to revoke."""
    query = """
        with recursive lineage as (
            select api_key_id from identity.api_keys
            where organization_id = %(organization_id)s and api_key_id = %(api_key_id)s and revoked_at is null
            union
            select key.api_key_id from identity.api_keys as key
            join lineage on lineage.api_key_id = key.made_by
            where key.organization_id = %(organization_id)s
        ), revoked as (
            update identity.api_keys set revoked_at = now()
            where organization_id = %(organization_id)s and revoked_at is null
                and api_key_id in (select api_key_id from lineage)
            returning organization_id, api_key_id
        )
        delete from identity.api_key_index as indexed using revoked
        where indexed.organization_id = revoked.organization_id and indexed.api_key_id = revoked.api_key_id
        returning indexed.api_key_id
    """
    found = await rows(db, query, {"organization_id": organization_id, "api_key_id": api_key_id})
    return sorted(row["api_key_id"] for row in found)


async def revoke_of_user(db: Connection, organization_id: UUID, user_id: UUID) -> list[UUID]:
    """Revoke every key that stands for this member; which there were."""
    query = """
        with revoked as (
            update identity.api_keys set revoked_at = now()
            where organization_id = %(organization_id)s and created_by = %(user_id)s and revoked_at is null
            returning organization_id, api_key_id
        )
        delete from identity.api_key_index as indexed using revoked
        where indexed.organization_id = revoked.organization_id and indexed.api_key_id = revoked.api_key_id
        returning indexed.api_key_id
    """
    found = await rows(db, query, {"organization_id": organization_id, "user_id": user_id})
    return sorted(row["api_key_id"] for row in found)


async def enter(db: Connection, digest: bytes, *, is_used: bool) -> DictRow | None:
    """Act for whose key this is from here on, and say who that is; none where it is revoked or past its time.

    Queries asked at once: the first finds the tenant, and only then does the second see the key.
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
    if is_used:
        await db.execute(USED)
    return await one(db, ENTERED)
