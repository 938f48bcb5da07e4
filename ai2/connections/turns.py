"""Turns: of many runs few ask the database at once.

Whoever waits for a connection of the pool does so for seconds only, and then fails; here they wait for their turn.
What writes files into the books takes long, so that not all turns are taken by it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings


class Turns:
    """A database whose transactions wait for their turn. Of one event loop."""

    def __init__(self, database: Database) -> None:
        most = max(settings().database_pool_max - 1, 1)
        self._database = database
        self._any, self._writers = asyncio.Semaphore(most), asyncio.Semaphore(max(most - 1, 1))

    @asynccontextmanager
    async def transaction(self, *whose: Any, **known: Any) -> AsyncIterator[Connection]:
        """`Database.transaction`, when it is its turn."""
        async with self._any, self._database.transaction(*whose, **known) as db:
            yield db

    @asynccontextmanager
    async def writing(self, *whose: Any, **known: Any) -> AsyncIterator[Connection]:
        """The same for what takes long."""
        async with self._writers, self.transaction(*whose, **known) as db:
            yield db
