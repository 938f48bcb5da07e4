"""API keys: how programs sign in. A key is shown once; what is stored cannot be turned back into it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ai2.identity import api_keys_repository as repository
from ai2.identity.principal import Principal, Role
from ai2.kit import events, security
from ai2.kit.database import Connection
from ai2.kit.errors import NotFound
from ai2.kit.ids import new_id

PREFIX_LENGTH = 10  # enough to tell keys apart in a list, too little to guess the rest
KEY_LENGTH_MAX = 200


class ApiKeyNotFound(NotFound):
    """There is no such API key; GET /api/core/api-keys lists yours."""


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret; `prefix` is how it begins."""

    api_key_id: UUID
    name: str
    role: Role
    prefix: str
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class NewApiKey:
    """A key just made, and its secret, which is never seen again."""

    key: ApiKey
    secret: str


async def create(
    db: Connection,
    organization_id: UUID,
    *,
    name: str,
    role: Role,
    created_by: UUID | None = None,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key of the organization that `db` acts for."""
    secret, api_key_id = security.new_api_key(), new_id()
    row = await repository.insert(
        db,
        organization_id=organization_id,
        api_key_id=api_key_id,
        name=name,
        role=role,
        prefix=secret[:PREFIX_LENGTH],
        created_by=created_by,
        expires_at=expires_at,
        digest=security.digest(secret),
    )
    await events.emit(db, organization_id, "api_key.created", {"api_key_id": api_key_id, "role": role})
    return NewApiKey(_api_key(row), secret)


async def list_all(db: Connection, organization_id: UUID) -> list[ApiKey]:
    """The organization's keys that were not revoked, oldest first."""
    return [_api_key(row) for row in await repository.list_all(db, organization_id)]


async def revoke(db: Connection, organization_id: UUID, api_key_id: UUID) -> None:
    """From now on the key opens nothing."""
    if not await repository.revoke(db, organization_id, api_key_id):
        raise ApiKeyNotFound
    await events.emit(db, organization_id, "api_key.revoked", {"api_key_id": api_key_id})


async def authenticate(db: Connection, secret: str) -> Principal:
    """Who holds this key; the rest of the transaction acts for them."""
    if len(secret) > KEY_LENGTH_MAX:
        raise security.BadCredential
    row = await repository.enter(db, security.digest(secret))
    if row is None:
        raise security.BadCredential
    return Principal(row["organization_id"], Role(row["role"]), api_key_id=row["api_key_id"])


def _api_key(row: dict[str, object]) -> ApiKey:
    return ApiKey(**{**row, "role": Role(str(row["role"]))})  # type: ignore[arg-type]
