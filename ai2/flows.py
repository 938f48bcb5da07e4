"""Flows: what a person calls one act, across ingest, books and ml. Each is one database transaction or says why not."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from psycopg import Rollback

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.categories.service import Category
from ai2.books.rules import runs as rule_runs
from ai2.identity import audit, organizations
from ai2.identity.audit import Entity
from ai2.ingest import service as ingest
from ai2.ingest.mending.replay import Replay, replay
from ai2.ingest.mending.replay import replay_account as replay_all_of
from ai2.ingest.mending.resubmit import Resubmission, resubmit
from ai2.ingest.service import ImportOptions, ImportResult, Source
from ai2.kit import queue
from ai2.kit.database import Connection, Database
from ai2.kit.errors import FieldError, Invalid, Problem
from ai2.kit.periods import Period
from ai2.kit.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from psycopg.rows import DictRow

    from ai2.connections.due import Synced
    from ai2.reports.schedules.making import Outcome
    from ml.cashflow.telling import Rehearsed
    from ml.governance.retrain import Retrained
    from ml.governance.triggers import Found
    from ml.own.refit import Refitted
    from ml.recurring.finding import Recurring
    from ml.scope import Scope
    from ml.service import Suggested

Progress = Callable[[float], None]

# So many shards of a large scope are decided beside each other: one is scored while another is written.
LANES = 2


async def import_file(database: Database, *, organization_id: UUID, imported_by: str, **known: Any) -> ImportResult:
    """`import_within` in a database transaction of its own."""
    async with database.transaction(organization_id, actor=imported_by) as db:
        result = await import_within(db, organization_id=organization_id, imported_by=imported_by, **known)
        if result.batch_id:
            await record_import(db, organization_id, result.batch_id, actor=imported_by)
    return result


async def import_within(
    db: Connection,
    *,
    organization_id: UUID,
    account_id: UUID | None = None,
    account_name: str | None = None,
    path: Path | BinaryIO,
    file_name: str,
    options: ImportOptions,
    source: Source,
    imported_by: str,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Read a statement file into the books, whole or not at all; rules decide what is new, the rest comes later.

    The account is known by its id or its name; one of a new name is opened with the first file that loads, in the
    currency of `options` or else of the organization, and after a dry run there is none. Raises the problems of
    `ai2.ingest`: the file cannot be read, or asks a question (nothing is loaded then).
    """
    async with db.transaction() as all_of_it:
        into = account_id or await _account_named(db, organization_id, account_name, options.currency)
        result = await ingest.import_file(
            db,
            organization_id=organization_id,
            account_id=into,
            file=path,
            file_name=file_name,
            options=options,
            source=source,
            imported_by=imported_by,
            dry_run=dry_run,
            progress=progress,
        )
        if dry_run:
            raise Rollback(all_of_it)
        await _decide(db, organization_id, result)
    if dry_run and not account_id and not await accounts.find(db, organization_id, account_name or ""):
        return result.model_copy(update={"account_id": None})
    return result


async def receive_within(
    db: Connection,
    *,
    organization_id: UUID,
    account_id: UUID | None = None,
    account_name: str | None = None,
    path: Path | BinaryIO,
    file_name: str,
    options: ImportOptions,
    source: Source,
    imported_by: str,
) -> UUID:
    """Keep a large file for the worker to import, and give its batch, which says how far it is."""
    batch_id = await ingest.receive(
        db,
        organization_id=organization_id,
        account_id=account_id or await _account_named(db, organization_id, account_name, options.currency),
        file=path,
        file_name=file_name,
        options=options,
        source=source,
        imported_by=imported_by,
    )
    await queue.enqueue(db, organization_id, "import", {"batch_id": str(batch_id)}, job_id=batch_id)
    return batch_id


async def receive_file(database: Database, *, organization_id: UUID, imported_by: str, **known: Any) -> UUID:
    """`receive_within` in a database transaction of its own."""
    async with database.transaction(organization_id, actor=imported_by) as db:
        batch_id = await receive_within(db, organization_id=organization_id, imported_by=imported_by, **known)
        await record_import(db, organization_id, batch_id, actor=imported_by, operation="receive_file")
    return batch_id


async def replay_import(db: Connection, organization_id: UUID, batch_id: UUID, **words: Any) -> Replay:
    """`ai2.ingest.mending.replay.replay`; what it changes or loads is decided by rules, or later."""
    found = await replay(db, organization_id, batch_id, **words)
    if found.is_applied and found.differs:
        await rule_runs.run_on_batch(db, organization_id, batch_id)
    return found


async def replay_account(db: Connection, organization_id: UUID, account_id: UUID, **words: Any) -> list[Replay]:
    """`ai2.ingest.mending.replay.replay_account`; what it changes or loads is decided by rules, or later."""
    found = await replay_all_of(db, organization_id, account_id, **words)
    for each in found:
        if each.is_applied and each.differs:
            await rule_runs.run_on_batch(db, organization_id, each.batch_id)
    return found


async def resubmit_rows(
    db: Connection, organization_id: UUID, batch_id: UUID, raw: bytes, *, sent_by: str, options: ImportOptions
) -> Resubmission:
    """`ai2.ingest.mending.resubmit.resubmit`; what it loads is decided by rules, or later."""
    found = await resubmit(db, organization_id, batch_id, raw, sent_by=sent_by, options=options)
    if found.loaded:
        await rule_runs.run_on_batch(db, organization_id, batch_id)
    return found


async def get_import(db: Connection, organization_id: UUID, batch_id: UUID) -> ingest.Batch:
    """An import as it stands; while the worker has it, how far it is."""
    known = await ingest.batch(db, organization_id, batch_id)
    if known.status != "queued":
        return known
    try:
        job = await queue.get(db, organization_id, batch_id)
    except queue.JobNotFound:  # it waits in the inbox
        return known
    return replace(known, status="running", progress=job.progress) if job.state == "running" else known


async def run_import(
    database: Database, organization_id: UUID, batch_id: UUID, *, progress: Progress | None = None
) -> ImportResult:
    """Import a file that was received earlier. Why it cannot be loaded is written on its batch, and raised."""
    try:
        async with database.transaction(organization_id, actor=f"batch:{batch_id}") as db:
            result = await ingest.run(db, organization_id, batch_id, progress=progress)
            await _decide(db, organization_id, result)
            await record_import(db, organization_id, batch_id, actor=f"batch:{batch_id}", operation="run_import")
    except Problem as problem:
        if problem.status < 500:
            await fail_import(database, organization_id, batch_id, problem)
        raise
    return result


async def fail_import(database: Database, organization_id: UUID, batch_id: UUID, problem: Problem) -> None:
    """Write on a batch why it is not loaded."""
    async with database.transaction(organization_id, actor=f"batch:{batch_id}") as db:
        await ingest.fail(db, organization_id, batch_id, problem)
        await record_import(db, organization_id, batch_id, actor=f"batch:{batch_id}", operation="refuse_import")


async def record_import(
    db: Connection, organization_id: UUID, batch_id: UUID, *, actor: str, operation: str = "import_file"
) -> None:
    """Tell the audit of an act on an import that no request asked for."""
    await audit.record(db, organization_id, actor=actor, operation=operation, entity=Entity("batch", batch_id))


async def _decide(db: Connection, organization_id: UUID, result: ImportResult) -> None:
    """Let rules decide what was written just now; the categoriser hears of the import and decides the rest."""
    if result.rows.loaded and result.batch_id:
        await rule_runs.run_on_batch(db, organization_id, result.batch_id)


async def _account_named(db: Connection, organization_id: UUID, name: str | None, currency: str | None) -> UUID:
    if not name:
        raise Invalid(errors=(FieldError("account_name", "is needed where there is no account_id"),))
    known = await accounts.find(db, organization_id, name)
    if known is None:
        base_currency = (await organizations.get(db, organization_id)).base_currency
        known = await accounts.create(db, organization_id, name=name, currency=currency or base_currency)
    return known.account_id


async def categorise(
    database: Database, organization_id: UUID, batch_id: UUID | None = None, period: Period | None = None
) -> "Suggested":
    """Decide the categories of a batch, a period, or everything that has none yet; people's own stay."""
    from ml import service
    from ml.scope import Scope

    scope = Scope(batch_id=batch_id, period=period)
    found = await _categorise(database, organization_id, scope)
    if found.applied + found.to_review < found.transactions and await service.ask_left(
        database, organization_id, scope
    ):
        more = await _categorise(database, organization_id, scope)
        found = replace(found, to_review=more.to_review)
    return found


async def _categorise(database: Database, organization_id: UUID, scope: "Scope") -> "Suggested":
    """Shard by shard, each a database transaction, so that what is done stays done; of many, two beside each other.

    While one is scored or waits for the other's totals, the other is written.
    """
    from ml import service

    async with database.transaction(organization_id) as db:
        shards, since = await service.shards(db, organization_id, scope)
    waiting = iter(shards)

    async def lane() -> "list[Suggested]":
        return [await _categorise_shard(database, organization_id, shard, since) for shard in waiting]

    lanes = min(LANES, len(shards), max(settings().database_pool_max - 1, 1))
    running = [asyncio.create_task(lane()) for _ in range(lanes)]
    # the other lane goes on where one fails: what it decides need not be decided again
    await asyncio.gather(*running, return_exceptions=True)
    return service.together([found for lane in running for found in lane.result()])


async def _categorise_shard(
    database: Database, organization_id: UUID, scope: "Scope", since: "datetime"
) -> "Suggested":
    from ml import service

    async with database.transaction(organization_id) as db:
        found = await service.suggest(db, organization_id, scope, since=since)
        if found.applied:
            what = Entity("batch", scope.batch_id) if scope.batch_id else None
            counted = {"applied": found.applied, "version": found.version}
            await audit.record(
                db, organization_id, actor="system", operation="categorise", entity=what, details=counted
            )
    return found


async def find_recurring(database: Database, organization_id: UUID, *, is_all: bool = False) -> "Recurring":
    """Find what recurs among what was written since the last look, or in all of the books; people's words stay."""
    from ml.recurring import finding

    async with database.transaction(organization_id) as db:
        return await finding.find(db, organization_id, is_all=is_all)


async def find_anomalies(database: Database, organization_id: UUID) -> int:
    """Judge the months in which anything was written since the last look; what people dismissed stays so."""
    from ml.anomalies import service

    async with database.transaction(organization_id) as db:
        return await service.catch_up(db, organization_id)


async def orchestrate(database: Database, organization_id: UUID, run_id: UUID, *, progress: Progress) -> dict[str, Any]:
    """Do a run of agents, or what is left of it; says how each step ended. The run itself has what came of it."""
    from ml.agents import orchestrator

    run = await orchestrator.run(database, organization_id, run_id, progress=progress)
    ended = {step.step: step.state for step in run.steps}
    async with database.transaction(organization_id) as db:
        await audit.record(
            db,
            organization_id,
            actor=run.requested_by,
            operation="run_orchestration",
            entity=Entity("run", run_id),
            details={"workflow": run.workflow, **ended},
        )
    return {"run_id": str(run_id), "state": run.state, "steps": ended}


async def rehearse_forecast(database: Database, organization_id: UUID) -> "Rehearsed | None":
    """Work out what a forecast needs, and say in figures how forecasts went; none where there is too little."""
    from ml.cashflow import service

    async with database.transaction(organization_id) as db:
        return await service.rehearse(db, organization_id)


async def who_has_reports_due(pipeline: Database) -> list[UUID]:
    """Organizations that have a scheduled report to be made now. The database is the pipeline role's."""
    from ai2.reports.schedules import making

    return await making.who_is_due(pipeline)


async def make_due_reports(database: Database, organization_id: UUID) -> "Outcome":
    """Make the scheduled reports that are due, each once for its time."""
    from ai2.reports.schedules import making

    return await making.make_due(database, organization_id)


async def is_any_connection_due(pipeline: Database) -> bool:
    """Whether a connection is due, or a consent ends of which nobody was told. The database is the pipeline role's."""
    from ai2.connections import due_repository
    from ai2.connections.model import WARN_DAYS

    async with pipeline.transaction() as db:
        return await due_repository.is_any(db, warn_days=WARN_DAYS)


async def sync_due(database: Database, pipeline: Database) -> "Synced":
    """Bring every connection that is due up to date, and tell of consents that end.

    The worker and Dagster both do: each connection is synced once, by whoever comes first.
    """
    from ai2.connections import consents, due

    await consents.look(database, pipeline)
    return await due.sync_due(database, pipeline)


async def sync_connections(
    database: Database, pipeline: Database, connection_ids: "Sequence[UUID]", since: "date | None", until: "date | None"
) -> "list[DictRow]":
    """Sync these connections now, or fetch days again that are past; how each run ended."""
    from ai2.connections import due

    return await due.sync_these(database, pipeline, connection_ids, since, until)


async def merge_category(db: Connection, organization_id: UUID, category_id: UUID, into: UUID) -> Category:
    """Hand all that a category has to another one, what was taught and learnt of it too, and archive it."""
    from ml.own import service as own

    heir = await categories.merge(db, organization_id, category_id, into)
    await own.follow(db, organization_id, category_id, into)
    return heir


async def delete_category(
    db: Connection, organization_id: UUID, category_id: UUID, *, reassign_to: UUID | None, version: int | None
) -> None:
    """Delete a category; what uses it, and what was taught of it, goes to another one where one is named."""
    from ml.own import service as own

    await categories.delete(db, organization_id, category_id, reassign_to=reassign_to, version=version)
    if reassign_to:
        await own.follow(db, organization_id, category_id, reassign_to)


async def learn_own(database: Database, organization_id: UUID, *, only_if_due: bool = True) -> "Refitted | None":
    """Learn the organization's own categories anew from its history; none where there is too little, or little new."""
    from ml.own import refit

    async with database.transaction(organization_id) as db:
        if only_if_due and not await refit.is_due(db, organization_id):
            return None
        history = await refit.gather(db, organization_id)
    # It takes a while, in which nobody has to wait for a transaction of ours.
    learnt = await asyncio.to_thread(refit.learn, history)
    async with database.transaction(organization_id) as db:
        return await refit.keep(db, organization_id, history, learnt)


async def who_teaches(database: Database) -> list[UUID]:
    """The organizations that have a history to learn from. `database` is the pipeline role's."""
    from ml.own import repository

    async with database.transaction() as db:
        return await repository.teaching(db)


async def retrain(database: Database) -> "Retrained":
    """Let serve what was tried long enough, and train a challenger. `database` is the pipeline role's."""
    from ml.governance.retrain import retrain as train

    return await train(database)


async def look_at_models(database: Database) -> "list[Found]":
    """Let serve what was tried long enough, and see whether a training is due. `database` is the pipeline role's."""
    from ml.governance import service
    from ml.governance.retrain import promote_tried

    async with database.transaction() as db:
        await promote_tried(db)
        return await service.look(db)
