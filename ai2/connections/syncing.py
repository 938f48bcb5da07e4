"""Syncing: a run of a connection, from its cursor to what the provider has now.

Nobody's database transaction waits for a provider: pages are fetched in a thread, and at each safe point (a page with a
cursor) what came since the last one goes into the books together with the cursor, or not at all. A lease lets one run
at a time, and is prolonged while a provider is waited for; a run that lost it writes nothing more.
"""

import asyncio
import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.rules import runs as rule_runs
from ai2.connections import credentials, limits, linking, mailing, outcome, repository
from ai2.connections.limits import Paced
from ai2.connections.model import Trigger
from ai2.connections.outcome import Ran
from ai2.connections.scrubbing import scrub, scrubbed
from ai2.connections.turns import Turns
from ai2.identity import organizations
from ai2.ingest import service as ingest
from ai2.ingest.sources import names
from ai2.ingest.sources.model import Document, Mail, Page, RemoteAccount, Session
from ai2.ingest.sources.problems import Permanent, Transient
from ai2.ingest.sources.stating import stating
from ai2.kit import queue
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Conflict, Problem
from ai2.kit.ids import new_id
from ai2.kit.settings import settings

Answer = TypeVar("Answer")
LEASE_S = 180.0
# What a provider may take for one page, our own waiting for its limits included.
LONGEST_PAGE_S = 900.0
# Providers are waited for, not worked for: many at once on few cores.
THREADS = ThreadPoolExecutor(64, thread_name_prefix="sync")


class AlreadySyncing(Conflict):
    """This connection is being synced just now, or cannot be: GET /api/connectors/sync-status says which."""


class LeaseLost(Conflict):
    """Another run took over; this one writes nothing more."""


class TakesTooLong(Transient):
    """The provider did not bring a page within a quarter of an hour."""


@dataclass
class Gathered:
    """What came since the last safe point."""

    documents: list[Document] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    accounts: dict[str, RemoteAccount] = field(default_factory=dict)
    pages: int = 0

    def stating(self) -> list[Document]:
        """The documents, the last feed of each account with what the account held when it was told."""
        last = {document.account_key: place for place, document in enumerate(self.documents) if document.kind == "feed"}
        return [
            replace(document, content=stating(document.content, self.accounts.get(document.account_key)))
            if last.get(document.account_key) == place
            else document
            for place, document in enumerate(self.documents)
        ]

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
    only_if_due: bool = False,
    turns: Turns | None = None,
) -> UUID:
    """Bring a connection up to date and give the run's id. How it went is in its history, and in its state.

    Of many at once each is given the same `turns` of the database. Raises AlreadySyncing; whatever else goes wrong is
    written down, and raised where it is ours.
    """
    turns = turns or Turns(database)
    run = await _begin(turns, organization_id, connection_id, trigger, since, until, only_if_due=only_if_due)
    try:
        await run.fetch()
    except LeaseLost:
        await outcome.failed(turns, run.ran, LeaseLost())
    except asyncio.CancelledError:
        run.stop()
        with suppress(Exception):
            await asyncio.shield(outcome.cut_off(turns, run.ran))
        raise
    except Exception as error:
        await run.fail(error)
        if not isinstance(error, Problem):
            raise
    else:
        await limits.went_well(turns, run.ran.source, run.paced.used)
        await outcome.succeeded(turns, run.ran)
    finally:
        run.stop()
    return run.ran.sync_id


async def _begin(
    turns: Turns,
    organization_id: UUID,
    connection_id: UUID,
    trigger: Trigger,
    since: date | None,
    until: date | None,
    *,
    only_if_due: bool,
) -> "_Run":
    sync_id = new_id()
    async with turns.transaction(organization_id) as db:
        row = await repository.take(
            db, organization_id, connection_id, sync_id, lease_s=LEASE_S, only_if_due=only_if_due
        )
        if row is None:
            raise AlreadySyncing
        await repository.cut_off(db, organization_id, connection_id, sync_id)
        await repository.begin_sync(
            db, organization_id, sync_id=sync_id, connection_id=connection_id, trigger=trigger, since=since, until=until
        )
        key = await organizations.file_key(db, organization_id)
        known = await repository.accounts(db, organization_id, connection_id)
    source = names.source(row["provider"])
    ran = Ran(organization_id, connection_id, sync_id, source, since is not None, row["was_due_at"])
    paced = Paced(turns, source, asyncio.get_running_loop())
    return _Run(turns, ran, row["name"], paced, key, row, known, (since, until))


@dataclass
class _Run:
    turns: Turns
    ran: Ran
    name: str
    paced: Paced
    key: bytes = field(repr=False)
    row: DictRow = field(repr=False)
    known: list[DictRow] = field(repr=False)
    days: tuple[date | None, date | None]
    # what its credentials are now, and as they are kept
    secret: dict[str, Any] = field(default_factory=dict, repr=False)
    kept: bytes | None = field(default=None, repr=False)
    notices: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.organization_id, self.connection_id = self.ran.organization_id, self.ran.connection_id
        self.sync_id, self.source = self.ran.sync_id, self.ran.source

    @property
    def actor(self) -> str:
        return f"connection:{self.connection_id}"

    def stop(self) -> None:
        """Let the thread that fetches pages call nobody any more."""
        self.paced.stop()

    def session(self) -> Session:
        """What the source may know. What it calls waits for us in its thread."""
        loop = asyncio.get_running_loop()

        def keep(changed: Mapping[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(self.keep(changed), loop).result()

        since, until = self.days
        self.kept = bytes(self.row["credentials"]) if self.row["credentials"] else None
        self.secret = credentials.opened(self.key, self.connection_id, self.kept) if self.kept else {}
        return Session(
            settings=self.row["settings"],
            credentials=self.secret,
            # a backfill goes over days that are past, and leaves the cursor where it is
            cursor=None if since else self.row["cursor"],
            pace=self.paced,
            keep=keep,
            accounts=tuple(
                RemoteAccount(each["account_key"], each["name"], each["currency"], each["kind"], each["number"])
                for each in self.known
            ),
            since=since,
            until=until,
            allows_private=settings().connect_private,
        )

    async def fetch(self) -> None:
        """Page after page, written at each safe point."""
        session = self.session()
        pages: Iterator[Page] = await self.waited_for(lambda: iter(self.source.pages(session)))
        gathered = Gathered()
        while (page := await self.waited_for(lambda: next(pages, None))) is not None:
            gathered.add(page)
            self.notices |= dict.fromkeys(scrub(notice, self.secret) for notice in page.notices)
            if page.cursor is None:
                await self.prolong()
                continue
            await self.write(gathered, page, moves=session.since is None)
            gathered = Gathered()

    async def waited_for(self, call: Callable[[], Answer]) -> Answer:
        """What a thread answers; the lease is prolonged meanwhile."""
        loop = asyncio.get_running_loop()
        too_late = loop.time() + LONGEST_PAGE_S
        answer = loop.run_in_executor(THREADS, call)
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        while not (await asyncio.wait({answer}, timeout=LEASE_S / 3))[0]:
            await self.prolong()
            if loop.time() > too_late:
                raise TakesTooLong
        return answer.result()

    async def prolong(self) -> None:
        async with self.turns.transaction(self.organization_id) as db:
            await self.still_ours(db)

    async def still_ours(self, db: Connection) -> None:
        """Hold the lease for longer, and nobody else takes it before this transaction ends. Raises LeaseLost."""
        if not await repository.prolong(db, self.organization_id, self.connection_id, self.sync_id, lease_s=LEASE_S):
            raise LeaseLost

    async def keep(self, changed: Mapping[str, Any]) -> None:
        """Write renewed credentials down at once, in place of those that they were renewed from.

        Even by a run that lost its lease: the provider knows the former ones no more. Never over what somebody else
        renewed, or connected anew, or took away.
        """
        sealed = credentials.sealed(self.key, self.connection_id, changed)
        async with self.turns.transaction(self.organization_id) as db:
            is_kept = self.kept is not None and await repository.renew(
                db, self.organization_id, self.connection_id, former=self.kept, credentials=sealed
            )
        self.secret = {**self.secret, **changed}
        if not is_kept:
            raise LeaseLost
        self.kept = sealed

    async def fail(self, error: Exception) -> None:
        """Write down why it ended; none of its credentials are in that, whatever the provider said."""
        if isinstance(error, Problem):
            scrubbed(error, self.secret)
        if isinstance(error, Permanent):  # it answered
            await limits.went_well(self.turns, self.source, self.paced.used)
        await limits.went_wrong(self.turns, self.source, self.paced.used, error)
        await outcome.failed(self.turns, self.ran, error)

    async def write(self, gathered: Gathered, page: Page, *, moves: bool) -> None:
        """What was gathered and the cursor behind it, in one database transaction; files are only received in it."""
        brought = {"pages": gathered.pages, "rows_in": 0, "rows_loaded": 0, "rows_duplicate": 0, "rows_quarantined": 0}
        batches: list[UUID] = []
        waiting: list[UUID] = []
        async with self.turns.writing(self.organization_id, actor=self.actor) as db:
            await self.still_ours(db)
            if gathered.accounts:
                await linking.link(db, self.organization_id, self.connection_id, self.name, gathered.accounts.values())
            ours = await self.accounts(db)
            for document in gathered.stating() if moves else gathered.documents:
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
            changed: dict[str, Any] = {"notices": list(self.notices)}
            if moves:
                changed |= {"cursor": Jsonb(dict(page.cursor or {})), "cursor_at": datetime.now(UTC)}
            if page.consent_expires_at:
                changed["consent_expires_at"] = page.consent_expires_at
            await repository.update(db, self.organization_id, self.connection_id, **changed)
            await repository.add_rows(db, self.organization_id, self.connection_id, brought["rows_loaded"])
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
