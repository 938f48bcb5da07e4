"""Every query on connections that are listened to."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows


async def connected(db: Connection, providers: Sequence[str], *, limit: int) -> list[DictRow]:
    """Connections of these providers that are in step, the oldest first. `db` is the pipeline role's."""
    query = """
        select organization_id, connection_id from connect.connections
        where provider = any(%(providers)s) and state in ('connected', 'syncing') and credentials is not null
        order by connection_id limit %(limit)s
    """
    return await rows(db, query, {"providers": list(providers), "limit": limit})


async def sealed(db: Connection, organization_id: UUID, connection_id: UUID) -> bytes:
    """A connection's credentials as they are kept."""
    query = """
        select credentials from connect.connections
        where organization_id = %(organization_id)s and connection_id = %(connection_id)s
    """
    row = await one(db, query, {"organization_id": organization_id, "connection_id": connection_id})
    return bytes((row or {})["credentials"])
