"""Recurring: finds what comes again and again among what was written since the last look."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from ai2.kit.database import Connection
from ml.recurring import finding
from ml.scope import Scope


async def run(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """How many patterns there are and what is new of them; they are the organization's, whatever the scope."""
    return asdict(await finding.find(db, organization_id))
