"""The queue: a job is its organization's, taken by one worker, and never lost."""

from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from ai2.identity.organizations import Organization
from ai2.kit import queue
from ai2.kit.database import Connection, Database, Role, connection_parameters
from ai2.kit.queue import JobNotFound

WORKER = 41


@pytest.fixture
async def worker(server: None) -> AsyncIterator[Connection]:
    """A living worker's connection."""
    known = connection_parameters(Role.PIPELINE)
    async with await AsyncConnection.connect(**known, autocommit=True, row_factory=dict_row) as connection:
        await connection.execute("delete from queue.jobs")
        await queue.become(connection, WORKER)
        yield connection


async def added(database: Database, organization: Organization, **payload: object) -> object:
    async with database.transaction(organization.organization_id) as db:
        return await queue.enqueue(db, organization.organization_id, "test", payload)


async def test_is_taken_once(database: Database, organization: Organization, worker: Connection) -> None:
    job_id = await added(database, organization, number=1)
    job = await queue.claim(worker, WORKER)
    assert job
    assert (job.job_id, job.payload, job.attempts, job.state) == (job_id, {"number": 1}, 1, "running")
    assert await queue.claim(worker, WORKER) is None


async def test_is_not_there_if_its_transaction_fails(
    database: Database, organization: Organization, worker: Connection
) -> None:
    async def fail() -> None:
        async with database.transaction(organization.organization_id) as db:
            await queue.enqueue(db, organization.organization_id, "test", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await queue.claim(worker, WORKER) is None


async def test_wakes_who_listens(database: Database, organization: Organization, worker: Connection) -> None:
    await worker.execute(f"listen {queue.CHANNEL}".encode())
    await added(database, organization)
    assert [note.channel async for note in worker.notifies(timeout=5, stop_after=1)] == [queue.CHANNEL]


async def test_a_stranger_sees_no_job(
    database: Database, organization: Organization, stranger: Organization, worker: Connection
) -> None:
    job_id = await added(database, organization)
    async with database.transaction(stranger.organization_id) as db:
        with pytest.raises(JobNotFound):
            await queue.get(db, organization.organization_id, job_id)  # type: ignore[arg-type]
        assert await queue.depth(db) == 0


async def test_waiting_jobs_of_one_key_are_one(
    database: Database, organization: Organization, worker: Connection
) -> None:
    async with database.transaction(organization.organization_id) as db:
        ids = {await queue.enqueue(db, organization.organization_id, "test", {}, key="same") for _ in range(3)}
    assert len(ids) == 1
    await queue.claim(worker, WORKER)
    async with database.transaction(organization.organization_id) as db:
        assert await queue.enqueue(db, organization.organization_id, "test", {}, key="same") not in ids


async def test_a_dead_workers_job_is_taken_up_again(
    database: Database, organization: Organization, worker: Connection
) -> None:
    await added(database, organization)
    dead = 42
    assert await queue.claim(worker, dead)  # nobody holds this worker's lock
    job = await queue.claim(worker, WORKER)
    assert job
    assert job.attempts == 2


async def test_what_kills_every_worker_is_given_up(
    database: Database, organization: Organization, worker: Connection
) -> None:
    job_id = await added(database, organization)
    for _ in range(queue.MAX_ATTEMPTS):
        await queue.bury(worker)
        assert await queue.claim(worker, 43)
    await queue.bury(worker)
    assert await queue.claim(worker, WORKER) is None
    async with database.transaction(organization.organization_id) as db:
        job = await queue.get(db, organization.organization_id, job_id)  # type: ignore[arg-type]
    assert job.state == "failed"
    assert job.error
    assert job.error["code"] == "worker_died"


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (2, 4), (3, 8), (20, 300)])
def test_rests_longer_after_each_failure(attempts: int, seconds: int) -> None:
    assert queue.pause_s(attempts) == seconds


async def test_a_failed_job_waits_before_the_next_try(
    database: Database, organization: Organization, worker: Connection
) -> None:
    await added(database, organization)
    job = await queue.claim(worker, WORKER)
    assert job
    await queue.fail(worker, job, {"code": "x"}, again=True)
    assert await queue.claim(worker, WORKER) is None
    due_s = await queue.seconds_to_next(worker)
    assert due_s
    assert 0 < due_s <= 2


async def test_what_a_stopping_worker_hands_back_was_no_attempt(
    database: Database, organization: Organization, worker: Connection
) -> None:
    await added(database, organization)
    await queue.claim(worker, WORKER)
    await queue.release(worker, WORKER)
    job = await queue.claim(worker, WORKER)
    assert job
    assert job.attempts == 1
