"""Learning: brings what people taught since to what machines had decided otherwise."""

from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml import learning
from ml.scope import Scope


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """How many transactions have another category now."""
    return {"changed": await learning.carry_over(db, organization_id, scope)}
