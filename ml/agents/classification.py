"""Classification: decides what has no category yet, and leaves what is not sure to a person."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml import service
from ml.scope import Scope


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """How many transactions there were, and what became of them."""
    return asdict(await service.suggest(db, organization_id, scope))
