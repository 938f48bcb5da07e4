"""Jobs: what the worker does for each kind of job in the queue. Each may be run again and changes nothing then.

What a job needs is imported when there is one: an idle worker stays small.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from ai2.kit import queue
from ai2.kit.database import Database
from ai2.kit.errors import Conflict, Problem
from ai2.kit.periods import Period
from ai2.kit.queue import MAX_ATTEMPTS, Job

Progress = Callable[[float], None]
Result = dict[str, Any] | None
# The databases are the API role's and the pipeline role's.
Handler = Callable[[Database, Database, Job, Progress], Awaitable[Result]]


class ImportBroke(Problem):
    """The import failed again and again for a reason that is ours; the worker's log says it."""


async def import_(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Import a file that was received by the API. The batch says how it went, also when the last try fails."""
    from ai2 import flows

    batch_id = UUID(job.payload["batch_id"])
    try:
        result = await flows.run_import(database, job.organization_id, batch_id, progress=progress)
    except Exception as error:
        is_ours = not (isinstance(error, Problem) and error.status < 500)
        if is_ours and job.attempts >= MAX_ATTEMPTS:
            await flows.fail_import(database, job.organization_id, batch_id, ImportBroke())
        raise
    return result.model_dump(mode="json")


async def categorise(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Decide the categories of a batch, a period, or everything without one."""
    from ai2 import flows

    batch_id, period = job.payload.get("batch_id"), job.payload.get("period")
    days = Period(*map(date.fromisoformat, period)) if period else None
    found = await flows.categorise(database, job.organization_id, UUID(batch_id) if batch_id else None, days)
    return asdict(found)


async def find_recurring(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Find what recurs among what was written since the last look, and have the forecast worked out by it."""
    from ai2 import flows

    found = await flows.find_recurring(database, job.organization_id)
    async with database.transaction(job.organization_id) as db:
        await queue.enqueue(db, job.organization_id, "rehearse_forecast", {}, key="rehearse_forecast")
    return asdict(found)


async def rehearse_forecast(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Work out what a forecast needs, so that who asks for it need not wait; at once where it is known."""
    from ai2 import flows

    found = await flows.rehearse_forecast(database, job.organization_id)
    return {"is_forecast": found is not None}


async def find_anomalies(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Judge what was written since the last time."""
    from ai2 import flows

    return {"rows": await flows.find_anomalies(database, job.organization_id)}


async def orchestrate(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Do a run of agents, or what is left of one that was broken off."""
    from ai2 import flows

    return await flows.orchestrate(database, job.organization_id, UUID(job.payload["run_id"]), progress=progress)


async def learn_own(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Learn an organization's own categories anew, where people have chosen enough since the last time."""
    from ai2 import flows

    found = await flows.learn_own(database, job.organization_id, only_if_due=not job.payload.get("anyway"))
    return asdict(found) if found else None


async def retrain(_: Database, pipeline: Database, job: Job, progress: Progress) -> Result:
    """Train a challenger on what the organizations taught."""
    from ai2 import flows

    return asdict(await flows.retrain(pipeline))


async def privacy_export(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Write all that is kept of a person or an organization into a file."""
    from ai2.privacy import exporting

    return await exporting.write(database, job, progress)


async def export_data(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Write what was asked for of the books into a file."""
    from ai2.reports.exports import writing

    return await writing.write(database, job, progress)


class SyncUnderWay(Problem):
    """Another sync of the connection runs; these days are fetched after it."""

    status = 503


async def sync(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Bring a connection up to date. Where another run is at it, that one serves, and one more follows it."""
    from ai2.connections import service, syncing

    since, until = (date.fromisoformat(day) if day else None for day in (job.payload["since"], job.payload["until"]))
    connection_id = UUID(job.payload["connection_id"])
    try:
        sync_id = await syncing.sync(
            database, job.organization_id, connection_id, trigger=job.payload["trigger"], since=since, until=until
        )
    except syncing.AlreadySyncing:
        async with database.transaction(job.organization_id) as db:
            is_under_way = await service.ask_again(db, job.organization_id, connection_id)
        if is_under_way and since:
            raise SyncUnderWay from None
        return None
    return {"sync_id": str(sync_id)}


async def read_mails(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Read the mails that were kept: statements go to ingestion, the rest is looked at as receipts."""
    from ai2.connections import mailing

    return {"mails": await mailing.read_waiting(database, job.organization_id)}


async def finish_connection(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Take what was consented to at a link. Where nothing was, or somebody else took it, there is nothing to do."""
    from ai2.connections import service

    try:
        found = await service.finish(
            database, job.organization_id, UUID(job.payload["connection_id"]), {}, actor="system"
        )
    except Conflict:
        return None
    return {"state": found.state}


async def match_receipts(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Hold receipts and transactions against each other, where something came since the last time."""
    from ai2.receipts import looking

    return asdict(await looking.look(database, job.organization_id))


async def forget_unused_files(database: Database, _: Database, job: Job, progress: Progress) -> Result:
    """Delete the bytes of what was taken away, where nothing else refers to them."""
    from ai2.receipts import attaching

    await attaching.forget_unused(database, job.organization_id, bytes.fromhex(job.payload["digest"]))
    return None


async def erase_organization(_: Database, pipeline: Database, job: Job, progress: Progress) -> Result:
    """Erase an organization, this job with it."""
    from ai2.identity import erasure

    erased = await erasure.erase(pipeline, job.organization_id, erased_by=job.payload["erased_by"])
    return {"rows": sum(erased.rows.values())}


HANDLERS: Mapping[str, Handler] = {
    "import": import_,
    "categorise": categorise,
    "find_recurring": find_recurring,
    "rehearse_forecast": rehearse_forecast,
    "find_anomalies": find_anomalies,
    "orchestrate": orchestrate,
    "learn_own": learn_own,
    "retrain": retrain,
    "privacy_export": privacy_export,
    "export_data": export_data,
    "sync": sync,
    "read_mails": read_mails,
    "finish_connection": finish_connection,
    "match_receipts": match_receipts,
    "forget_unused_files": forget_unused_files,
    "erase_organization": erase_organization,
}
