"""Every query on the audit. Entries are added and read; what else may be done to them the database says."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

ENTRY = "number, at, actor, operation, entity_kind, entity_id, details, details_digest, link"
CHOSEN = """
    organization_id = %(organization_id)s
    and (%(actor)s::text is null or actor = %(actor)s)
    and (%(operation)s::text is null or operation = %(operation)s)
    and (%(entity_id)s::uuid is null or entity_id = %(entity_id)s)
    and (%(start)s::timestamptz is null or at >= %(start)s)
    and (%(end)s::timestamptz is null or at < %(end)s)
"""
HEAD = """
    select head.number, head.link, head.base_number, head.base_link, head.base_seal, key.wrapped_key
    from audit.heads as head
    inner join identity.organization_keys as key using (organization_id)
    where head.organization_id = %(organization_id)s
"""


async def hold(db: Connection, organization_id: UUID) -> DictRow | None:
    """The chain's end, which nobody else adds to until the transaction ends."""
    return await one(db, f"{HEAD} for no key update of head", {"organization_id": organization_id})


async def head(db: Connection, organization_id: UUID) -> DictRow | None:
    return await one(db, HEAD, {"organization_id": organization_id})


async def begin(db: Connection, organization_id: UUID) -> None:
    """An empty chain for an organization that has none, and is there."""
    await db.execute(
        """
        insert into audit.heads (organization_id)
        select organization_id from identity.organizations where organization_id = %(organization_id)s
        on conflict do nothing
        """,
        {"organization_id": organization_id},
    )


async def add(db: Connection, organization_id: UUID, values: dict[str, Any]) -> None:
    """An entry at the end that is held."""
    await db.execute(
        """
        with added as (
            insert into audit.entries (
                organization_id, number, at, actor, operation, entity_kind, entity_id, details, details_digest, link
            ) values (
                %(organization_id)s, %(number)s, %(at)s, %(actor)s, %(operation)s, %(entity_kind)s, %(entity_id)s,
                %(details)s, %(details_digest)s, %(link)s
            )
        )
        update audit.heads set number = %(number)s, link = %(link)s where organization_id = %(organization_id)s
        """,
        {**values, "details": Jsonb(values["details"]), "organization_id": organization_id},
    )


async def page(db: Connection, organization_id: UUID, **chosen: Any) -> list[DictRow]:
    query = f"""
        select {ENTRY} from audit.entries
        where {CHOSEN} and (%(before)s::bigint is null or number < %(before)s)
        order by number desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, **chosen})


async def total(db: Connection, organization_id: UUID, **chosen: Any) -> int:
    query = f"select count(*) as number from audit.entries where {CHOSEN}"
    return await number(db, query, {"organization_id": organization_id, **chosen})


async def after(db: Connection, organization_id: UUID, number: int, limit: int) -> list[DictRow]:
    query = f"""
        select {ENTRY} from audit.entries
        where organization_id = %(organization_id)s and number > %(number)s order by number limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "number": number, "limit": limit})


async def erase_details(db: Connection, organization_id: UUID, actor: str) -> int:
    erased = await db.execute(
        """
        update audit.entries set details = null
        where organization_id = %(organization_id)s and actor = %(actor)s and details is not null
        """,
        {"organization_id": organization_id, "actor": actor},
    )
    return erased.rowcount


async def last_before(db: Connection, organization_id: UUID, instant: datetime) -> DictRow | None:
    """The last entry from before an instant: the first that is not is looked for in the order of the chain."""
    query = """
        select number, link from audit.entries
        where organization_id = %(organization_id)s and number = coalesce(
            (
                select min(number) - 1 from audit.entries
                where organization_id = %(organization_id)s and at >= %(instant)s
            ),
            (select max(number) from audit.entries where organization_id = %(organization_id)s)
        )
    """
    return await one(db, query, {"organization_id": organization_id, "instant": instant})


async def forget(db: Connection, organization_id: UUID, *, number: int, link: bytes, seal: bytes) -> int:
    """Let the chain begin after this entry, and take out what comes before. Two statements: the guard looks at the
    first one's effect."""
    values = {"organization_id": organization_id, "number": number, "link": link, "seal": seal}
    await db.execute(
        """
        update audit.heads set base_number = %(number)s, base_link = %(link)s, base_seal = %(seal)s
        where organization_id = %(organization_id)s
        """,
        values,
    )
    gone = await db.execute(
        "delete from audit.entries where organization_id = %(organization_id)s and number <= %(number)s", values
    )
    return gone.rowcount
