"""Due: syncing all connections whose time has come, many at once, each once whoever comes first.

Providers are waited for in threads, and few runs at a time ask the database. No provider takes all the threads: one
that is slow, or whose limit is reached, holds nobody up but its own.
"""

import asyncio
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from ai2.connections import due_repository as repository
from ai2.connections import service, syncing
from ai2.connections.model import Trigger
from ai2.connections.turns import Turns
from ai2.ingest.sources import names
from ai2.kit.database import Database
from ai2.kit.logs import logger

AT_ONCE, AT_ONCE_OF_A_PROVIDER = 48, 32

log = logger("ai2.connections")


@dataclass
class Synced:
    """What a look at all that is due came to: runs by how they ended."""

    ran: list[UUID] = field(default_factory=list)
    taken_by_others: int = 0
    broke: int = 0


async def sync_due(database: Database, pipeline: Database, *, at_once: int = AT_ONCE) -> Synced:
    """Sync until nothing is due any more. `pipeline` is the pipeline role's database, which sees every tenant."""
    look = _Look(database, pipeline, at_once)
    try:
        await look.run()
    finally:
        await look.stop()
    return look.synced


async def sync_these(
    database: Database, pipeline: Database, connection_ids: Collection[UUID], since: date | None, until: date | None
) -> list[DictRow]:
    """Sync these connections now, or fetch days of theirs again that are past; how each run ended. Raises Invalid."""
    service.check_days(since, until)
    turns, room = Turns(database), asyncio.Semaphore(AT_ONCE_OF_A_PROVIDER)
    trigger: Trigger = "backfill" if since else "person"

    async def sync(organization_id: UUID, connection_id: UUID) -> UUID | None:
        async with room:
            with suppress(syncing.AlreadySyncing):
                return await syncing.sync(
                    database, organization_id, connection_id, trigger=trigger, since=since, until=until, turns=turns
                )
        return None

    async with pipeline.transaction() as db:
        whose = await repository.whose(db, list(connection_ids))
    ran = await asyncio.gather(*(sync(**row) for row in whose))
    async with pipeline.transaction() as db:
        return await repository.ended(db, [each for each in ran if each])


class _Look:
    def __init__(self, database: Database, pipeline: Database, at_once: int) -> None:
        self._database, self._pipeline, self._at_once = database, pipeline, at_once
        self._turns = Turns(database)
        self._at_work: dict[asyncio.Task[None], tuple[UUID, str]] = {}
        self.synced = Synced()

    async def run(self) -> None:
        while True:
            if len(self._at_work) <= self._at_once * 3 // 4:
                await self._take_up()
            if not self._at_work:
                return
            done, _ = await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del self._at_work[task]
                task.result()

    async def stop(self) -> None:
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def _take_up(self) -> None:
        room = self._at_once - len(self._at_work)
        busy = Counter(provider for _, provider in self._at_work.values())
        free = [name for name in names.all_of_them() if busy[name] < AT_ONCE_OF_A_PROVIDER]
        async with self._pipeline.transaction() as db:
            found = await repository.due(
                db, limit=room, of_a_provider=AT_ONCE_OF_A_PROVIDER, providers=free,
                without=[connection_id for connection_id, _ in self._at_work.values()],
            )  # fmt: skip
        for row in found:
            if busy[row["provider"]] < AT_ONCE_OF_A_PROVIDER:
                busy[row["provider"]] += 1
                task = asyncio.create_task(self._sync(row["organization_id"], row["connection_id"]))
                self._at_work[task] = row["connection_id"], row["provider"]

    async def _sync(self, organization_id: UUID, connection_id: UUID) -> None:
        """One run. What goes wrong in it is its connection's, and written down there."""
        try:
            sync_id = await syncing.sync(
                self._database, organization_id, connection_id, trigger="schedule", only_if_due=True, turns=self._turns
            )
            self.synced.ran.append(sync_id)
        except syncing.AlreadySyncing:
            self.synced.taken_by_others += 1
        except Exception as error:
            self.synced.broke += 1
            log.error("a sync broke", connection_id=str(connection_id), exc_info=error)
