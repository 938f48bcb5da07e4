"""API keys: how programs sign in. A key is shown once; what is stored cannot be turned back into it."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ai2.identity import api_keys_repository as repository
from ai2.identity.principal import Principal, Role, RoleTooHigh, Scope
from ai2.kit import events, security
from ai2.kit.database import Connection
from ai2.kit.errors import Forbidden, NotFound
from ai2.kit.ids import new_id

PREFIX_LENGTH = 10  # enough to tell keys apart in a list, too little to guess the rest
KEY_LENGTH_MAX = 200
# Noting that a key is used costs a write: each process does so once a minute and key.
NOTED_FOR_S = 60.0
_noted: dict[bytes, float] = {}


class ApiKeyNotFound(NotFound):
    """There is no such API key; GET /api/core/api-keys lists yours."""


class KeyBeyondYours(Forbidden):
    """A key makes keys that may no more and last no longer than itself; sign in to make others."""


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret; `prefix` is how it begins.

    `effective_role` is what it may now: its role, or that of the member it stands for (`created_by`) where that is
    lower, or none where they are no member any more. `made_by` is the key that made it. Without scopes it may all
    that the role may.
    """

    api_key_id: UUID
    name: str
    role: Role
    effective_role: Role | None
    scopes: list[Scope] | None
    prefix: str
    created_by: UUID | None
    made_by: UUID | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class NewApiKey:
    """A key just made, and its secret, which is never seen again."""

    key: ApiKey
    secret: str


async def create_for(
    db: Connection,
    who: Principal,
    *,
    name: str,
    role: Role,
    scopes: Collection[Scope] | None = None,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key that may no more than its maker. What is not said of scopes and end is as the maker's own."""
    if not who.role.covers(role):
        raise RoleTooHigh
    scopes = who.scopes if scopes is None else scopes
    expires_at = expires_at or who.expires_at
    if who.scopes is not None and not who.scopes.issuperset(scopes or ()):
        raise KeyBeyondYours
    if who.expires_at and expires_at and expires_at > who.expires_at:
        raise KeyBeyondYours
    return await create(
        db,
        who.organization_id,
        name=name,
        role=role,
        scopes=scopes,
        created_by=who.user_id or who.stands_for,
        made_by=who.api_key_id,
        expires_at=expires_at,
    )


async def create(
    db: Connection,
    organization_id: UUID,
    *,
    name: str,
    role: Role,
    scopes: Collection[Scope] | None = None,
    created_by: UUID | None = None,
    made_by: UUID | None = None,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key of the organization that `db` acts for. One that nobody made is held back by nobody's role."""
    secret, api_key_id = security.new_api_key(), new_id()
    await repository.insert(
        db,
        organization_id=organization_id,
        api_key_id=api_key_id,
        name=name,
        role=role,
        scopes=None if scopes is None else [str(scope) for scope in Scope if scope in scopes],
        prefix=secret[:PREFIX_LENGTH],
        created_by=created_by,
        made_by=made_by,
        expires_at=expires_at,
        digest=security.digest(secret),
    )
    await events.emit(db, organization_id, "api_key.created", {"api_key_id": api_key_id, "role": role})
    row = await repository.get(db, organization_id, api_key_id)
    return NewApiKey(_api_key(row or {}), secret)


async def list_all(db: Connection, organization_id: UUID) -> list[ApiKey]:
    """The organization's keys that were not revoked, oldest first."""
    return [_api_key(row) for row in await repository.list_all(db, organization_id)]


async def revoke(db: Connection, organization_id: UUID, api_key_id: UUID) -> None:
    """From now on the key opens nothing, and neither do those that it made."""
    revoked = await repository.revoke(db, organization_id, api_key_id)
    if not revoked:
        raise ApiKeyNotFound
    await _tell(db, organization_id, revoked)


async def revoke_of_user(db: Connection, organization_id: UUID, user_id: UUID) -> None:
    """Revoke the keys that stand for a member."""
    await _tell(db, organization_id, await repository.revoke_of_user(db, organization_id, user_id))


async def authenticate(db: Connection, secret: str) -> Principal:
    """Who holds this key; the rest of the transaction acts for them."""
    if len(secret) > KEY_LENGTH_MAX:
        raise security.BadCredential
    digest = security.digest(secret)
    row = await repository.enter(db, digest, is_used=_is_to_note(digest))
    role = _effective_role(row) if row else None
    if row is None or role is None:
        raise security.BadCredential
    return Principal(
        row["organization_id"],
        role,
        api_key_id=row["api_key_id"],
        stands_for=row["created_by"],
        scopes=_scopes(row),
        expires_at=row["expires_at"],
    )


def _is_to_note(digest: bytes) -> bool:
    now = time.monotonic()
    if now - _noted.get(digest, -NOTED_FOR_S) < NOTED_FOR_S:
        return False
    if len(_noted) > 10_000:  # among them may be guesses
        _noted.clear()
    _noted[digest] = now
    return True


async def _tell(db: Connection, organization_id: UUID, revoked: list[UUID]) -> None:
    for api_key_id in revoked:
        await events.emit(db, organization_id, "api_key.revoked", {"api_key_id": api_key_id})


def _api_key(row: dict[str, Any]) -> ApiKey:
    scopes = _scopes(row)
    shown = {
        **row,
        "role": Role(row["role"]),
        "effective_role": _effective_role(row),
        "scopes": None if scopes is None else [scope for scope in Scope if scope in scopes],
    }
    del shown["standing"]
    return ApiKey(**shown)


def _effective_role(row: dict[str, Any]) -> Role | None:
    """The lesser of the key's role and that of the member it stands for."""
    role = Role(row["role"])
    if row["created_by"] is None:
        return role
    if row["standing"] is None:
        return None
    standing = Role(row["standing"])
    return role if standing.covers(role) else standing


def _scopes(row: dict[str, Any]) -> frozenset[Scope] | None:
    """A scope that this version does not know opens nothing."""
    return None if row["scopes"] is None else frozenset(scope for scope in Scope if scope in row["scopes"])
