"""Every query on sessions."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

if TYPE_CHECKING:
    from ai2.kit.security import AccessToken


async def insert(db: Connection, **values: object) -> None:
    await db.execute(
        """
        insert into identity.sessions (session_id, user_id, organization_id, refresh_digest, expires_at)
        values (%(session_id)s, %(user_id)s, %(organization_id)s, %(refresh_digest)s, %(expires_at)s)
        """,
        values,
    )


async def live(db: Connection, session_id: UUID, *, lock: bool) -> DictRow | None:
    """A session that has not ended; locked, a second refresh waits for the first."""
    query = """
        select session_id, user_id, organization_id, refresh_digest, spent_digests from identity.sessions
        where session_id = %(session_id)s and ended_at is null and expires_at > now()
    """
    return await one(db, query + (" for update" if lock else ""), {"session_id": session_id})


async def list_live(db: Connection, organization_id: UUID, user_id: UUID) -> list[DictRow]:
    query = """
        select session_id, created_at, refreshed_at, expires_at from identity.sessions
        where organization_id = %(organization_id)s and user_id = %(user_id)s
            and ended_at is null and expires_at > now()
        order by session_id
    """
    return await rows(db, query, {"organization_id": organization_id, "user_id": user_id})


async def role(db: Connection, token: "AccessToken") -> DictRow | None:
    """The role of a member in a session that has not ended, and whether they lack what their organization requires."""
    query = """
        select
            membership.role,
            organization.require_second_factor and not exists (
                select from identity.second_factors as factor
                where factor.user_id = session.user_id and factor.confirmed_at is not null
            ) as lacks_second_factor
        from identity.sessions as session
        join identity.memberships as membership
            on membership.organization_id = session.organization_id and membership.user_id = session.user_id
        join identity.organizations as organization on organization.organization_id = session.organization_id
        where session.session_id = %(session_id)s and session.ended_at is null and session.expires_at > now()
            and session.user_id = %(user_id)s and session.organization_id = %(organization_id)s
    """
    return await one(db, query, vars(token))


async def rotate(db: Connection, session_id: UUID, refresh_digest: bytes, expires_at: datetime) -> None:
    await db.execute(
        """
        update identity.sessions set
            spent_digests = spent_digests || refresh_digest, refresh_digest = %s, refreshed_at = now(),
            expires_at = %s
        where session_id = %s
        """,
        [refresh_digest, expires_at, session_id],
    )


async def end(db: Connection, session_id: UUID) -> None:
    query = "update identity.sessions set ended_at = now() where session_id = %s and ended_at is null"
    await db.execute(query, [session_id])


async def end_of_user(
    db: Connection, organization_id: UUID, user_id: UUID | None, session_id: UUID | None = None
) -> bool:
    """End a user's session in an organization, or all of them; whether there was one."""
    ended = await db.execute(
        """
        update identity.sessions set ended_at = now()
        where organization_id = %(organization_id)s and user_id = %(user_id)s
            and ended_at is null and expires_at > now()
            and (%(session_id)s::uuid is null or session_id = %(session_id)s)
        """,
        {"organization_id": organization_id, "user_id": user_id, "session_id": session_id},
    )
    return ended.rowcount > 0


async def end_others(db: Connection, user_id: UUID, session_id: UUID | None = None) -> None:
    """End every session of the user but this one, and what any of them began: to link who signs in elsewhere."""
    await db.execute(
        """
        with begun as (delete from identity.sign_ins where user_id = %(user_id)s)
        update identity.sessions set ended_at = now()
        where user_id = %(user_id)s and ended_at is null and session_id is distinct from %(session_id)s::uuid
        """,
        {"user_id": user_id, "session_id": session_id},
    )
