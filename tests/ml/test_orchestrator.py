"""The orchestrator: what fails is reported and the rest stays; a run that was broken off goes on where it was."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, DatabaseDown
from ai2.kit.errors import Conflict
from ml.agents import orchestrator
from ml.agents.agent import Step
from ml.agents.orchestrator import Run
from ml.agents.workflows import WORKFLOWS
from ml.scope import EVERYTHING, Scope


class NotToday(Conflict):
    """It does not hold today."""


async def remembers(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    """Leaves a mark in the books, so that one can see whether what it did was kept."""
    await db.execute(
        """
        insert into ml.llm_days as known (organization_id, day, calls) values (%s, '2000-01-01', 1)
        on conflict (organization_id, day) do update set calls = known.calls + 1
        """,
        [organization_id],
    )
    return {"marked": 1}


async def refuses(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    await remembers(db, organization_id, scope)
    raise NotToday


async def breaks(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    await db.execute("select secret from nowhere")
    return {}


async def dawdles(db: Connection, organization_id: UUID, scope: Scope) -> dict[str, Any]:
    await remembers(db, organization_id, scope)
    await db.execute("select pg_sleep(60)")
    return {}


Start = Callable[..., Awaitable[UUID]]


@pytest.fixture
def start(database: Database, organization: Organization, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Writes a run of these steps down."""

    async def begin(*steps: Step) -> UUID:
        monkeypatch.setitem(WORKFLOWS, "categorize", steps)  # type: ignore[arg-type]
        async with database.transaction(organization.organization_id) as db:
            return await orchestrator.begin(
                db, organization.organization_id, workflow="categorize", scope=EVERYTHING, requested_by="user:test"
            )

    return begin


async def marks(database: Database, owner: Organization) -> int:
    async with database.transaction(owner.organization_id) as db:
        row = await (await db.execute("select coalesce(sum(calls), 0) as calls from ml.llm_days")).fetchone()
    return int((row or {})["calls"])


def told(run: Run) -> dict[str, tuple[str, Any]]:
    return {step.step: (step.state, step.error["code"] if step.error else step.result) for step in run.steps}


@pytest.mark.parametrize("way", ["in transactions", "in savepoints"])
async def test_a_step_that_fails_is_reported_and_the_others_keep_what_they_did(
    database: Database, organization: Organization, start: Start, way: str
) -> None:
    owner = organization.organization_id
    run_id = await start(
        Step("first", remembers),
        Step("refused", refuses),
        Step("waits", remembers, after=("refused",)),
        Step("waits too", remembers, after=("first", "waits")),
        Step("broken", breaks),
        Step("slow", dawdles, deadline_s=0.3),
        Step("last", remembers, after=("first",)),
    )
    if way == "in transactions":
        run = await orchestrator.run(database, owner, run_id)
    else:
        async with database.transaction(owner) as db:
            run = await orchestrator.run_within(db, owner, run_id)
    assert run.state == "partly"
    assert told(run) == {
        "first": ("done", {"marked": 1}), "refused": ("failed", "not_today"), "waits": ("skipped", "step_skipped"),
        "waits too": ("skipped", "step_skipped"), "broken": ("failed", "unexpected"),
        "slow": ("failed", "deadline_passed"), "last": ("done", {"marked": 1}),
    }  # fmt: skip
    assert "secret" not in str(run)
    assert await marks(database, organization) == 2  # what failed left nothing


@pytest.mark.parametrize(("agent", "state"), [(remembers, "done"), (refuses, "failed")])
async def test_a_run_is_done_once(
    database: Database, organization: Organization, start: Start, agent: Any, state: str
) -> None:
    run_id = await start(Step("only", agent))
    first = await orchestrator.run(database, organization.organization_id, run_id)
    again = await orchestrator.run(database, organization.organization_id, run_id)
    assert first == again
    assert first.state == state
    assert await marks(database, organization) == (1 if state == "done" else 0)


async def test_a_run_goes_on_where_a_killed_worker_left_it(
    database: Database, organization: Organization, start: Start
) -> None:
    owner = organization.organization_id
    run_id = await start(Step("first", remembers), Step("second", dawdles))
    worker = asyncio.create_task(orchestrator.run(database, owner, run_id))
    await killed_asleep(database)
    with pytest.raises(DatabaseDown):
        await worker
    left = await seen(database, owner, run_id)
    assert (left.state, [step.state for step in left.steps]) == ("running", ["done", "running"])
    assert await marks(database, organization) == 1  # what the second had done is not there
    WORKFLOWS["categorize"] = (Step("first", remembers), Step("second", remembers))  # type: ignore[index]
    done = await orchestrator.run(database, owner, run_id)
    assert [(step.state, step.attempts) for step in done.steps] == [("done", 1), ("done", 2)]
    assert (done.state, await marks(database, organization)) == ("done", 2)


async def killed_asleep(database: Database) -> None:
    """End the connection of whoever sleeps, as if its worker had been killed."""
    query = """
        select pg_terminate_backend(pid) from pg_stat_activity
        where query = 'select pg_sleep(60)' and state = 'active' and pid <> pg_backend_pid()
    """
    async with asyncio.timeout(60):
        while True:
            async with database.transaction() as db:  # each look by itself: within one it would see the same
                if (await db.execute(query)).rowcount:
                    return
            await asyncio.sleep(0.05)


async def seen(database: Database, owner: UUID, run_id: UUID) -> Run:
    async with database.transaction(owner) as db:
        return await orchestrator.get(db, owner, run_id)


async def test_a_step_that_ends_its_worker_again_and_again_is_given_up(
    database: Database, organization: Organization, start: Start
) -> None:
    run_id = await start(Step("deadly", dawdles), Step("after", remembers, after=("deadly",)), Step("other", remembers))
    for _ in range(orchestrator.MOST_ATTEMPTS):
        attempt = asyncio.create_task(orchestrator.run(database, organization.organization_id, run_id))
        await asyncio.sleep(0.3)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
    run = await orchestrator.run(database, organization.organization_id, run_id)
    assert told(run) == {
        "deadly": ("failed", "worker_died"), "after": ("skipped", "step_skipped"), "other": ("done", {"marked": 1})
    }  # fmt: skip
