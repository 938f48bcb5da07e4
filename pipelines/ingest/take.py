"""Taking a file from the inbox into the books, with a batch that tells what became of it whatever comes."""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.books.rules import runs as rule_runs
from ai2.identity import organizations
from ai2.ingest import reporting
from ai2.ingest import service as ingest
from ai2.ingest.layout import saved
from ai2.ingest.service import Source
from ai2.kit.database import Connection, Database, one
from ai2.kit.errors import Problem
from pipelines.ingest.inbox import Place, digest
from pipelines.ingest.outcome import Outcome

IMPORTED_BY = "system:inbox"


async def take(database: Database, *, organization_id: UUID, account_id: UUID, path: Path) -> Outcome:
    """Import a file. Its batch stays when the file cannot be read or asks: it is tried again under the same one.

    Raises the problems of `ai2.ingest` after writing them down.
    """
    batch_id = await _received(database, organization_id, account_id, path)
    try:
        async with database.transaction(organization_id, actor=IMPORTED_BY) as db:
            await ingest.run(db, organization_id, batch_id)
            await rule_runs.run_on_batch(db, organization_id, batch_id)
            outcome = await _outcome(db, batch_id)
            await flows.record_import(db, organization_id, batch_id, actor=IMPORTED_BY)
            return outcome
    except Problem as problem:
        async with database.transaction(organization_id, actor=IMPORTED_BY) as db:
            await ingest.fail(db, organization_id, batch_id, problem)
            await flows.record_import(db, organization_id, batch_id, actor=IMPORTED_BY, operation="refuse_import")
        raise


async def shown(database: Database, *, batch_id: UUID) -> None:
    """Dagster shows the batch now."""
    async with database.transaction() as db:
        await reporting.mark_reported(db, [batch_id])


async def _received(database: Database, organization_id: UUID, account_id: UUID, path: Path) -> UUID:
    async with database.transaction(organization_id, actor=IMPORTED_BY) as db:
        waiting = await one(
            db,
            """
            select batch_id from published.batches
            where organization_id = %(organization_id)s and account_id = %(account_id)s and digest = %(digest)s
                and source = 'inbox' and status in ('queued', 'running', 'failed', 'needs_answer')
            order by batch_id desc limit 1
            """,
            {
                "organization_id": organization_id,
                "account_id": account_id,
                "digest": bytes.fromhex(digest(path)),
            },
        )
        if waiting:
            return UUID(str(waiting["batch_id"]))
        return await ingest.receive(
            db,
            organization_id=organization_id,
            account_id=account_id,
            file=path,
            file_name=path.name,
            source=Source.INBOX,
            imported_by=IMPORTED_BY,
        )


async def _outcome(db: Connection, batch_id: UUID) -> Outcome:
    batch = await reporting.ended(db, batch_id)
    assert batch  # noqa: S101 - it was made above
    return Outcome.of(batch)


async def places(database: Database, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
    """The accounts that folders are named after (by name, case aside, or id); unknown names are left out."""
    async with database.transaction() as db:
        found = {name: await _place(db, *name) for name in set(names)}
    return {name: place for name, place in found.items() if place}


async def _place(db: Connection, organization: str, account: str) -> Place | None:
    try:
        owner = await organizations.find(db, organization)
        found = await _account(db, owner.organization_id, account)
        layouts = await saved.of_account(db, owner.organization_id, found.account_id) if found else []
    except Problem:
        return None
    versions = [layout.version for layout in layouts]
    return Place(owner.organization_id, found.account_id, f"{len(versions)}.{sum(versions)}") if found else None


async def _account(db: Connection, organization_id: UUID, name_or_id: str) -> accounts.Account | None:
    try:
        account_id = UUID(name_or_id)
    except ValueError:
        return await accounts.find(db, organization_id, name_or_id)
    return await accounts.get(db, organization_id, account_id)
