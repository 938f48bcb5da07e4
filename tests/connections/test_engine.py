"""The engine: one run at a time, killed ones gone on with, lost leases that write nothing, states that tell."""

import asyncio
import io
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ai2.books.accounts import service as accounts
from ai2.connections import consents, due, limits, service, syncing
from ai2.identity.organizations import Organization
from ai2.ingest import service as ingest
from ai2.ingest.sources.model import Connected, Page, Session
from ai2.ingest.sources.problems import ConsentExpired, ConsentNeeded, CredentialsRefused, Transient
from ai2.kit.database import Database, number, rows
from ai2.kit.errors import Invalid
from tests.connections.conftest import Connect, Known, offer
from tests.connections.fakes.scripted import GBP, Scripted, feed

FIRST, SECOND = ("1", "2026-03-02", "-4.20", "Bakery"), ("2", "2026-03-03", "-7.00", "Cafe")


def two_pages(session: Session) -> Iterator[Page]:
    """Two safe points; it goes on from where it was."""
    place = (session.cursor or {}).get("place", 0)
    for number_, row in list(enumerate([FIRST, SECOND], 1))[place:]:
        yield Page(documents=(feed(row),), accounts=(GBP,), cursor={"place": number_})


async def run(known: Known, **more: object) -> None:
    await syncing.sync(known.database, known.organization_id, known.connection_id, trigger="schedule", **more)  # type: ignore[arg-type]


async def texts(known: Known) -> list[str]:
    async with known.database.transaction(known.organization_id) as db:
        found = await rows(db, "select description from published.transactions order by booked_on")
    return [row["description"] for row in found]


async def test_a_run_that_is_killed_is_cut_off_and_the_next_goes_on_from_its_safe_point(
    script: Scripted, connect: Connect, database: Database, pipeline: Database, nobody_else_is_due: None
) -> None:
    known = await connect()

    def dies(session: Session) -> Iterator[Page]:
        yield next(two_pages(session))
        raise KeyboardInterrupt  # as a process that ends: nothing is written down any more

    script.pages = dies
    with pytest.raises(KeyboardInterrupt):
        await run(known)
    assert (await known.read()).state == "syncing"
    with pytest.raises(syncing.AlreadySyncing):
        await run(known)
    await known.put(leased_until=datetime.now(UTC), next_run_at=datetime.now(UTC))  # as time does
    script.pages = two_pages
    found = await due.sync_due(database, pipeline)

    last, first = await known.history()
    assert (first.outcome, first.rows_loaded, last.outcome, last.rows_loaded) == ("cut_off", 1, "ok", 1)
    assert found.ran == [last.sync_id]
    assert await texts(known) == ["Bakery", "Cafe"]


async def test_a_run_that_lost_its_lease_writes_nothing_and_changes_no_state(
    script: Scripted, connect: Connect
) -> None:
    known = await connect({"token": "first"})
    waits, goes_on = threading.Event(), threading.Event()

    def slow(session: Session) -> Iterator[Page]:
        waits.set()
        goes_on.wait(20)
        yield from two_pages(session)

    script.pages = slow
    lost = asyncio.create_task(run(known))
    await asyncio.to_thread(waits.wait, 20)
    await known.put(leased_until=datetime.now(UTC) - timedelta(seconds=1))
    script.pages = lambda session: iter(())
    await run(known)
    before = await known.read()
    goes_on.set()
    await lost

    assert await texts(known) == []
    assert await known.read() == before
    assert [sync.outcome for sync in await known.history()] == ["ok", "cut_off"]


async def test_what_ends_while_a_run_is_at_it_stays_ended(script: Scripted, connect: Connect) -> None:
    known = await connect({"token": "first"})

    def ends_meanwhile(session: Session) -> Iterator[Page]:
        leave = service.disconnect(known.database, known.organization_id, known.connection_id)
        asyncio.run_coroutine_threadsafe(leave, loop).result()
        yield from two_pages(session)

    loop = asyncio.get_running_loop()
    script.pages = ends_meanwhile
    await run(known)

    assert (await known.read()).state == "disconnected"
    assert await texts(known) == []
    assert await known.events() == ["connection.connected", "connection.disconnected"]


async def test_renewed_credentials_are_kept_but_never_over_newer_ones(script: Scripted, connect: Connect) -> None:
    known = await connect({"token": "first"})

    async def token() -> str:
        async with known.database.transaction(known.organization_id) as db:
            return str((await service.secrets_of(db, known.organization_id, known.connection_id))["token"])

    def renews(session: Session) -> Iterator[Page]:
        session.keep({"token": "second"})
        session.keep({"token": "third"})
        yield from two_pages(session)

    script.pages = renews
    await run(known)
    assert await token() == "third"

    def is_overtaken(session: Session) -> Iterator[Page]:
        again = service.connect(
            known.database, known.organization_id, provider="scripted", kind="bank", name=None, settings={},
            secret={"token": "of a person"}, created_by="test", reconnect=known.connection_id,
        )  # fmt: skip
        asyncio.run_coroutine_threadsafe(again, loop).result()
        session.keep({"token": "stale"})
        yield from two_pages(session)

    loop = asyncio.get_running_loop()
    script.pages = is_overtaken
    await run(known)
    assert await token() == "of a person"


async def test_while_a_provider_is_waited_for_the_lease_holds_and_no_transaction_is_open(
    script: Scripted, connect: Connect, pipeline: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "LEASE_S", 0.3)
    known = await connect()
    open_ = []

    def slow(session: Session) -> Iterator[Page]:
        threading.Event().wait(1)
        open_.append(asyncio.run_coroutine_threadsafe(transactions(), loop).result())
        yield from two_pages(session)

    async def transactions() -> int:
        async with pipeline.transaction() as db:
            return await number(
                db, "select count(*) as n from pg_stat_activity where usename = 'ai2_api' and state like 'idle in%%'"
            )

    loop = asyncio.get_running_loop()
    script.pages = slow
    await run(known)
    assert [sync.outcome for sync in await known.history()] == ["ok"]
    assert open_ == [0]


async def test_each_connection_is_synced_once_whoever_comes_first(
    script: Scripted, connect: Connect, database: Database, pipeline: Database, nobody_else_is_due: None
) -> None:
    many = [await connect() for _ in range(12)]
    at_work, most = set(), []

    def counts(session: Session) -> Iterator[Page]:
        at_work.add(id(session))
        most.append(len(at_work))
        threading.Event().wait(0.2)
        at_work.discard(id(session))
        yield from ()

    script.pages = counts
    found = await asyncio.gather(due.sync_due(database, pipeline), due.sync_due(database, pipeline))
    assert sum(len(each.ran) for each in found) == len(many) == len(script.sessions)
    assert max(most) > 2, "many at once"
    for known in many:
        now = await known.read()
        assert now.state == "connected"
        assert now.next_run_at
        assert now.next_run_at > datetime.now(UTC) + timedelta(minutes=50)


async def test_a_provider_that_hangs_holds_nobody_else_up(
    script: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch, database: Database, pipeline: Database,
    nobody_else_is_due: None,
) -> None:  # fmt: skip
    hung = [await connect() for _ in range(4)]
    monkeypatch.setattr(due, "AT_ONCE_OF_A_PROVIDER", 2)
    goes_on = threading.Event()

    def hangs(session: Session) -> Iterator[Page]:
        goes_on.wait(20)
        yield from ()

    script.pages = hangs
    slow, quick = script.source(), Scripted().source(name="quick")
    monkeypatch.setattr("ai2.ingest.sources.names.all_of_them", lambda: {"scripted": slow, "quick": quick})
    await hung[3].put(provider="quick")
    look = asyncio.create_task(due.sync_due(database, pipeline, at_once=3))
    async with asyncio.timeout(20):
        while not await hung[3].history():
            await asyncio.sleep(0.05)
        while (await hung[3].history())[0].outcome is None:
            await asyncio.sleep(0.05)
    assert not look.done()
    goes_on.set()
    assert len((await look).ran) == 4


async def test_what_is_asked_for_while_a_run_is_at_it_comes_after_it(script: Scripted, connect: Connect) -> None:
    known = await connect()

    def is_asked(session: Session) -> Iterator[Page]:
        async def ask() -> None:
            async with known.database.transaction(known.organization_id) as db:
                await service.ask_again(db, known.organization_id, known.connection_id)

        asyncio.run_coroutine_threadsafe(ask(), loop).result()
        yield from ()

    loop = asyncio.get_running_loop()
    script.pages = is_asked
    await run(known)
    due_at = (await known.read()).next_run_at
    assert due_at
    assert due_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("error", "state", "says", "is_tried_again", "event"),
    [
        (Transient(), "error", "tried again by itself", True, None),
        (CredentialsRefused(), "error", "credentials that are valid", False, "connection.failed"),
        (ConsentNeeded(), "needs_consent", "Connect again", False, "connection.failed"),
        (ConsentExpired(), "expired", "Connect again", False, "connection.expired"),
        (RuntimeError("token=first"), "error", "tried again by itself", True, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_every_state_says_what_to_do_and_reconnecting_keeps_its_place(
    script: Scripted, connect: Connect, database: Database, organization: Organization, error: Exception, state: str,
    says: str, is_tried_again: bool, event: str | None,
) -> None:  # fmt: skip
    known = await connect({"token": "first"})

    def fails(session: Session) -> Iterator[Page]:
        yield next(two_pages(session))
        raise error

    script.pages = fails
    try:
        await run(known)
    except RuntimeError:
        assert isinstance(error, RuntimeError)
    async with database.transaction(organization.organization_id) as db:
        [status] = await service.statuses(db, organization.organization_id, before=None, limit=9)
    assert status.connection.state == state
    assert says in status.what_to_do
    assert (status.connection.next_run_at is not None) == is_tried_again
    assert (await known.events())[1:] == [event][: 1 if event else 0]
    assert status.last_sync
    assert (status.last_sync.outcome, status.last_sync.rows_loaded) == ("failed", 1)

    script.pages = two_pages
    await service.connect(
        database, organization.organization_id, provider="scripted", kind="bank", name=None, settings={},
        secret={"token": "second"}, created_by="test", reconnect=known.connection_id,
    )  # fmt: skip
    await run(known)
    assert await texts(known) == ["Bakery", "Cafe"]
    assert (await known.read()).state == "connected"
    assert (await known.read()).name == "Scripted bank"


async def test_a_failure_is_told_from_the_third_on_and_so_is_the_recovery(script: Scripted, connect: Connect) -> None:
    known = await connect()

    def down(session: Session) -> Iterator[Page]:
        raise Transient
        yield

    script.pages = down
    pauses = []
    for _ in range(4):
        await run(known)
        due_at = (await known.read()).next_run_at
        assert due_at
        pauses.append((due_at - datetime.now(UTC)).total_seconds())
    script.pages = two_pages
    await run(known)
    assert (await known.events())[1:] == ["connection.failed", "connection.recovered"]
    assert all(30 * 2**n - 5 < pause <= 60 * 2**n for n, pause in enumerate(pauses))


async def test_consents_that_end_are_told_of_once_a_day_and_rest_once_over(
    script: Scripted, connect: Connect, database: Database, pipeline: Database, organization: Organization
) -> None:
    now = datetime.now(UTC)
    soon, late, over = [await connect() for _ in range(3)]
    await soon.put(consent_expires_at=now + timedelta(days=13, hours=23))
    await late.put(consent_expires_at=now + timedelta(days=14, hours=1))
    await over.put(consent_expires_at=now - timedelta(minutes=1))
    for _ in range(3):
        await consents.look(database, pipeline)
    assert [(await each.events())[1:] for each in (soon, late, over)] == [
        ["connection.expiring"], [], ["connection.expired"],
    ]  # fmt: skip
    assert (await over.read()).state == "expired"
    await soon.put(warned_on=now.date() - timedelta(days=1))
    await consents.look(database, pipeline)
    assert (await soon.events()).count("connection.expiring") == 2
    async with database.transaction(organization.organization_id) as db:
        told = {s.connection.connection_id: s.what_to_do for s in await service.statuses(
            db, organization.organization_id, before=None, limit=9)}  # fmt: skip
    assert f"Before {now + timedelta(days=13, hours=23):%Y-%m-%d}" in told[soon.connection_id]
    assert told[late.connection_id] == "Nothing."


async def test_an_abandoned_new_consent_leaves_the_former_one_at_work(
    script: Scripted, connect: Connect, database: Database, organization: Organization
) -> None:
    script.connect = lambda session: Connected(consent_expires_at=datetime.now(UTC) + timedelta(days=3))
    known = await connect({"token": "first"})
    before = await known.read()
    script.connect = lambda session: Connected(link="https://bank.example/consent", credentials={"pending": "x"})
    _, link = await service.connect(
        database, organization.organization_id, provider="scripted", kind="bank", name=None, settings={},
        secret={"token": "first"}, created_by="test", reconnect=known.connection_id,
    )  # fmt: skip
    assert link
    after = await known.read()
    assert (after.state, after.next_run_at, after.consent_expires_at) == (
        "connected", before.next_run_at, before.consent_expires_at,
    )  # fmt: skip


async def test_past_days_are_fetched_again_and_leave_its_place_alone(script: Scripted, connect: Connect) -> None:
    known = await connect()
    script.pages = two_pages
    await run(known)
    before = await known.read()
    await run(known, since=date(2026, 3, 1), until=date(2026, 3, 31))
    after, session = await known.read(), script.sessions[-1]
    assert (session.cursor, str(session.since), str(session.until)) == (None, "2026-03-01", "2026-03-31")
    assert (after.next_run_at, after.last_success_at, after.cursor_at) == (
        before.next_run_at, before.last_success_at, before.cursor_at,
    )  # fmt: skip
    assert (await known.history())[0].rows_duplicate == 2


async def test_a_provider_that_does_not_answer_the_end_keeps_nobody(script: Scripted, connect: Connect) -> None:
    known = await connect({"token": "first"})

    def down(session: Session) -> None:
        raise Transient

    script.disconnect = down
    for _ in range(2):
        await service.disconnect(known.database, known.organization_id, known.connection_id)
    assert (await known.events())[1:] == ["connection.disconnected"]
    async with known.database.transaction(known.organization_id) as db:
        assert await service.secrets_of(db, known.organization_id, known.connection_id) == {}


async def test_a_limit_that_is_used_up_is_no_failure(
    script: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai2.ingest.sources.model import Limit

    offer(monkeypatch, script, limit=Limit(calls=2, seconds=86_400))
    known = await connect()

    def calls(session: Session) -> Iterator[Page]:
        for number_ in range(3):
            script.call(session, f"{known.connection_id} transactions")
            yield Page(accounts=(GBP,), cursor={"place": number_})

    script.pages = calls
    await run(known)
    now = await known.read()
    assert (now.state, now.failures, now.error) == ("connected", 0, None)
    assert now.next_run_at
    assert now.next_run_at > datetime.now(UTC) + timedelta(hours=23)
    assert [(sync.outcome, sync.pages) for sync in await known.history()] == [("put_off", 2)]
    assert limits.LONGEST_WAIT_S < 60, "no thread waits for a day"


async def test_a_feed_goes_on_where_a_file_began_and_what_is_left_out_comes_nowhere(
    database: Database, organization: Organization, connect: Connect, script: Scripted
) -> None:
    owner = organization.organization_id
    csv = b"Date,Description,Amount\n2026-03-02,Bakery,-4.20\n2026-03-03,Wages,1200.00\n"
    async with database.transaction(owner) as db:
        begun = await accounts.create(db, owner, name="By file", currency="GBP")
        dollars = await accounts.create(db, owner, name="Dollars", currency="USD")
        await ingest.import_file(
            db, organization_id=owner, account_id=begun.account_id, file=io.BytesIO(csv), file_name="march.csv"
        )
    known = await connect()
    told = [
        feed(("a", "2026-03-02", "-4.20", "Bakery"), ("b", "2026-03-03", "1200.00", "Wages")),
        feed(("c", "2026-03-04", "-1.10", "Tea")), feed(("d", "2026-03-05", "-9.00", "Cinema")),
    ]  # fmt: skip
    pages = iter([Page(documents=(each,), cursor={"at": place}) for place, each in enumerate(told)])
    script.pages = lambda _: iter([next(pages)])
    for linked_to in (begun.account_id, begun.account_id, None):
        async with database.transaction(owner) as db:
            await service.link_account(db, owner, known.connection_id, "main", linked_to)
        await syncing.sync(database, owner, known.connection_id, trigger="person")
    async with database.transaction(owner) as db:
        found = await rows(db, "select account_id, description from published.transactions order by booked_on")
        with pytest.raises(service.OtherCurrency):
            await service.link_account(db, owner, known.connection_id, "main", dollars.account_id)
        with pytest.raises(service.LinkedAccountNotFound):
            await service.link_account(db, owner, known.connection_id, "other", begun.account_id)
    assert [(row["account_id"], row["description"]) for row in found] == [
        (begun.account_id, text) for text in ("Bakery", "Wages", "Tea")
    ]


async def test_past_days_begin_somewhere_and_end_later(connect: Connect) -> None:
    known = await connect()
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    async with known.database.transaction(known.organization_id) as db:
        for since, until in ((last, first), (None, last)):
            with pytest.raises(Invalid):
                await service.ask_for_sync(db, known.organization_id, known.connection_id, since=since, until=until)
        for since_, until_ in ((first, first), (first, last), (first, None), (None, None)):
            await service.ask_for_sync(db, known.organization_id, known.connection_id, since=since_, until=until_)
