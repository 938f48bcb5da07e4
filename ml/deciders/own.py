"""Own categories: what the organization taught of merchants alike, and what its own history says."""

from collections.abc import Sequence
from uuid import UUID

from ai2.kit.database import Connection
from ml.answers import Item, Verdict


async def decide(db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Verdict | None]:
    """What the organization's own people, rules and files say of merchants and payments like these."""
    from ml.own import service  # an idle service stays small

    return await service.decide(db, organization_id, items)
