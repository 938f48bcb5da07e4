"""An agent: what each of them is to the orchestrator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from ai2.kit.database import Connection
from ml.scope import Scope


class Agent(Protocol):
    """Do it for these transactions, within the caller's transaction, and say what came of it.

    It may be done again, and then finds less to do or says the same.
    """

    async def __call__(self, db: Connection, organization_id: UUID, scope: Scope) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Step:
    """An agent in a workflow: what has to have succeeded before, and how long it may take."""

    name: str
    agent: Agent
    after: tuple[str, ...] = ()
    deadline_s: float = 600.0
