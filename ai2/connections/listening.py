"""Listening: mailboxes that say by themselves that a mail came (IMAP IDLE), so that it need not be waited for.

One worker of all listens, to so many mailboxes as the operator allows; the others, and those whose servers cannot do
it, are looked at now and then like any connection. A mailbox that says something is synced by a job. Who listens never
renews a token, for only one may: a token that is over is renewed by the sync that is asked for.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection, OperationalError

from ai2.connections import credentials, listening_repository, service
from ai2.identity import organizations
from ai2.ingest.sources import names
from ai2.ingest.sources.mailboxes import listening as mailbox
from ai2.ingest.sources.model import Session
from ai2.kit.database import Database, DatabaseDown, Role, connection_parameters
from ai2.kit.errors import Problem
from ai2.kit.settings import settings

# Servers end what idles for half an hour (RFC 2177), and routers on the way earlier.
RENEW_S = 9 * 60
LOOK_S, REST_S = 30.0, 300.0
# A few threads: nothing waits in them but for the moment in which something is said.
THREADS = ThreadPoolExecutor(4, thread_name_prefix="listen")
LOCK = 7_046_029_254_386_353_131

log = structlog.get_logger()
Key = tuple[UUID, UUID]


@dataclass
class Listener:
    """Listens until it is cancelled. `pipeline` sees every tenant."""

    database: Database
    pipeline: Database
    at_it: dict[Key, "asyncio.Task[None]"] = field(default_factory=dict)
    rests_until: dict[Key, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Wait until nobody else listens, and then listen."""
        while True:
            try:
                async with await AsyncConnection.connect(
                    **connection_parameters(Role.PIPELINE), autocommit=True
                ) as held:
                    await self._until_lost(held)
            except (OperationalError, DatabaseDown):
                log.warning("who listens to mailboxes lost the database; trying again")
            finally:
                await self._stop()
            await asyncio.sleep(LOOK_S)

    async def _until_lost(self, held: "AsyncConnection[Any]") -> None:
        while True:
            answer = await held.execute("select pg_try_advisory_lock(%s)", [LOCK])
            row = await answer.fetchone()
            if row and row[0]:
                break
            await asyncio.sleep(LOOK_S)
        while True:
            await held.execute("select 1")
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Listen to those that are connected, and no longer to those that are not."""
        most = settings().mail_listeners
        able = [source.name for source in names.all_of_them().values() if "idle" in source.can]
        async with self.pipeline.transaction() as db:
            wanted = [
                (row["organization_id"], row["connection_id"])
                for row in await listening_repository.connected(db, able, limit=most)
            ]
        for key, task in list(self.at_it.items()):
            if key not in wanted or task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
                del self.at_it[key]
        for key in wanted:
            if key not in self.at_it and self.rests_until.get(key, 0) < time.monotonic():
                self.at_it[key] = asyncio.create_task(self._listen(key))

    async def _listen(self, key: Key) -> None:
        try:
            await self._hear(key)
        except Problem as problem:
            log.info("a mailbox is not listened to for a while", connection_id=str(key[1]), code=problem.code)
        except Exception as error:  # noqa: BLE001 - one mailbox ends no other's listening
            log.warning("a mailbox is not listened to for a while", kind=type(error).__name__)
        self.rests_until[key] = time.monotonic() + REST_S

    async def _hear(self, key: Key) -> None:
        loop = asyncio.get_running_loop()

        async def aside(function: Callable[..., Any], *arguments: Any) -> Any:
            return await loop.run_in_executor(THREADS, function, *arguments)

        heard = await aside(mailbox.opened, *await self._session(key))
        try:
            while True:
                await aside(heard.begin)
                await _readable(heard.fileno(), RENEW_S)
                if await aside(heard.end):
                    await self._ask(key)
        finally:
            await asyncio.shield(aside(heard.close))

    async def _session(self, key: Key) -> tuple[str, Session]:
        organization_id, connection_id = key
        async with self.database.transaction(organization_id) as db:
            known = await service.get(db, organization_id, connection_id)
            row = await listening_repository.sealed(db, organization_id, connection_id)
            secret = credentials.opened(await organizations.file_key(db, organization_id), connection_id, row)
        session = Session(
            settings=known.settings, credentials=secret, cursor=None, pace=lambda *_: None, keep=lambda _: None,
            allows_private=settings().connect_private,
        )  # fmt: skip
        return known.provider, session

    async def _ask(self, key: Key) -> None:
        async with self.database.transaction(key[0]) as db:
            await service.ask_for_sync(db, *key, trigger="webhook")

    async def _stop(self) -> None:
        for task in self.at_it.values():
            task.cancel()
        await asyncio.gather(*self.at_it.values(), return_exceptions=True)
        self.at_it.clear()


async def _readable(number: int, at_most_s: float) -> None:
    """Until something is there to be read, or so long."""
    loop, said = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(number, said.set)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(said.wait(), at_most_s)
    finally:
        loop.remove_reader(number)
