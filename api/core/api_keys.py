"""API keys: made, listed without their secrets, and revoked."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.identity import api_keys
from ai2.identity.principal import Role, RoleTooHigh
from ai2.kit.errors import FieldError, Invalid
from api.pages import WholeQuery, cut
from api.schemas import Body, Instant, InstantIn, ListOf, Name, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/api-keys", tags=["api-keys"], route_class=Unit)


class ApiKeyNew(Body):
    """A key to make."""

    name: Name = Field(description="What it is for.")
    role: Role = Field(description="What it may do; at most what you may.")
    expires_at: InstantIn | None = Field(default=None, description="When it ends; never, where absent.")


class ApiKeyOut(Out):
    """A key without its secret."""

    api_key_id: UUID
    name: str
    role: Role
    prefix: str = Field(description="How the key begins.")
    created_by: UUID | None
    created_at: Instant
    expires_at: Instant | None


class ApiKeyMade(ApiKeyOut):
    """A key with its secret, this once."""

    key: str = Field(description="Keep it: it is not shown again.")


class ApiKeys(ListOf):
    """The organization's keys."""

    items: list[ApiKeyOut]


@router.get("", response_model=ApiKeys)
async def list_api_keys(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """The keys that were not revoked."""
    return cut(await api_keys.list_all(db, who.organization_id), wanted, lambda key: key.api_key_id)


@router.post("", status_code=201, response_model=ApiKeyMade)
async def create_api_key(new: ApiKeyNew, db: Db, who: Caller) -> dict[str, object]:
    """Make a key. Its secret is in this answer and nowhere else."""
    if not who.role.covers(new.role):
        raise RoleTooHigh
    if new.expires_at and new.expires_at <= datetime.now(UTC):
        raise Invalid(errors=(FieldError("expires_at", "lies in the future"),))
    made = await api_keys.create(
        db,
        who.organization_id,
        name=new.name,
        role=new.role,
        created_by=who.user_id,
        expires_at=new.expires_at,
    )
    return {**vars(made.key), "key": made.secret}


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(api_key_id: UUID, db: Db, who: Caller) -> Response:
    """Revoke a key: it opens nothing any more."""
    await api_keys.revoke(db, who.organization_id, api_key_id)
    return Response(status_code=204)
