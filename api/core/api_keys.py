"""API keys: made, listed without their secrets, and revoked."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.identity import api_keys
from ai2.identity.principal import Role, Scope
from ai2.kit.errors import FieldError, Invalid
from api.pages import WholeQuery, cut
from api.schemas import Body, Instant, InstantIn, ListOf, Name, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/api-keys", tags=["api-keys"], route_class=Unit)


class ApiKeyNew(Body):
    """A key to make."""

    name: Name = Field(description="What it is for.")
    role: Role = Field(description="What it may do; at most what you may.")
    scopes: set[Scope] | None = Field(
        default=None,
        min_length=1,
        description="What it may at most: `read` the books; `write` transactions, categories and rules; `imports`: "
        "bring files in; `accounts` and their layouts; `admin`: all that takes an admin. Where absent, all that its "
        "role may. A key's own keys have no other scopes than itself.",
    )
    expires_at: InstantIn | None = Field(
        default=None, description="When it ends; where absent, never, or with the key that makes it."
    )


class ApiKeyOut(Out):
    """A key without its secret."""

    api_key_id: UUID
    name: str
    role: Role = Field(description="What it was made for.")
    effective_role: Role | None = Field(
        description="What it may now: its role, or that of the member who made it where that is lower; "
        "null where they are no member any more, and it opens nothing."
    )
    scopes: list[Scope] | None = Field(description="What it may at most; null: all that its role may.")
    prefix: str = Field(description="How the key begins.")
    created_by: UUID | None = Field(description="The member it stands for; null where it was made at the command line.")
    made_by: UUID | None = Field(description="The API key that made it; it is revoked with it.")
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None = Field(
        description="When a request of it last succeeded, give or take a minute; null where none has."
    )


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
    if new.expires_at and new.expires_at <= datetime.now(UTC):
        raise Invalid(errors=(FieldError("expires_at", "lies in the future"),))
    made = await api_keys.create_for(
        db, who, name=new.name, role=new.role, scopes=new.scopes, expires_at=new.expires_at
    )
    return {**vars(made.key), "key": made.secret}


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(api_key_id: UUID, db: Db, who: Caller) -> Response:
    """Revoke a key: it opens nothing any more, and neither do the keys that it made."""
    await api_keys.revoke(db, who.organization_id, api_key_id)
    return Response(status_code=204)
