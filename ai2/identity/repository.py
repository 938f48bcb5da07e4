"""Every query on organizations, users, memberships, sessions and API keys."""

from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

if TYPE_CHECKING:
    from ai2.identity.organizations import Organization


async def insert_organization(db: Connection, organization: "Organization", wrapped_key: bytes) -> None:
    await db.execute(
        """
        with organization as (
            insert into identity.organizations (organization_id, name, base_currency, country)
            values (%(organization_id)s, %(name)s, %(base_currency)s, %(country)s)
        )
        insert into identity.organization_keys (organization_id, wrapped_key)
        values (%(organization_id)s, %(wrapped_key)s)
        """,
        {**vars(organization), "wrapped_key": wrapped_key},
    )


async def organization(db: Connection, organization_id: UUID) -> DictRow | None:
    return await one(
        db,
        """
        select organization_id, name, base_currency, country from identity.organizations
        where organization_id = %(organization_id)s
        """,
        {"organization_id": organization_id},
    )


async def organizations(db: Connection) -> list[DictRow]:
    return await rows(
        db,
        "select organization_id, name, base_currency, country from identity.organizations order by organization_id",
    )


async def organizations_named(db: Connection, name_or_id: str) -> list[DictRow]:
    return await rows(
        db,
        """
        select organization_id, name, base_currency, country from identity.organizations
        where lower(name) = lower(%(name)s) or organization_id::text = lower(%(name)s)
        """,
        {"name": name_or_id},
    )


async def wrapped_key(db: Connection, organization_id: UUID) -> bytes | None:
    row = await one(
        db,
        "select wrapped_key from identity.organization_keys where organization_id = %(organization_id)s",
        {"organization_id": organization_id},
    )
    return bytes(row["wrapped_key"]) if row else None
