"""Listening: a mail that comes is synced because its mailbox says so; as many are listened to as are allowed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest

from ai2.connections import listening, service
from ai2.connections.listening import Listener
from ai2.identity.organizations import Organization
from ai2.kit import outside
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from tests.connections import dovecot
from tests.connections.dovecot import PASSWORD, Dovecot
from tests.connections.letters import letter


@pytest.fixture(scope="module")
def mailhost() -> Iterator[Dovecot]:
    with dovecot.running() as running, pytest.MonkeyPatch.context() as patch:
        context = running.authority.trusting()
        patch.setattr(outside, "trusted", lambda: context)
        patch.setattr(settings(), "connect_private", True)
        yield running


@pytest.fixture
async def listener(database: Database, pipeline: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listener]:
    made = Listener(database, pipeline)
    yield made
    await made._stop()


async def connected(database: Database, who: Organization, mailhost: Dovecot) -> tuple[str, UUID]:
    user = f"u{new_id().hex}"
    mailhost.maildir(user)
    made, _ = await service.connect(
        database, who.organization_id, provider="imap", kind="email", name="Post", settings=mailhost.settings(user),
        secret={"password": PASSWORD}, created_by="test",
    )  # fmt: skip
    return user, made.connection_id


async def jobs(database: Database, who: Organization) -> list[Any]:
    async with database.transaction(who.organization_id) as db:
        return await rows(db, "select payload from queue.jobs where kind = 'sync'")


async def until(condition: Any, seconds: float = 20) -> bool:
    for _ in range(int(seconds / 0.1)):
        if await condition():
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_mail_that_comes_is_asked_for_and_nothing_before(
    database: Database,
    organization: Organization,
    mailhost: Dovecot,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user, connection_id = await connected(database, organization, mailhost)
    key = (organization.organization_id, connection_id)
    begun = asyncio.Event()
    begin = listening.mailbox.Heard.begin
    loop = asyncio.get_running_loop()

    def begins(heard: Any) -> None:
        begin(heard)
        loop.call_soon_threadsafe(begun.set)

    monkeypatch.setattr(listening.mailbox.Heard, "begin", begins)
    monkeypatch.setattr(settings(), "mail_listeners", 1000)
    await listener.look()
    assert key in listener.at_it
    for other in [each for each in listener.at_it if each != key]:
        listener.at_it.pop(other).cancel()
    await asyncio.wait_for(begun.wait(), 20)
    await asyncio.sleep(0.3)
    assert await jobs(database, organization) == []
    mailhost.put(user, letter())
    assert await until(lambda: _some(jobs(database, organization)))
    assert {job["payload"]["trigger"] for job in await jobs(database, organization)} == {"webhook"}
    await service.disconnect(database, *key)
    await listener.look()
    assert key not in listener.at_it, "it is listened to no more"


async def _some(found: Any) -> bool:
    return bool(await found)


async def test_no_more_are_listened_to_than_are_allowed(
    database: Database,
    organization: Organization,
    mailhost: Dovecot,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        await connected(database, organization, mailhost)
    monkeypatch.setattr(settings(), "mail_listeners", 2)
    await listener.look()
    assert len(listener.at_it) == 2
