"""What the tests of connections share: a source that does what a test says, and connections to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from ai2.connections import service
from ai2.connections.model import Connection, Sync
from ai2.identity.organizations import Organization
from ai2.ingest.sources import names
from ai2.kit.database import Database, rows
from tests.connections.fakes.scripted import Scripted


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The source `scripted`, which does what the test says."""
    made = Scripted()
    offer(monkeypatch, made)
    return made


def offer(monkeypatch: pytest.MonkeyPatch, script: Scripted, **changes: Any) -> None:
    source = script.source(**changes)
    monkeypatch.setattr(names, "all_of_them", lambda: {source.name: source})


@dataclass(frozen=True)
class Known:
    """A connection and whose it is."""

    database: Database
    organization_id: UUID
    connection_id: UUID

    async def read(self) -> Connection:
        async with self.database.transaction(self.organization_id) as db:
            return await service.get(db, self.organization_id, self.connection_id)

    async def history(self) -> list[Sync]:
        async with self.database.transaction(self.organization_id) as db:
            return await service.history(db, self.organization_id, self.connection_id, before=None, limit=99)

    async def events(self) -> list[str]:
        """The kinds of its events, in their order."""
        async with self.database.transaction(self.organization_id) as db:
            found = await rows(
                db,
                "select kind from events.events where payload ->> 'connection_id' = %(id)s order by event_id",
                {"id": str(self.connection_id)},
            )
        return [row["kind"] for row in found]

    async def put(self, **values: Any) -> None:
        """Change its row, as time would."""
        sets = ", ".join(f"{name} = %({name})s" for name in values)
        async with self.database.transaction(self.organization_id) as db:
            await db.execute(
                f"update connect.connections set {sets} where connection_id = %(id)s",  # type: ignore[arg-type]
                {**values, "id": self.connection_id},
            )

    async def let_be_due(self) -> None:
        await self.put(next_run_at=datetime.now(UTC))


Connect = Callable[..., Awaitable[Known]]


@pytest.fixture
def connect(database: Database, organization: Organization, script: Scripted) -> Connect:
    """Makes a connection to the scripted source."""

    async def make(secret: dict[str, Any] | None = None, **known: Any) -> Known:
        made, _ = await service.connect(
            database, organization.organization_id, provider="scripted", kind="bank", name=None, settings={},
            secret=secret or {}, created_by="test", **known,
        )  # fmt: skip
        return Known(database, organization.organization_id, made.connection_id)

    return make


@pytest.fixture
async def nobody_else_is_due(pipeline: Database) -> None:
    """Connections of other tests are none of this one's."""
    async with pipeline.transaction() as db:
        await db.execute("update connect.connections set next_run_at = null, leased_until = null, sync_id = null")
