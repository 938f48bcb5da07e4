"""Jobs: a large file imported in the background says how it went on its batch, whatever came of it."""

import io
from uuid import UUID

import pytest

from ai2 import flows, jobs
from ai2.books.accounts import service as accounts
from ai2.identity.organizations import Organization
from ai2.ingest.service import ImportOptions, Source
from ai2.kit import queue
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from ai2.kit.queue import MAX_ATTEMPTS, Job

PLAIN = b"Date,Description,Amount\n2026-11-02,COSTA COFFEE,-4.20\n2026-11-03,TRAINLINE,-56.10\n"
ASKS = b"date,merchant,amount_gbp\n2026-11-02,COSTA,4.20\n2026-11-03,TRAINLINE,56.10\n"


async def received(database: Database, organization: Organization, content: bytes) -> Job:
    batch_id = await flows.receive_file(
        database,
        organization_id=organization.organization_id,
        account_name="Current",
        path=io.BytesIO(content),
        file_name="november.csv",
        options=ImportOptions(),
        source=Source.API,
        imported_by="system",
    )
    async with database.transaction(organization.organization_id) as db:
        return await queue.get(db, organization.organization_id, batch_id)


async def state(database: Database, job: Job) -> str:
    async with database.transaction(job.organization_id) as db:
        return (await flows.get_import(db, job.organization_id, UUID(job.payload["batch_id"]))).status


def silent(_: float) -> None:
    """Nobody watches."""


async def test_imports_what_was_received_and_again_changes_nothing(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    job = await received(database, organization, PLAIN)
    assert await state(database, job) == "queued"
    first = await jobs.import_(database, pipeline, job, silent)
    again = await jobs.import_(database, pipeline, job, silent)
    assert first == again
    assert first
    assert first["rows"] == {"in": 2, "loaded": 2, "duplicate": 0, "quarantined": 0}
    assert await state(database, job) == "loaded"


async def test_a_question_waits_on_the_batch_and_loads_nothing(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    job = await received(database, organization, ASKS)
    with pytest.raises(Problem):
        await jobs.import_(database, pipeline, job, silent)
    assert await state(database, job) == "needs_answer"
    async with database.transaction(organization.organization_id) as db:
        account = await accounts.find(db, organization.organization_id, "Current")
        assert account
        assert await accounts.balances(db, organization.organization_id, account.account_id) == []


@pytest.mark.parametrize(("attempts", "expected"), [(1, "queued"), (MAX_ATTEMPTS, "failed")])
async def test_an_accident_is_written_down_when_it_was_the_last_try(
    database: Database,
    pipeline: Database,
    organization: Organization,
    monkeypatch: pytest.MonkeyPatch,
    attempts: int,
    expected: str,
) -> None:
    async def explode(*_: object, **__: object) -> None:
        raise RuntimeError("COFFEE")

    monkeypatch.setattr("ai2.ingest.service.run", explode)
    job = await received(database, organization, PLAIN)
    tried = Job(**{**vars(job), "attempts": attempts})
    with pytest.raises(RuntimeError):
        await jobs.import_(database, pipeline, tried, silent)
    assert await state(database, job) == expected


async def test_shows_how_far_a_running_import_is(
    database: Database, pipeline: Database, organization: Organization
) -> None:
    job = await received(database, organization, PLAIN)
    async with pipeline.transaction() as db:
        await db.execute("update queue.jobs set state = 'running' where job_id = %s", [job.job_id])
        await queue.report(db, job, 0.25)
    async with database.transaction(organization.organization_id) as db:
        shown = await flows.get_import(db, organization.organization_id, job.job_id)
    assert (shown.status, shown.progress) == ("running", 0.25)


async def test_categorises_what_is_new(database: Database, pipeline: Database, organization: Organization) -> None:
    job = await received(database, organization, PLAIN)
    await jobs.import_(database, pipeline, job, silent)
    follow_up = Job(**{**vars(job), "kind": "categorise"})
    told = await jobs.categorise(database, pipeline, follow_up, silent)
    assert told
    assert told["transactions"] == 2
