"""Every query on organizations, users and memberships."""

from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, Query, one, rows

if TYPE_CHECKING:
    from ai2.identity.organizations import Organization
    from ai2.identity.users import User

ORGANIZATION = """
    organization_id, name, base_currency, country, fiscal_year_start, shares_learning, require_second_factor, version,
    fiscal_year_start_day, tax_jurisdiction, tax_registered, tax_number, tax_scheme, auto_apply_confidence,
    tax_role, tax_business, tax_basis, allows_llm
"""


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


def organization_query(organization_id: UUID) -> Query:
    query = f"select {ORGANIZATION} from identity.organizations where organization_id = %(organization_id)s"
    return query, {"organization_id": organization_id}


async def organization(db: Connection, organization_id: UUID) -> DictRow | None:
    return await one(db, *organization_query(organization_id))


async def lock_organization(db: Connection, organization_id: UUID) -> None:
    """Changes of an organization and of who belongs to it come one after the other, until the transaction ends."""
    await db.execute(
        "select from identity.organizations where organization_id = %s for no key update", [organization_id]
    )


async def update_organization(db: Connection, organization: "Organization") -> None:
    await db.execute(
        """
        update identity.organizations set
            name = %(name)s, base_currency = %(base_currency)s, country = %(country)s,
            fiscal_year_start = %(fiscal_year_start)s, fiscal_year_start_day = %(fiscal_year_start_day)s,
            tax_jurisdiction = %(tax_jurisdiction)s, tax_registered = %(tax_registered)s,
            tax_number = %(tax_number)s, tax_scheme = %(tax_scheme)s, tax_role = %(tax_role)s,
            tax_business = %(tax_business)s, tax_basis = %(tax_basis)s,
            auto_apply_confidence = %(auto_apply_confidence)s, shares_learning = %(shares_learning)s,
            require_second_factor = %(require_second_factor)s, allows_llm = %(allows_llm)s, version = version + 1
        where organization_id = %(organization_id)s
        """,
        vars(organization),
    )


async def former_settings(db: Connection, organization_id: UUID, *, before: int | None, limit: int) -> list[DictRow]:
    """What an organization's settings were, the last ones first; `before` is the last version seen."""
    query = """
        select version, settings, known_to, changed_by from identity.organization_versions
        where organization_id = %(organization_id)s and (%(before)s::integer is null or version < %(before)s)
        order by version desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "before": before, "limit": limit})


async def organizations(db: Connection) -> list[DictRow]:
    return await rows(db, f"select {ORGANIZATION} from identity.organizations order by organization_id")


async def organizations_named(db: Connection, name_or_id: str) -> list[DictRow]:
    return await rows(
        db,
        f"""
        select {ORGANIZATION} from identity.organizations
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


async def insert_user(db: Connection, user: "User", password_hash: str | None) -> None:
    await db.execute(
        """
        insert into identity.users (user_id, email, name, password_hash)
        values (%(user_id)s, %(email)s, %(name)s, %(password_hash)s)
        """,
        {**vars(user), "password_hash": password_hash},
    )


async def user(db: Connection, user_id: UUID) -> DictRow | None:
    query = "select user_id, email, name from identity.users where user_id = %(user_id)s"
    return await one(db, query, {"user_id": user_id})


async def user_with_password(db: Connection, email: str) -> DictRow | None:
    query = "select user_id, email, name, password_hash from identity.users where email = %(email)s"
    return await one(db, query, {"email": email})


async def any_user(db: Connection) -> bool:
    return await one(db, "select from identity.users limit 1") is not None


async def set_password(db: Connection, user_id: UUID, password_hash: str) -> None:
    query = "update identity.users set password_hash = %s where user_id = %s"
    await db.execute(query, [password_hash, user_id])


async def lock_registration(db: Connection) -> None:
    """Held until the transaction ends, so that two first registrations never both find nobody."""
    await db.execute("select pg_advisory_xact_lock(hashtext('identity.registration'))")


async def upsert_membership(db: Connection, organization_id: UUID, user_id: UUID, role: str) -> None:
    await db.execute(
        """
        insert into identity.memberships as membership (organization_id, user_id, role) values (%s, %s, %s)
        on conflict (organization_id, user_id) do update set role = excluded.role, version = membership.version + 1
        """,
        [organization_id, user_id, role],
    )


async def see_own_memberships(db: Connection, user_id: UUID) -> None:
    """Let the rest of this transaction see the user's memberships in every organization."""
    await db.execute("select set_config('app.user_id', %s, true)", [str(user_id)])


async def memberships(db: Connection, user_id: UUID) -> list[DictRow]:
    query = """
        select organization_id, user_id, role from identity.memberships
        where user_id = %(user_id)s order by created_at, organization_id
    """
    return await rows(db, query, {"user_id": user_id})
