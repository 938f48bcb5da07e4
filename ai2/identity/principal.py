"""Principal: who acts, for which organization and in which role."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ai2.kit.errors import Forbidden


class RoleTooHigh(Forbidden):
    """You can give others your own role or a lower one; ask an owner for more."""


class Role(StrEnum):
    """Roles, from the least to the most; each may do what those before it may."""

    VIEWER = "viewer"
    ACCOUNTANT = "accountant"
    ADMIN = "admin"
    OWNER = "owner"

    def covers(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """What an API key may at most, below its role: only what lies in one of its scopes."""

    READ = "read"
    WRITE = "write"
    IMPORTS = "imports"
    ACCOUNTS = "accounts"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """A user in a session, or an API key.

    A key stands for the member who made it, if one did: its role here is never above theirs. Without scopes it may
    all that the role may.
    """

    organization_id: UUID
    role: Role
    user_id: UUID | None = None
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    stands_for: UUID | None = None
    scopes: frozenset[Scope] | None = None
    expires_at: datetime | None = None
    # their organization requires a second factor, and they have none yet
    lacks_second_factor: bool = False

    @property
    def actor(self) -> str:
        """As the history names it."""
        return f"api_key:{self.api_key_id}" if self.api_key_id else f"user:{self.user_id}"
