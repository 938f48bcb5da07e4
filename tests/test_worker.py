"""The worker: what it is given is done at least once, however it dies."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from ai2.identity.organizations import Organization
from ai2.jobs import Handler, Progress
from ai2.kit import queue
from ai2.kit.database import Database
from ai2.kit.errors import Invalid
from ai2.kit.queue import Job
from ai2.worker import Worker

PATIENCE_S = 30


async def double(_: Database, __: Database, job: Job, progress: Progress) -> dict[str, int]:
    progress(0.5)
    return {"twice": job.payload["number"] * 2}


async def refuse(_: Database, __: Database, job: Job, progress: Progress) -> None:
    raise Invalid("the file is not a statement")


async def explode(_: Database, __: Database, job: Job, progress: Progress) -> None:
    raise RuntimeError("COFFEE 12.50")


async def sleep(_: Database, __: Database, job: Job, progress: Progress) -> None:
    await asyncio.sleep(job.payload["seconds"])


HANDLERS: dict[str, Handler] = {"double": double, "refuse": refuse, "explode": explode, "sleep": sleep}


@pytest.fixture
async def add(
    database: Database, pipeline: Database, organization: Organization
) -> Callable[..., Awaitable[Callable[[], Awaitable[Job]]]]:
    """Adds a job and gives a function that looks how it is. No other test's job is left to do."""
    async with pipeline.transaction() as db:
        await db.execute("delete from queue.jobs")

    async def add(kind: str, **payload: object) -> Callable[[], Awaitable[Job]]:
        async with database.transaction(organization.organization_id) as db:
            job_id = await queue.enqueue(db, organization.organization_id, kind, payload)

        async def look() -> Job:
            async with database.transaction(organization.organization_id) as db:
                return await queue.get(db, organization.organization_id, job_id)

        return look

    return add


async def until(look: Callable[[], Awaitable[Job]], state: str) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        while (job := await look()).state != state:
            await asyncio.sleep(0.05)
    return job


@pytest.fixture
async def worker(database: Database, pipeline: Database):  # type: ignore[no-untyped-def]
    """A worker at work in this process."""
    worker = Worker(database, pipeline, HANDLERS, consumers=())
    task = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    await task


async def test_does_a_job_and_keeps_its_result(add, worker) -> None:  # type: ignore[no-untyped-def]
    job = await until(await add("double", number=21), "done")
    assert job.result == {"twice": 42}
    assert job.progress == 1


async def test_a_refusal_is_final_and_says_why(add, worker) -> None:  # type: ignore[no-untyped-def]
    job = await until(await add("refuse"), "failed")
    assert job.attempts == 1
    assert job.error
    assert job.error["detail"] == "the file is not a statement"


async def test_an_accident_is_tried_again_and_tells_nothing_of_anyone(add, worker) -> None:  # type: ignore[no-untyped-def]
    look = await add("explode")
    async with asyncio.timeout(PATIENCE_S):
        while (job := await look()).attempts < 2:
            await asyncio.sleep(0.05)
    assert job.error
    assert job.error["code"] == "unexpected"
    assert "COFFEE" not in str(job.error)


async def test_an_unknown_kind_is_refused(add, worker) -> None:  # type: ignore[no-untyped-def]
    job = await until(await add("dance"), "failed")
    assert job.error
    assert job.error["code"] == "unknown_kind"


SLEEPER = """
import asyncio, sys
sys.path.insert(0, ".")
from ai2.kit.database import Database, Role
from ai2.worker import Worker

async def sleep(database, pipeline, job, progress):
    await asyncio.sleep(600)

async def main():
    async with Database(Role.API) as database, Database(Role.PIPELINE) as pipeline:
        await Worker(database, pipeline, {"sleep": sleep}, consumers=()).run()

asyncio.run(main())
"""


async def test_survives_its_worker_being_killed(  # type: ignore[no-untyped-def]
    add, database: Database, pipeline: Database
) -> None:
    look = await add("sleep", seconds=0)
    victim = subprocess.Popen([sys.executable, "-c", SLEEPER], env=os.environ)
    try:
        await until(look, "running")
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    heir = Worker(database, pipeline, HANDLERS, consumers=())
    task = asyncio.create_task(heir.run())
    job = await until(look, "done")
    heir.stop()
    await task
    assert job.attempts == 2


async def test_stopping_hands_back_what_is_not_finished(  # type: ignore[no-untyped-def]
    add, database: Database, pipeline: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai2.worker.STOP_PATIENCE_S", 0.1)
    look = await add("sleep", seconds=600)
    worker = Worker(database, pipeline, HANDLERS, consumers=())
    task = asyncio.create_task(worker.run())
    await until(look, "running")
    worker.stop()
    await task
    job = await look()
    assert (job.state, job.attempts) == ("queued", 0)
