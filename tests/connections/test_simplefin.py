"""SimpleFIN, against a fake of a server: the token, the days, what it tells its user, and what nobody is told."""

import base64
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ai2.connections import limits_repository, service, syncing
from ai2.connections.model import Connection, Sync
from ai2.identity.organizations import Organization
from ai2.ingest.sources import asking, names
from ai2.ingest.sources.simplefin import SOURCE, WINDOW, access, windows
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.connections.fakes.serving import Said, serving
from tests.connections.fakes.simplefin import LONGEST_S, FakeSimpleFin, row

TODAY = datetime.now(UTC).date()
OLD, RECENT = TODAY - timedelta(days=200), TODAY - timedelta(days=2)
DAY_S = 24 * 3600


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSimpleFin]:
    fake = FakeSimpleFin()
    fake.has(
        "ACT-1", "Savings", row("t1", OLD, "-33.43", "Bait Shop"), row("t2", RECENT, "1200", "Wages", payee="Acme")
    )
    monkeypatch.setattr(settings(), "connect_private", True)
    with serving(fake) as address:
        fake.address = address
        yield fake


class Bench:
    """An organization at its desk."""

    def __init__(self, database: Database, organization: Organization, fake: FakeSimpleFin) -> None:
        self.database, self.owner, self.fake = database, organization.organization_id, fake

    async def connect(self, token: str | None = None, **known: Any) -> UUID:
        connection, _ = await service.connect(
            self.database, self.owner, provider="simplefin", kind="bank", name="Bank", settings={"history_days": 365},
            secret={"setup_token": token or self.fake.setup_token}, created_by="test", **known,
        )  # fmt: skip
        return connection.connection_id

    async def sync(self, connection_id: UUID, **wanted: Any) -> Sync:
        await syncing.sync(self.database, self.owner, connection_id, trigger="person", **wanted)
        async with self.database.transaction(self.owner) as db:
            return (await service.history(db, self.owner, connection_id, before=None, limit=1))[0]

    async def sync_often(self, connection_id: UUID, times: int) -> list[str | None]:
        return [(await self.sync(connection_id)).outcome for _ in range(times)]

    async def a_day_goes_by(self) -> None:
        async with self.database.transaction() as db:
            for bucket in await rows(db, "select credential, slots from connect.buckets where provider = 'simplefin'"):
                slots = [[since - DAY_S, at - DAY_S, calls] for since, at, calls in bucket["slots"]]
                await limits_repository.keep_slots(db, "simplefin", bytes(bucket["credential"]), slots)
        self.fake.next_day()

    async def get(self, connection_id: UUID) -> Connection:
        async with self.database.transaction(self.owner) as db:
            return await service.get(db, self.owner, connection_id)

    async def books(self) -> list[tuple[str, str, str]]:
        query = """
            select booked_on, amount, status, account_id from published.transactions order by booked_on, description
        """
        async with self.database.transaction(self.owner) as db:
            return [(f"{each['booked_on']}", str(each["amount"]), each["status"]) for each in await rows(db, query)]


@pytest.fixture
def bench(database: Database, organization: Organization, fake: FakeSimpleFin) -> Bench:
    return Bench(database, organization, fake)


async def test_what_a_server_has_is_in_the_books_once(bench: Bench, fake: FakeSimpleFin) -> None:
    connection_id = await bench.connect()
    fake.has("ACT-2", "Card", row("p1", RECENT, "-5.00", "Cafe", pending=True, transacted_at=0), currency="USD")
    fake.accounts[-1]["transactions"][0].update(posted=0, transacted_at=fake.accounts[0]["transactions"][1]["posted"])
    first = await bench.sync(connection_id)
    assert first.outcome == "ok"
    assert await bench.books() == [
        (f"{OLD}", "-33.43", "posted"), (f"{RECENT}", "-5.00", "pending"), (f"{RECENT}", "1200.00", "posted"),
    ]  # fmt: skip
    assert (await bench.sync(connection_id)).rows_loaded == 0
    async with bench.database.transaction(bench.owner) as db:
        linked = await service.accounts(db, bench.owner, connection_id)
    assert [(each.name, each.currency) for each in linked] == [("Savings", "USD"), ("Card", "USD")]


async def test_no_request_asks_for_more_days_than_a_server_answers_to(bench: Bench, fake: FakeSimpleFin) -> None:
    connection_id = await bench.connect()
    await bench.sync(connection_id)
    spans = [
        (int(each.query["start-date"][0]), int(each.query["end-date"][0]))
        for each in fake.asked
        if each.path.endswith("/accounts")
    ]
    assert len(spans) == 7
    assert max(last - first for first, last in spans) <= LONGEST_S
    assert [last for _, last in spans[:-1]] == [first for first, _ in spans[1:]]
    fake.asked.clear()
    await bench.sync(connection_id)
    assert len(fake.asked) == 1


async def test_a_server_is_asked_no_more_often_in_a_day_than_it_allows_and_its_user_is_told_when_it_goes_on(
    bench: Bench, fake: FakeSimpleFin
) -> None:
    connection_id = await bench.connect()
    assert await bench.sync_often(connection_id, 20) == ["ok"] * 18 + ["put_off"] * 2  # the first one takes seven
    assert (fake.used, fake.is_disabled) == (24, False)
    connection = await bench.get(connection_id)
    goes_on_at = connection.next_run_at
    assert (connection.state, connection.error) == ("connected", None)
    assert goes_on_at
    assert timedelta(hours=23) < goes_on_at - datetime.now(UTC) < timedelta(hours=24, minutes=6)
    async with bench.database.transaction(bench.owner) as db:
        [status] = await service.statuses(db, bench.owner, before=None, limit=9)
        [last] = await service.history(db, bench.owner, connection_id, before=None, limit=1)
    said = f"the provider allows no more requests until {goes_on_at:%Y-%m-%d %H:%M} UTC"
    assert said in status.what_to_do
    assert last.error
    assert (last.error["code"], said in last.error["what_to_do"]) == ("limit_reached", True)
    await bench.a_day_goes_by()
    assert (await bench.sync(connection_id)).outcome == "ok"
    assert fake.used == 1


async def test_a_server_that_is_asked_more_often_lets_nobody_in_any_more(
    bench: Bench, fake: FakeSimpleFin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the limit is for."""
    monkeypatch.setattr(names, "all_of_them", lambda: {"simplefin": replace(SOURCE, limit=None)})
    connection_id = await bench.connect()
    assert "failed" in await bench.sync_often(connection_id, 19)
    assert (fake.is_disabled, (await bench.get(connection_id)).state) == (True, "needs_consent")


async def test_past_days_that_take_more_requests_than_a_day_has_are_asked_for_again_by_a_person(
    bench: Bench, fake: FakeSimpleFin
) -> None:
    connection_id = await bench.connect()
    sync = await bench.sync(connection_id, since=TODAY - timedelta(days=5 * 365), until=TODAY)
    assert (sync.outcome, fake.used, fake.is_disabled) == ("put_off", 24, False)
    assert str((sync.error or {})["what_to_do"]).startswith("Ask for these days again after 20")


def test_spans_leave_out_no_day_and_none_is_in_two() -> None:
    for days in (1, 59, 60, 61, 120, 121, 400):
        first = date(2026, 1, 1)
        spans = windows(first, first + timedelta(days=days - 1))
        covered = [since + timedelta(days=n) for since, until in spans for n in range((until - since).days + 1)]
        assert covered == [first + timedelta(days=n) for n in range(days)]
        assert all(until - since < WINDOW for since, until in spans)


async def test_a_setup_token_is_claimed_once(bench: Bench, fake: FakeSimpleFin) -> None:
    token = fake.setup_token
    connection_id = await bench.connect(token)
    await bench.sync(connection_id)
    await bench.sync(connection_id)
    assert fake.claimed == 1
    with pytest.raises(access.TokenSpent) as refusal:
        await bench.connect(token)
    assert "Disable" in refusal.value.what_to_do


async def test_a_server_that_fails_after_the_claim_loses_no_access(bench: Bench, fake: FakeSimpleFin) -> None:
    fake.refusal = Said(503, b"down")
    connection_id = await bench.connect()
    assert ((await bench.sync(connection_id)).error or {})["code"] == "provider_busy"
    fake.refusal = None
    assert (await bench.sync(connection_id)).rows_loaded == 2


REFUSALS = [
    (Said(403, b"no"), "needs_consent", "access_revoked"), (Said(402, b"pay"), "error", "payment_required"),
    (Said(200, b"<html>"), "error", "answer_unusable"), (Said(200, {"accounts": 3}), "error", "answer_unusable"),
    (Said(200, {"errlist": [{"code": "gen.auth", "msg": "x"}], "accounts": []}), "needs_consent", "access_revoked"),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "state", "code"), REFUSALS)
async def test_what_a_server_refuses_says_what_to_do(
    bench: Bench, fake: FakeSimpleFin, refusal: Said, state: str, code: str
) -> None:
    connection_id = await bench.connect()
    fake.refusal = refusal
    await bench.sync(connection_id)
    connection = await bench.get(connection_id)
    error = connection.error or {}
    assert (connection.state, error["code"]) == (state, code)
    assert error["what_to_do"]
    assert (connection.next_run_at is None) == (code in {"access_revoked", "payment_required"})


async def test_a_new_token_goes_on_with_the_same_accounts(bench: Bench, fake: FakeSimpleFin) -> None:
    connection_id = await bench.connect()
    await bench.sync(connection_id)
    fake.password = "another"
    await bench.sync(connection_id)
    assert (await bench.get(connection_id)).state == "needs_consent"
    fake.accounts[0]["id"] = "ACT-1-anew"  # a bank that was joined again at the server
    await bench.connect(reconnect=connection_id)
    sync = await bench.sync(connection_id)
    assert (sync.outcome, sync.rows_loaded) == ("ok", 0)
    async with bench.database.transaction(bench.owner) as db:
        assert len(await service.accounts(db, bench.owner, connection_id)) == 1


async def test_what_the_server_wants_its_user_to_know_is_told(bench: Bench, fake: FakeSimpleFin) -> None:
    words = f"<b>Slow</b>\x00 today, see https://x:{fake.password}@evil.example/a"
    fake.errors = [{"code": "con.auth", "msg": "failed", "conn_id": "CON-1"}, {"code": "gen.", "msg": words}]
    fake.plain_errors = ["You made too many requests."]
    connection_id = await bench.connect()
    assert (await bench.sync(connection_id)).outcome == "ok"
    assert (await bench.get(connection_id)).notices == [
        "My Bank - Jill wants you to sign in again at your SimpleFIN server.",
        "Your SimpleFIN server says: b Slow /b today, see",
        "Your SimpleFIN server says: You made too many requests.",
    ]
    fake.errors, fake.plain_errors = [], []
    await bench.sync(connection_id)
    assert (await bench.get(connection_id)).notices == []


async def test_an_older_server_is_read_too(bench: Bench, fake: FakeSimpleFin) -> None:
    fake.version, fake.plain_errors = 1, ["You must reauthenticate."]
    connection_id = await bench.connect()
    assert (await bench.sync(connection_id)).rows_loaded == 2
    assert (await bench.get(connection_id)).notices == ["Your SimpleFIN server says: You must reauthenticate."]


async def test_miles_are_no_money(bench: Bench, fake: FakeSimpleFin) -> None:
    fake.has("ACT-9", "Miles", row("m1", RECENT, "500", "Flight"), currency="https://www.example.com/flight-miles")
    connection_id = await bench.connect()
    assert (await bench.sync(connection_id)).rows_loaded == 2
    assert (await bench.get(connection_id)).notices == ["Miles is left out: what it is kept in is no currency."]
    async with bench.database.transaction(bench.owner) as db:
        assert [each.name for each in await service.accounts(db, bench.owner, connection_id)] == ["Savings"]


def packed(address: str) -> str:
    return base64.b64encode(address.encode()).decode()


INWARDS = [
    "http://169.254.169.254/latest", "https://127.0.0.1/claim/a", "https://[::1]/claim/a", "https://10.0.0.1/claim/a",
    "https://localhost/claim/a", "https://2130706433/claim/a", "http://example.com/claim/a",
]  # fmt: skip


@pytest.mark.parametrize("address", INWARDS)
async def test_no_token_leads_into_this_network(
    bench: Bench, fake: FakeSimpleFin, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(settings(), "connect_private", False)
    with pytest.raises((asking.AddressNotAllowed, asking.ProviderDown)):
        await bench.connect(packed(address))
    with pytest.raises(asking.AddressNotAllowed):
        await bench.connect()  # the fake's own, which the operator allowed to all other tests
    assert fake.asked == []


async def test_no_access_url_leads_into_this_network(
    bench: Bench, fake: FakeSimpleFin, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = await bench.connect()
    fake.asked.clear()
    monkeypatch.setattr(settings(), "connect_private", False)
    sync = await bench.sync(connection_id)
    assert ((sync.error or {})["code"], fake.asked) == ("address_not_allowed", [])


@pytest.mark.parametrize("token", ["nothing at all", packed("ftp://example.com/a"), packed("no address"), "ÄÖÜ" * 4])
async def test_what_is_no_token_is_said_to_be_none(bench: Bench, token: str) -> None:
    with pytest.raises(access.NoSetupToken):
        await bench.connect(token)


async def test_name_and_password_of_the_access_are_told_nowhere(
    bench: Bench, fake: FakeSimpleFin, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    token = fake.setup_token
    connection_id = await bench.connect()
    fake.errors = [{"code": "gen.", "msg": f"hello {fake.user} and {fake.password}"}]
    await bench.sync(connection_id)
    fake.refusal = Said(500, f"{fake.user} {fake.password}".encode())
    await bench.sync(connection_id)
    async with bench.database.transaction(bench.owner) as db:
        tables = ["connect.connections", "connect.syncs", "connect.accounts", "events.events"]
        kept = [str(await rows(db, f"select * from {table}")) for table in tables]
    said = "".join([*kept, caplog.text, *capfd.readouterr(), repr(access.Access.of("https://u:p-secret@a.example/b"))])
    assert "hello" in said  # it is the message that is told, without them
    for secret in (fake.user, fake.password, token, "p-secret"):
        assert secret not in said
