"""Events: told with the change or not at all, in the order of commits, and heard by everyone at least once."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import Rollback
from psycopg.errors import InsufficientPrivilege

from ai2.identity.organizations import Organization
from ai2.kit import deliveries, events
from ai2.kit.database import Database, one, rows
from ai2.kit.deliveries import Consumer
from ai2.kit.events import KINDS, Event, EventsForgotten, emit
from ai2.kit.ids import new_id

KIND = "rule.deleted"


class Ear:
    """A consumer that remembers, and fails as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.heard: list[Event] = []
        self.fails = fails
        self.consumer = Consumer(f"test {new_id()}", frozenset({KIND}), self.handle)

    async def handle(self, database: Database, event: Event) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("COFFEE 12.50")
        self.heard.append(event)


async def tell(database: Database, organization: Organization, kind: str = KIND) -> UUID:
    async with database.transaction(organization.organization_id) as db:
        return await emit(db, organization.organization_id, kind, {"rule_id": new_id()})


async def told(database: Database, organization: Organization, after: int = 0) -> list[Event]:
    async with database.transaction(organization.organization_id) as db:
        return await events.after(db, organization.organization_id, after, limit=1000)


async def again_now(pipeline: Database, ear: Ear) -> None:
    """No waiting for the next try."""
    async with pipeline.transaction() as db:
        await db.execute("update events.cursors set run_after = now() where consumer = %s", [ear.consumer.name])


async def test_is_told_with_the_change_or_not_at_all(database: Database, organization: Organization) -> None:
    async with database.transaction(organization.organization_id) as db:
        kept = await emit(db, organization.organization_id, KIND, {"rule_id": new_id()})
        async with db.transaction() as savepoint:
            await emit(db, organization.organization_id, KIND, {"rule_id": new_id()})
            raise Rollback(savepoint)
    with suppress(ZeroDivisionError):
        async with database.transaction(organization.organization_id) as db:
            await emit(db, organization.organization_id, KIND, {"rule_id": new_id()})
            raise ZeroDivisionError
    found = await told(database, organization)
    assert [(event.event_id, event.position) for event in found] == [(kept, 1)]


async def test_who_commits_late_is_not_skipped_and_comes_later(database: Database, organization: Organization) -> None:
    """The one that told first commits last: a reader that went by ids or times would never see it."""
    early_told, late_told = asyncio.Event(), asyncio.Event()

    async def slow() -> UUID:
        async with database.transaction(organization.organization_id) as db:
            event_id = await emit(db, organization.organization_id, KIND, {"rule_id": new_id()})
            early_told.set()
            await late_told.wait()
            return event_id

    waiting = asyncio.create_task(slow())
    await early_told.wait()
    late = await tell(database, organization)
    seen = await told(database, organization)
    assert [event.event_id for event in seen] == [late]
    late_told.set()
    early = await waiting
    assert [event.event_id for event in await told(database, organization, seen[-1].position)] == [early]
    assert early < late, "positive control: the order of ids is another"


async def test_positions_have_no_gap_however_many_write_at_once(database: Database, organization: Organization) -> None:
    ids = await asyncio.gather(*(tell(database, organization) for _ in range(20)))
    found = await told(database, organization)
    assert [event.position for event in found] == list(range(1, 21))
    assert {event.event_id for event in found} == set(ids)


async def test_a_kind_and_its_fields_are_known(database: Database, organization: Organization) -> None:
    async with database.transaction(organization.organization_id) as db:
        with pytest.raises(KeyError):
            await emit(db, organization.organization_id, "rule.danced", {})
        with pytest.raises(ValueError, match="description"):
            await emit(db, organization.organization_id, KIND, {"description": "COFFEE"})


async def test_each_consumer_hears_all_in_order_once_where_nothing_breaks(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    wanted = [await tell(database, organization) for _ in range(3)]
    await tell(database, organization, "rule.created")  # of no concern to these two
    one_ear, other = Ear(), Ear()
    for ear in (one_ear, other, one_ear):
        await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id)
    assert [event.event_id for event in one_ear.heard] == wanted
    assert [event.event_id for event in other.heard] == wanted


async def test_what_fails_comes_again_first_and_then_the_rest(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    wanted = [await tell(database, organization) for _ in range(2)]
    ear = Ear(fails=1)
    assert await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id) == 0
    assert await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id) is None, "it rests"
    await again_now(pipeline, ear)
    await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id)
    assert [event.event_id for event in ear.heard] == wanted


async def test_what_fails_to_the_end_is_put_aside_and_can_be_handed_out_again(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    bad, good = [await tell(database, organization) for _ in range(2)]
    ear = Ear(fails=deliveries.MAX_ATTEMPTS)
    for _ in range(deliveries.MAX_ATTEMPTS):
        await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id)
        await again_now(pipeline, ear)
    assert [event.event_id for event in ear.heard] == [good]
    async with pipeline.transaction() as db:
        letters = [row for row in await deliveries.dead_letters(db) if row["consumer"] == ear.consumer.name]
        (state,) = await deliveries.state(db, [ear.consumer.name])
    assert [(row["event_id"], row["attempts"]) for row in letters] == [(bad, deliveries.MAX_ATTEMPTS)]
    assert "COFFEE" not in str(letters)
    assert state["dead"] == 1
    assert await deliveries.retry(database, pipeline, [ear.consumer]) == (1, 0)
    assert [event.event_id for event in ear.heard] == [good, bad]


async def test_two_workers_do_not_hand_out_the_same(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    await tell(database, organization)
    ear, started, go_on = Ear(), asyncio.Event(), asyncio.Event()

    async def slow(database: Database, event: Event) -> None:
        started.set()
        await go_on.wait()
        ear.heard.append(event)

    consumer = Consumer(ear.consumer.name, ear.consumer.kinds, slow)
    first = asyncio.create_task(deliveries.deliver(database, pipeline, consumer, organization.organization_id))
    await started.wait()
    assert await deliveries.deliver(database, pipeline, consumer, organization.organization_id) is None
    go_on.set()
    assert await first == 1
    assert len(ear.heard) == 1


VICTIM = """
import asyncio, os, sys, pathlib
sys.path.insert(0, ".")
from uuid import UUID
from ai2.kit import deliveries
from ai2.kit.database import Database, Role
from ai2.kit.deliveries import Consumer

async def handle(database, event):
    with pathlib.Path(sys.argv[3]).open("a") as effects:
        effects.write(f"{event.event_id}\\n")
    if len(sys.argv) > 4:
        os.kill(os.getpid(), 9)  # the effect is there, the cursor was not moved

async def main():
    async with Database(Role.API) as database, Database(Role.PIPELINE) as pipeline:
        consumer = Consumer(sys.argv[2], frozenset({"rule.deleted"}), handle)
        await deliveries.deliver(database, pipeline, consumer, UUID(sys.argv[1]))

asyncio.run(main())
"""


async def test_killed_between_effect_and_acknowledgement_it_comes_again_under_its_id(
    database: Database, organization: Organization, tmp_path: Path
) -> None:
    event_ids = [str(await tell(database, organization)) for _ in range(2)]
    effects = tmp_path / "effects"
    known = [sys.executable, "-c", VICTIM, str(organization.organization_id), f"victim {new_id()}", str(effects)]
    died = await asyncio.to_thread(subprocess.run, [*known, "die"], env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL
    await asyncio.to_thread(subprocess.run, known, env=os.environ, check=True)
    assert effects.read_text().split() == [event_ids[0], *event_ids]


async def test_old_ones_are_forgotten_once_heard_and_a_reader_is_told(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    ear = Ear()
    for _ in range(3):
        await tell(database, organization)
    async with pipeline.transaction() as db:
        await events.forget(db, organization.organization_id, 0, [ear.consumer.name])
    assert len(await told(database, organization)) == 3, "not heard yet"
    await deliveries.deliver(database, pipeline, ear.consumer, organization.organization_id)
    async with pipeline.transaction() as db:
        assert await events.forget(db, organization.organization_id, 0, [ear.consumer.name]) == 3
    with pytest.raises(EventsForgotten):
        await told(database, organization)
    last = await tell(database, organization)
    assert [event.event_id for event in await told(database, organization, 3)] == [last]
    newcomer = Ear()
    await deliveries.deliver(database, pipeline, newcomer.consumer, organization.organization_id)
    assert [event.event_id for event in newcomer.heard] == [last], (
        "of what was forgotten before it came, none is missed"
    )


async def test_a_stranger_hears_nothing(database: Database, organization: Organization, stranger: Organization) -> None:
    await tell(database, organization)
    async with database.transaction(stranger.organization_id) as db:
        assert await events.after(db, organization.organization_id, 0, limit=10) == []
        assert await rows(db, "select from events.events") == []
    assert len(await told(database, organization)) == 1


async def test_what_was_told_is_not_changed_by_the_application(database: Database, organization: Organization) -> None:
    await tell(database, organization)
    for statement in ("update events.events set payload = '{}'", "delete from events.events"):
        with pytest.raises(InsufficientPrivilege):
            async with database.transaction(organization.organization_id) as db:
                await db.execute(statement)  # type: ignore[arg-type]
    async with database.transaction(organization.organization_id) as db:
        assert await one(db, "select 1 as here from events.events")


def test_every_kind_is_described() -> None:
    described = (Path(__file__).parents[2] / "docs/reference/events.md").read_text()
    for name, kind in KINDS.items():
        fields = "; ".join(f"`{field}`: {text}" for field, text in kind.fields.items())
        assert f"| `{name}` | {kind.about} | {fields} |" in described
