"""Every query on consents that are under way."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one


async def begin(db: Connection, *, lasts_s: int, **known: Any) -> None:
    """Write a consent down; those that are over are forgotten with it."""
    await db.execute("delete from connect.consents where expires_at < now()")
    await db.execute(
        """
        insert into connect.consents (
            state_digest, secret_digest, organization_id, connection_id, provider, begun_by, expires_at
        ) values (
            %(state_digest)s, %(secret_digest)s, %(organization_id)s, %(connection_id)s, %(provider)s, %(begun_by)s,
            now() + make_interval(secs => %(lasts_s)s)
        )
        """,
        {**known, "lasts_s": lasts_s},
    )


async def use(db: Connection, state_digest: bytes, secret_digest: bytes) -> DictRow | None:
    """The consent of this state and secret, once, while it lasts. Who has not the secret uses nothing up."""
    query = """
        update connect.consents set used_at = clock_timestamp()
        where state_digest = %(state)s and secret_digest = %(secret)s and used_at is null
            and expires_at > clock_timestamp()
        returning organization_id, connection_id, provider, begun_by
    """
    return await one(db, query, {"state": state_digest, "secret": secret_digest})


async def forget(db: Connection, organization_id: UUID, connection_id: UUID) -> None:
    """Consents for this connection that were begun before lead nowhere."""
    await db.execute(
        "delete from connect.consents where organization_id = %s and connection_id = %s",
        [organization_id, connection_id],
    )
