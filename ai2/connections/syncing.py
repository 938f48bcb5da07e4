"""Syncing: a run of a connection, from its cursor to what the provider has now.

Nobody's database transaction waits for a provider: pages are fetched in a thread, and at each safe point (a page with a
cursor) what came since the last one goes into the books together with the cursor, or not at all. A lease lets one run
at a time; a run that lost it writes nothing more.
"""

import asyncio
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.books.rules import runs as rule_runs
from ai2.connections import credentials, linking, mailing, outcome, repository
from ai2.connections.limits import pace_of
from ai2.connections.model import Trigger
from ai2.identity import organizations
from ai2.ingest import service as ingest
from ai2.ingest.sources import names
from ai2.ingest.sources.model import Document, Mail, Page, RemoteAccount, Session, Source
from ai2.kit import queue
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Conflict, Problem
from ai2.kit.ids import new_id
from ai2.kit.settings import settings

LEASE_S = 180.0
# Providers are waited for, not worked for: many at once on few cores.
THREADS = ThreadPoolExecutor(64, thread_name_prefix="sync")


class AlreadySyncing(Conflict):
    """This connection is being synced just now, or cannot be: GET /api/connectors/sync-status says which."""


class LeaseLost(Conflict):
    """Another run took over; this one writes nothing more."""


@dataclass
class Gathered:
    """What came since the last safe point."""

    documents: list[Document] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    accounts: dict[str, RemoteAccount] = field(default_factory=dict)
    pages: int = 0

    def add(self, page: Page) -> None:
        if page.restarts:
            self.documents, self.mails, self.accounts = [], [], {}
        self.documents += page.documents
        self.mails += page.mails
        self.accounts |= {account.key: account for account in page.accounts}
        self.pages += 1


async def sync(
    database: Database,
    organization_id: UUID,
    connection_id: UUID,
    *,
    trigger: Trigger,
    since: date | None = None,
    until: date | None = None,
) -> UUID:
    """Bring a connection up to date and give the run's id. How it went is in its history, and in its state.

    Raises AlreadySyncing; whatever else goes wrong is written down, and raised where it is ours.
    """
    sync_id = new_id()
    async with database.transaction(organization_id) as db:
        row = await repository.take(db, organization_id, connection_id, sync_id, lease_s=LEASE_S)
        if row is None:
            raise AlreadySyncing
        await repository.cut_off(db, organization_id, connection_id, sync_id)
        await repository.begin_sync(
            db, organization_id, sync_id=sync_id, connection_id=connection_id, trigger=trigger, since=since, until=until
        )
        key = await organizations.file_key(db, organization_id)
        known = await repository.accounts(db, organization_id, connection_id)
    run = _Run(database, organization_id, connection_id, sync_id, names.source(row["provider"]), row["name"], key)
    try:
        await run.fetch(run.session(row, known, since, until))
    except LeaseLost:
        return sync_id
    except Exception as error:
        await outcome.failed(database, organization_id, connection_id, sync_id, run.source, error)
        if not isinstance(error, Problem):
            raise
        return sync_id
    await outcome.succeeded(database, organization_id, connection_id, sync_id, run.source)
    return sync_id


@dataclass
class _Run:
    database: Database
    organization_id: UUID
    connection_id: UUID
    sync_id: UUID
    source: Source
    name: str
    key: bytes

    @property
    def actor(self) -> str:
        return f"connection:{self.connection_id}"

    def session(self, row: Mapping[str, Any], known: list[Any], since: date | None, until: date | None) -> Session:
        """What the source may know. What it calls waits for us in its thread."""
        loop = asyncio.get_running_loop()

        def keep(changed: Mapping[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(self.keep(changed), loop).result()

        secret = credentials.opened(self.key, self.connection_id, row["credentials"]) if row["credentials"] else {}
        return Session(
            settings=row["settings"],
            credentials=secret,
            # a backfill goes over days that are past, and leaves the cursor where it is
            cursor=None if since else row["cursor"],
            pace=pace_of(self.database, self.source, loop),
            keep=keep,
            accounts=tuple(
                RemoteAccount(each["account_key"], each["name"], each["currency"], each["kind"], each["number"])
                for each in known
            ),
            since=since,
            until=until,
            allows_private=settings().connect_private,
        )

    async def fetch(self, session: Session) -> None:
        """Page after page, written at each safe point."""
        loop = asyncio.get_running_loop()
        pages = iter(self.source.pages(session))
        gathered = Gathered()
        while (page := await loop.run_in_executor(THREADS, next, pages, None)) is not None:
            gathered.add(page)
            if page.cursor is None:
                await self.prolong()
                continue
            await self.write(gathered, page, moves=session.since is None)
            gathered = Gathered()

    async def prolong(self) -> None:
        async with self.database.transaction(self.organization_id) as db:
            if not await repository.prolong(
                db, self.organization_id, self.connection_id, self.sync_id, lease_s=LEASE_S
            ):
                raise LeaseLost

    async def keep(self, changed: Mapping[str, Any]) -> None:
        """Write renewed credentials down at once."""
        sealed = credentials.sealed(self.key, self.connection_id, changed)
        async with self.database.transaction(self.organization_id) as db:
            await repository.update(db, self.organization_id, self.connection_id, credentials=sealed)

    async def write(self, gathered: Gathered, page: Page, *, moves: bool) -> None:
        """What was gathered and the cursor behind it, in one database transaction; files are only received in it."""
        brought = {"pages": gathered.pages, "rows_in": 0, "rows_loaded": 0, "rows_duplicate": 0, "rows_quarantined": 0}
        batches: list[UUID] = []
        waiting: list[UUID] = []
        async with self.database.transaction(self.organization_id, actor=self.actor) as db:
            if not await repository.prolong(
                db, self.organization_id, self.connection_id, self.sync_id, lease_s=LEASE_S
            ):
                raise LeaseLost
            if gathered.accounts:
                await linking.link(db, self.organization_id, self.connection_id, self.name, gathered.accounts.values())
            ours = await self.accounts(db)
            for document in gathered.documents:
                account_id = ours.get(document.account_key)
                if account_id is None:  # its owner left this account out
                    continue
                if document.kind == "file":
                    waiting.append(await self.receive(db, account_id, document))
                    continue
                result = await self.load(db, account_id, document)
                batches += [result.batch_id] if result.batch_id else []
                brought["rows_in"] += result.rows.in_
                brought["rows_loaded"] += result.rows.loaded
                brought["rows_duplicate"] += result.rows.duplicate
                brought["rows_quarantined"] += result.rows.quarantined
            changed: dict[str, Any] = {"cursor": Jsonb(dict(page.cursor or {}))} if moves else {}
            if page.consent_expires_at:
                changed["consent_expires_at"] = page.consent_expires_at
            if changed:
                await repository.update(db, self.organization_id, self.connection_id, **changed)
            kept = await mailing.keep(db, self.organization_id, self.connection_id, gathered.mails)
            told = {**brought, "mails": kept, "batches": [*batches, *waiting]}
            await repository.add_to_sync(db, self.organization_id, self.sync_id, told)

    async def accounts(self, db: Connection) -> dict[str, UUID]:
        known = await repository.accounts(db, self.organization_id, self.connection_id)
        return {row["account_key"]: row["account_id"] for row in known if row["account_id"]}

    async def load(self, db: Connection, account_id: UUID, document: Document) -> ingest.ImportResult:
        """A feed's answer into the books, and rules over what is new."""
        result = await ingest.import_file(
            db,
            organization_id=self.organization_id,
            account_id=account_id,
            file=io.BytesIO(document.content),
            file_name=document.name,
            source=ingest.Source.CONNECTION,
            imported_by=self.actor,
        )
        if result.rows.loaded and result.batch_id:
            await rule_runs.run_on_batch(db, self.organization_id, result.batch_id)
        return result

    async def receive(self, db: Connection, account_id: UUID, document: Document) -> UUID:
        """A statement file is kept and imported by a job: it may ask, and the sync goes on."""
        batch_id = await ingest.receive(
            db,
            organization_id=self.organization_id,
            account_id=account_id,
            file=io.BytesIO(document.content),
            file_name=document.name,
            source=ingest.Source.CONNECTION,
            imported_by=self.actor,
        )
        await queue.enqueue(db, self.organization_id, "import", {"batch_id": str(batch_id)}, job_id=batch_id)
        return batch_id
