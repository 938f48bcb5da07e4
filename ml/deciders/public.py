"""Public knowledge: merchants that anyone may know, and the model that all share, asked together and told apart."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from ai2.kit.database import Connection
from ml import registry
from ml.answers import Descriptor, Item, Verdict


class Public:
    """What is publicly known, for one round of the chain: the model's word is kept until its turn comes.

    `said` is all that will be asked, by whoever asks of many.
    """

    def __init__(self, said: Mapping[Descriptor, Verdict] | None = None) -> None:
        self._said = dict(said or {})
        self._knows_all = said is not None

    async def merchant(self, db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Verdict | None]:
        """What merchant knowledge says."""
        await self._ask([item.descriptor for item in items])
        return self._told(items, by_model=False)

    async def model(self, db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Verdict | None]:
        """What the shared model says."""
        await self._ask([item.descriptor for item in items])
        return self._told(items, by_model=True)

    def _told(self, items: Sequence[Item], *, by_model: bool) -> list[Verdict | None]:
        said = [self._said[item.descriptor] for item in items]
        return [verdict if (verdict.decided_by == "model") == by_model else None for verdict in said]

    async def _ask(self, descriptors: Sequence[Descriptor]) -> None:
        """Few are decided at once; many go to a thread, so that others are served meanwhile."""
        if self._knows_all:
            return
        fresh = [each for each in dict.fromkeys(descriptors) if each not in self._said]
        if len(fresh) == 1:
            found = registry.champion().decide(fresh)
        else:
            found = await asyncio.to_thread(lambda: registry.champion().decide(fresh)) if fresh else []
        self._said.update(zip(fresh, found, strict=True))
