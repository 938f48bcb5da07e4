"""Own categories: what the organization taught of merchants alike, and what its own history says."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection
from ml.answers import Item, Verdict
from ml.own.repository import State


class Own:
    """What is an organization's own, for one round of the chain.

    `kin` is what was taught of merchants that may be kin of the items', where it was read already.
    """

    def __init__(self, state: State, kin: Sequence[DictRow] | None = None) -> None:
        self.state = state
        self._kin = kin

    async def taught(self, db: Connection, organization_id: UUID, items: Sequence[Item]) -> Sequence[Verdict | None]:
        """What the organization's own people said of merchants like these."""
        from ml.own import service  # an idle service stays small

        return await service.taught(db, organization_id, items, self._kin)

    async def learnt(self, db: Connection, organization_id: UUID, items: Sequence[Item]) -> Sequence[Verdict | None]:
        """What its own people, rules and files make of payments like these."""
        if not self.state.version:
            return [None] * len(items)
        from ml.own import service

        return await service.learnt(db, organization_id, items, self.state.version)
