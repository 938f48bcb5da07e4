"""A decider: what each of them is to the chain."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from ai2.kit.database import Connection
from ml.answers import Item, Verdict


class Decide(Protocol):
    """Say something of each item, in their order; none where there is nothing to say. Nothing is written."""

    async def __call__(
        self, db: Connection, organization_id: UUID, items: Sequence[Item]
    ) -> Sequence[Verdict | None]: ...
