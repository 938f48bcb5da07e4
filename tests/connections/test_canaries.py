"""Canaries: a word in every credential is found in no log, error, event, answer, table or trace, whatever happens."""

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

import dagster as dg
import pytest
from httpx import AsyncClient
from psycopg import sql

from ai2.connections import service, syncing
from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.ingest.sources.model import Connected, Page, Session
from ai2.ingest.sources.problems import ConsentNeeded, Transient
from ai2.jobs import HANDLERS
from ai2.kit import logs, queue
from ai2.kit.database import Database, rows
from ai2.worker import Worker
from pipelines.connections import partitions
from pipelines.connections.assets import asset_of
from pipelines.connections.jobs import sync_connections
from pipelines.connections.sensors import report
from pipelines.resources import Books
from tests.connections.conftest import Connect, Known
from tests.connections.fakes.scripted import GBP, Scripted, feed

WORD = "Zq7canary/+&="
SECRET = {
    "token": WORD + "1", "nested": {"refresh": WORD + "2"}, "several": [WORD + "3"],
    "url": f"https://user:{WORD}4@bank.example/accounts",
}  # fmt: skip
# The word as it is, and as an address, JSON or a header spells it.
SPELT = {WORD, quote(WORD, safe=""), quote(WORD), json.dumps(WORD)[1:-1], base64.b64encode(WORD.encode()).decode()[:12]}


def told(session: Session) -> str:
    """What a careless library says of a request that failed."""
    known = session.credentials
    head = base64.b64encode(str(known["token"]).encode()).decode()
    return f"GET {known['url']}?t={quote(str(known['token']))} {dict(known)} Authorization: Basic {head}"


class Careless(Exception):
    """Not ours."""


def each_end(session: Session) -> Iterator[Page]:
    """The nth run ends in the nth way."""
    end = ENDS[session.settings["run"]]
    yield Page(documents=(feed(("1", "2026-03-02", "-4.20", "Bakery")),), accounts=(GBP,), cursor={"place": 1})
    if end is not None:
        try:
            raise Careless(told(session))
        except Careless as careless:
            raise end(told(session)) from careless


ENDS = (None, Careless, Transient, ConsentNeeded)


def found_in(text: str) -> set[str]:
    return {spelt for spelt in SPELT if spelt in text}


async def everything_kept(pipeline: Database) -> str:
    """Every row of every table that the widest of our roles may read."""
    texts = []
    async with pipeline.transaction() as db:
        tables = await rows(
            db,
            """
            select schemaname as of, tablename as name from pg_tables
            where schemaname not in ('pg_catalog', 'information_schema')
                and has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'select')
            """,
        )
        for table in tables:
            query = sql.SQL("select to_jsonb(kept)::text as line from {} as kept").format(
                sql.Identifier(table["of"], table["name"])
            )
            texts += [row["line"] for row in await rows(db, query)]  # type: ignore[arg-type]
    return "\n".join(texts)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What any process of ours writes, at its most talkative."""
    stream = io.StringIO()
    logs.configure("test", "debug", stream)
    yield stream
    logs.configure("test")


async def in_the_worker(database: Database, pipeline: Database, known: Known) -> None:
    """Sync it by a job, as a webhook has it."""
    async with pipeline.transaction() as db:
        await db.execute("delete from queue.jobs")
    async with database.transaction(known.organization_id) as db:
        job_id = await service.ask_for_sync(db, known.organization_id, known.connection_id, trigger="webhook")
    worker = Worker(database, pipeline, {"sync": HANDLERS["sync"]}, consumers=())
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while True:
            async with database.transaction(known.organization_id) as db:
                if (await queue.get(db, known.organization_id, job_id)).attempts > 0:
                    break
            await asyncio.sleep(0.05)
    worker.stop()
    await task


@pytest.mark.timeout(120)
async def test_no_credential_is_told_to_anybody(
    script: Scripted, connect: Connect, database: Database, pipeline: Database, organization: Organization,
    log: io.StringIO, nobody_else_is_due: None,
) -> None:  # fmt: skip
    from api.app import build
    from tests.api.asking import connect as asking

    script.pages = each_end
    all_of_it: list[str] = []
    known = await connect(SECRET)
    with dg.DagsterInstance.ephemeral() as instance, contextlib.redirect_stderr(io.StringIO()) as dagster_log:
        for number, end in enumerate(ENDS):
            settings = json.dumps({"run": number})
            await known.put(settings=settings, state="connected", error=None, next_run_at=None)
            with contextlib.suppress(Exception):
                await syncing.sync(database, known.organization_id, known.connection_id, trigger="person")
            await known.put(state="connected")
            await in_the_worker(database, pipeline, known)
            await known.put(state="connected")
            await known.let_be_due()
            await asyncio.to_thread(
                partial(
                    sync_connections.execute_in_process, instance=instance, resources={"books": Books()},
                    raise_on_error=False,
                )
            )  # fmt: skip
            await known.put(state="connected")
            instance.add_dynamic_partitions(partitions.name_of("scripted"), [str(known.connection_id)])
            await asyncio.to_thread(
                partial(
                    dg.materialize, [asset_of(script.source())], instance=instance, resources={"books": Books()},
                    partition_key=str(known.connection_id), raise_on_error=False,
                )
            )  # fmt: skip
            history = await known.history()
            assert {sync.outcome for sync in history[:4]} == ({"ok"} if end is None else {"failed"}), number
        await asyncio.to_thread(report, instance, Books(), {})
        for record in instance.get_runs():
            kept = instance.get_records_for_run(record.run_id, limit=1000).records
            all_of_it += [dg.serialize_value(entry.event_log_entry) + str(entry) for entry in kept]
    app = build(["connectors"], database=database)
    client: AsyncClient
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="test", role=Role.OWNER)
    async with asking(app, **{"X-API-Key": key.secret}) as client:
        here = f"/api/connectors/connections/{known.connection_id}"
        for address in ("/api/connectors/connections", here, f"{here}/history", "/api/connectors/sync-status"):
            answer = await client.get(address)
            assert answer.status_code == 200
            all_of_it.append(answer.text)
        for end in (Careless, Transient, ConsentNeeded):

            def refuses(session: Session, end: type[Exception] = end) -> Connected:
                raise end(told(session))

            script.connect = refuses
            wanted = {"provider": "scripted", "credentials": SECRET}
            answer = await client.post("/api/connectors/bank/connect", json=wanted)
            assert answer.status_code in (422, 503), answer.text
            all_of_it.append(answer.text)
    all_of_it += [log.getvalue(), dagster_log.getvalue(), await everything_kept(pipeline), *map(repr, script.sessions)]

    assert len(log.getvalue()) > 1000
    assert sum(map(len, all_of_it)) > 100_000
    assert {place: found for place, text in enumerate(all_of_it) if (found := found_in(text))} == {}


async def test_a_canary_that_is_told_is_found(pipeline: Database, script: Scripted, connect: Connect) -> None:
    """The control: each place of the test above is one where it would be seen."""
    known = await connect(SECRET)
    await known.put(name=f"Bank {WORD}")
    assert found_in(await everything_kept(pipeline))
    await known.put(name="Bank")
    assert found_in(f"401 at https://bank.example/?t={quote(WORD)}")
    assert found_in(str(Careless(WORD)))
    async with known.database.transaction(known.organization_id) as db:
        assert await service.secrets_of(db, known.organization_id, known.connection_id) == SECRET
