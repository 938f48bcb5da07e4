"""Returns: people who come back from a provider's link, and what they consented to.

Who comes back is known by a reference that only the provider and we know. A consent is finished only where it was
begun: by the browser that was given the link, which has a cookie of it, or by the organization that asked for it. So
nobody gets the accounts of somebody whom they talked into opening a link.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ai2.connections import repository, service
from ai2.connections.model import Connection
from ai2.ingest.sources import names
from ai2.kit.database import Database
from ai2.kit.errors import Forbidden, NotFound
from ai2.kit.security import digest, same

ACTOR = "consent"


class ConsentNotFound(NotFound):
    """No such return is awaited, or not any more; GET /api/connectors/connections says where yours stand."""


class BegunElsewhere(Forbidden):
    """This consent was begun elsewhere; finish it there, with the reference of this address."""


def cookie_of(link: str) -> tuple[str, str]:
    """Name and value of the cookie that whoever is given the link has."""
    text = digest(f"consent {link}").hex()
    return f"ai2_consent_{text[:16]}", text[16:]


async def came_back(
    database: Database, provider: str, reference: str, answer: Mapping[str, Any], cookies: Mapping[str, str]
) -> Connection:
    """Finish a consent in the browser that began it. Raises ConsentNotFound, BegunElsewhere, what the source says."""
    names.source(provider)
    async with database.transaction() as db:
        whose = await repository.of_external_id(db, provider, reference)
    if whose is None:
        raise ConsentNotFound
    async with database.transaction(whose["organization_id"]) as db:
        secret = await service.secrets_of(db, whose["organization_id"], whose["connection_id"])
    name, value = cookie_of(str((secret.get("awaits") or {}).get("link", "")))
    if not same(cookies.get(name, "").encode(), value.encode()):
        raise BegunElsewhere
    return await _finish(database, whose["organization_id"], whose["connection_id"], provider, reference, answer, ACTOR)


async def brought_back(
    database: Database, organization_id: UUID, provider: str, reference: str, answer: Mapping[str, Any], *, actor: str
) -> Connection:
    """Finish a consent that the organization began. Raises ConsentNotFound, and what the source says."""
    names.source(provider)
    async with database.transaction() as db:
        whose = await repository.of_external_id(db, provider, reference)
    if whose is None or whose["organization_id"] != organization_id:
        raise ConsentNotFound
    return await _finish(database, organization_id, whose["connection_id"], provider, reference, answer, actor)


async def _finish(
    database: Database,
    organization_id: UUID,
    connection_id: UUID,
    provider: str,
    reference: str,
    answer: Mapping[str, Any],
    actor: str,
) -> Connection:
    told = {**answer, "ref": reference}
    connection = await service.finish(database, organization_id, connection_id, told, actor=actor)
    async with database.transaction(organization_id) as db:
        await repository.forget_external_id(db, provider, reference)
    return connection
