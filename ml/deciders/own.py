"""Own categories: what the organization taught of merchants alike, and what its own history says."""

from collections.abc import Sequence
from uuid import UUID

from ai2.kit.database import Connection
from ml.answers import Item, Verdict


async def taught(db: Connection, organization_id: UUID, items: Sequence[Item]) -> Sequence[Verdict | None]:
    """What the organization's own people said of merchants like these."""
    from ml.own import service  # an idle service stays small

    return await service.taught(db, organization_id, items)


async def learnt(db: Connection, organization_id: UUID, items: Sequence[Item]) -> Sequence[Verdict | None]:
    """What its own people, rules and files make of payments like these."""
    from ml.own import service

    return await service.learnt(db, organization_id, items)
