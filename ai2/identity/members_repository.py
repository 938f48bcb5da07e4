"""Every query on the members of one organization."""

from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, number, one, rows

SELECT = """
    select
        membership.user_id, person.email, person.name, membership.role, membership.version, membership.created_at
    from identity.memberships as membership
    join identity.users as person on person.user_id = membership.user_id
    where membership.organization_id = %(organization_id)s
"""


async def list_all(db: Connection, organization_id: UUID) -> list[DictRow]:
    query = SELECT + " order by membership.created_at, membership.user_id"
    return await rows(db, query, {"organization_id": organization_id})


async def get(db: Connection, organization_id: UUID, user_id: UUID) -> DictRow | None:
    query = SELECT + " and membership.user_id = %(user_id)s"
    return await one(db, query, {"organization_id": organization_id, "user_id": user_id})


async def by_email(db: Connection, organization_id: UUID, email: str) -> DictRow | None:
    query = SELECT + " and person.email = %(email)s"
    return await one(db, query, {"organization_id": organization_id, "email": email})


async def count(db: Connection, organization_id: UUID, role: str) -> int:
    """How many members have just this role."""
    query = """
        select count(*) as number from identity.memberships
        where organization_id = %(organization_id)s and role = %(role)s
    """
    return await number(db, query, {"organization_id": organization_id, "role": role})


async def set_role(db: Connection, organization_id: UUID, user_id: UUID, role: str) -> None:
    await db.execute(
        """
        update identity.memberships set role = %(role)s, version = version + 1
        where organization_id = %(organization_id)s and user_id = %(user_id)s
        """,
        {"organization_id": organization_id, "user_id": user_id, "role": role},
    )


async def delete(db: Connection, organization_id: UUID, user_id: UUID) -> None:
    await db.execute(
        """
        delete from identity.memberships
        where organization_id = %(organization_id)s and user_id = %(user_id)s
        """,
        {"organization_id": organization_id, "user_id": user_id},
    )
