"""Every query on invitations. Who takes one away takes its digest out of the index too."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

COLUMNS = "organization_id, invitation_id, email, role, invited_by, created_at, expires_at"
DELETE = """
    with gone as (
        delete from identity.invitations
        where organization_id = %(organization_id)s and {which}
        returning organization_id, invitation_id
    )
    delete from identity.invitation_index as indexed using gone
    where indexed.organization_id = gone.organization_id and indexed.invitation_id = gone.invitation_id
"""


async def insert(db: Connection, **values: object) -> DictRow:
    query = f"""
        with indexed as (
            insert into identity.invitation_index (digest, organization_id, invitation_id)
            values (%(digest)s, %(organization_id)s, %(invitation_id)s)
        )
        insert into identity.invitations (organization_id, invitation_id, email, role, invited_by, expires_at)
        values (%(organization_id)s, %(invitation_id)s, %(email)s, %(role)s, %(invited_by)s, %(expires_at)s)
        returning {COLUMNS}
    """
    return await one(db, query, values) or {}


async def list_open(db: Connection, organization_id: UUID) -> list[DictRow]:
    query = f"""
        select {COLUMNS} from identity.invitations
        where organization_id = %(organization_id)s and expires_at > now() order by invitation_id
    """
    return await rows(db, query, {"organization_id": organization_id})


async def delete(db: Connection, organization_id: UUID, invitation_id: UUID) -> bool:
    """Whether there was one."""
    gone = await db.execute(
        DELETE.format(which="invitation_id = %(invitation_id)s"),
        {"organization_id": organization_id, "invitation_id": invitation_id},
    )
    return gone.rowcount > 0


async def make_room(db: Connection, organization_id: UUID, email: str) -> None:
    """Forget an earlier invitation of this address, and all that are past their time."""
    which = "(email = %(email)s or expires_at <= now())"
    await db.execute(DELETE.format(which=which), {"organization_id": organization_id, "email": email})


async def withdraw(db: Connection, organization_id: UUID, invited_by: UUID, roles: Sequence[str]) -> None:
    """Take back the invitations that somebody gave, to any of these roles."""
    which = "invited_by = %(invited_by)s and role = any(%(roles)s)"
    values = {"organization_id": organization_id, "invited_by": invited_by, "roles": [str(role) for role in roles]}
    await db.execute(DELETE.format(which=which), values)


async def enter(db: Connection, digest: bytes) -> DictRow | None:
    """The open invitation of this digest, held until the transaction ends, which acts for its organization from here.

    The first query finds the tenant, and only then does the second see the invitation.
    """
    await db.execute(
        """
        select
            set_config('app.organization_id', organization_id::text, true),
            set_config('app.actor', 'invitation:' || invitation_id, true)
        from identity.invitation_index where digest = %(digest)s
        """,
        {"digest": digest},
    )
    return await one(
        db,
        f"""
        select {COLUMNS} from identity.invitations
        where organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
            and invitation_id = nullif(split_part(current_setting('app.actor', true), ':', 2), '')::uuid
            and expires_at > now()
        for update
        """,
    )
