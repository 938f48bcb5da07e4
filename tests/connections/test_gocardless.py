"""GoCardless Bank Account Data, against a fake that is held to its published description: consent, quotas, failures."""

import logging
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from pydantic import SecretStr

from ai2.connections import returns, service, syncing
from ai2.connections.model import Connection, Sync
from ai2.identity.organizations import Organization
from ai2.ingest import balances
from ai2.ingest.mending.undo import undo
from ai2.ingest.sources.gocardless import client, problems, soonest
from ai2.ingest.sources.gocardless.standing import Standing
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.connections.fakes.contract import Contract
from tests.connections.fakes.gocardless import BANK, BankAccount, FakeGoCardless, booked, pending, refused
from tests.connections.fakes.serving import Said, serving

IBAN, OTHER = "GB33BUKB20201555555555", "GB94BARC10201530093459"
TODAY = datetime.now(UTC).date()
BREAD = booked("b1", TODAY - timedelta(days=3), "-4.20", "Bakery")
WAGES = booked("b2", TODAY - timedelta(days=2), "1200.00", "Wages")
BOOKS = """
    select description, amount, account_id from published.transactions
    where deleted_at is null and status <> 'closed' order by booked_on, description
"""
DESCRIPTION = "contracts/gocardless-bank-account-data-v2.json"


@pytest.fixture
def contract() -> Contract | None:
    """The published description, where it lies beside the real data."""
    path = Path(os.environ.get("AI2_TEST_DATA") or ".").resolve().parent / DESCRIPTION
    return Contract.read(path) if path.is_file() else None


@pytest.fixture
def fake(contract: Contract | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoCardless]:
    fake = FakeGoCardless(contract, accounts=[BankAccount(IBAN, "GBP", booked=[BREAD, WAGES], balance="1195.80")])
    monkeypatch.setattr(client, "_tokens", {})
    with serving(fake) as address:
        fake.address = address
        monkeypatch.setattr(settings(), "gocardless_url", address)
        monkeypatch.setattr(settings(), "gocardless_secret_id", SecretStr(fake.secret[0]))
        monkeypatch.setattr(settings(), "gocardless_secret_key", SecretStr(fake.secret[1]))
        yield fake
    assert contract is None or contract.broken == []


class Bench:
    """An organization at its desk."""

    def __init__(self, database: Database, organization: Organization, fake: FakeGoCardless) -> None:
        self.database, self.owner, self.fake = database, organization.organization_id, fake

    async def begun(self, reconnect: UUID | None = None) -> tuple[UUID, str]:
        connection, link = await service.connect(
            self.database, self.owner, provider="gocardless", kind="bank", name="Bank",
            settings={"institution_id": BANK}, secret={}, created_by="test", reconnect=reconnect,
        )  # fmt: skip
        assert link is not None
        return connection.connection_id, link

    async def returned(self, address: str) -> Connection:
        said = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        return await returns.brought_back(self.database, self.owner, "gocardless", said.pop("ref"), said, actor="test")

    async def connected(self) -> UUID:
        connection_id, link = await self.begun()
        await self.returned(self.fake.consents(link))
        return connection_id

    async def sync(self, connection_id: UUID, **wanted: Any) -> Sync:
        await syncing.sync(self.database, self.owner, connection_id, trigger="person", **wanted)
        async with self.database.transaction(self.owner) as db:
            return (await service.history(db, self.owner, connection_id, before=None, limit=1))[0]

    async def get(self, connection_id: UUID) -> Connection:
        async with self.database.transaction(self.owner) as db:
            return await service.get(db, self.owner, connection_id)

    async def proof(self, connection_id: UUID) -> tuple[str, date | None, date | None]:
        """What is proved of the account, until when, and the day on which it does not hold."""
        async with self.database.transaction(self.owner) as db:
            (account,) = await service.accounts(db, self.owner, connection_id)
            assert account.account_id
            found = await balances.proof(db, self.owner, account.account_id)
        return found.state, found.proven_until, found.first_break.booked_on if found.first_break else None

    async def books(self) -> list[tuple[str, str, str]]:
        async with self.database.transaction(self.owner) as db:
            found = await rows(db, BOOKS)
        return [(row["description"], str(row["amount"]), str(row["account_id"])) for row in found]


@pytest.fixture
def bench(database: Database, organization: Organization, fake: FakeGoCardless) -> Bench:
    return Bench(database, organization, fake)


async def test_a_consented_bank_is_in_the_books_with_its_consents_end(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id, link = await bench.begun()
    assert (await bench.get(connection_id)).state == "connecting"
    connection = await bench.returned(fake.consents(link))
    assert connection.state == "connected"
    ends_in = connection.consent_expires_at - datetime.now(UTC)  # type: ignore[operator]
    assert timedelta(days=89) < ends_in <= timedelta(days=90)
    sync = await bench.sync(connection_id)
    assert (sync.outcome, sync.rows_in, sync.rows_loaded) == ("ok", 2, 2)
    assert [row[:2] for row in await bench.books()] == [("Bakery", "-4.20"), ("Wages", "1200.00")]
    async with bench.database.transaction(bench.owner) as db:
        (account,) = await service.accounts(db, bench.owner, connection_id)
    assert (account.number, account.currency) == (IBAN, "GBP")
    assert fake.contract is None or fake.contract.held > 8


async def test_what_the_bank_says_it_holds_is_proved_day_by_day(bench: Bench, fake: FakeGoCardless) -> None:
    told = fake.accounts[0]
    told.balance_on = f"{TODAY - timedelta(days=1)}"
    connection_id = await bench.connected()
    sync = await bench.sync(connection_id)
    assert await bench.proof(connection_id) == ("unproven", None, None), "the first one is what the others are held to"
    told.booked.append(booked("b3", TODAY, "-1.10", "Tea"))
    told.balance, told.balance_on = "1194.70", f"{TODAY}"
    last = await bench.sync(connection_id)
    assert await bench.proof(connection_id) == ("holds", TODAY, None)
    async with bench.database.transaction(bench.owner) as db:
        await undo(db, bench.owner, last.batches[0], undone_by="test")
    assert await bench.proof(connection_id) == ("unproven", None, None), "undone with the batch"
    assert sync.batches != last.batches
    told.balance = "1100.00"
    await bench.sync(connection_id)
    assert await bench.proof(connection_id) == ("breaks", TODAY - timedelta(days=1), TODAY)


async def test_a_later_sync_asks_for_few_days_and_brings_only_what_is_new(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id = await bench.connected()
    await bench.sync(connection_id)
    fake.accounts[0].booked.append(booked("b3", TODAY, "-1.10", "Tea"))
    fake.asked.clear()
    sync = await bench.sync(connection_id)
    assert (sync.rows_loaded, sync.rows_duplicate) == (1, 2)
    (asked,) = [each for each in fake.asked if each.path.endswith("/transactions/")]
    assert asked.query["date_from"] == [f"{TODAY - timedelta(days=10)}"]


async def test_days_that_are_past_are_fetched_by_their_range(bench: Bench, fake: FakeGoCardless) -> None:
    fake.accounts[0].booked.append(booked("old", date(2026, 1, 5), "-7.00", "January"))
    connection_id = await bench.connected()
    sync = await bench.sync(connection_id, since=date(2026, 1, 1), until=date(2026, 1, 31))
    assert (sync.rows_in, [row[0] for row in await bench.books()]) == (1, ["January"])
    assert (await bench.sync(connection_id)).rows_loaded == 2


async def test_what_is_pending_is_booked_or_goes(bench: Bench, fake: FakeGoCardless) -> None:
    fake.accounts[0].booked.clear()
    fake.accounts[0].pending += [pending(TODAY, "-9.00", "Cafe"), pending(TODAY, "-50.00", "Hotel deposit")]
    connection_id = await bench.connected()
    await bench.sync(connection_id)
    assert [row[:2] for row in await bench.books()] == [("Cafe", "-9.00"), ("Hotel deposit", "-50.00")]
    await bench.sync(connection_id, since=date(2026, 1, 1), until=date(2026, 1, 31))
    assert len(await bench.books()) == 2  # days that are past say nothing of them
    fake.accounts[0].pending.clear()
    fake.accounts[0].booked.append(booked("c1", TODAY, "-9.00", "Cafe"))
    await bench.sync(connection_id)
    assert [row[:2] for row in await bench.books()] == [("Cafe", "-9.00")]


async def test_an_account_that_has_nothing_yet_is_in_step(bench: Bench, fake: FakeGoCardless) -> None:
    fake.accounts[0].booked.clear()
    connection_id = await bench.connected()
    assert (await bench.sync(connection_id)).outcome == "ok"


async def test_an_account_that_may_be_asked_no_more_today_is_left_until_then(
    bench: Bench, fake: FakeGoCardless
) -> None:
    fake.accounts.append(
        BankAccount("GB94BARC10201530093459", "GBP", "Savings", booked=[booked("s1", TODAY, "5", "In")])
    )
    connection_id = await bench.connected()
    first = next(iter(fake.held))
    fake.used[first, "transactions"] = fake.daily - 1
    assert (await bench.sync(connection_id)).outcome == "ok"  # the last that its bank allows
    fake.asked.clear()
    sync = await bench.sync(connection_id)
    assert (sync.outcome, (sync.error or {})["code"]) == ("put_off", "quota_used_up")
    asked = [each.path for each in fake.asked if each.path.endswith("/transactions/")]
    assert len(asked) == 1  # the other account's
    assert first not in asked[0]
    connection = await bench.get(connection_id)
    assert connection.state == "connected"
    waits = connection.next_run_at - datetime.now(UTC)  # type: ignore[operator]
    assert timedelta(seconds=3900) < waits <= timedelta(seconds=4500)


async def test_a_quota_that_others_used_up_is_waited_for(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id = await bench.connected()
    for key in fake.held:
        fake.used[key, "transactions"] = fake.daily
    for _ in range(2):
        assert ((await bench.sync(connection_id)).error or {})["code"] == "quota_used_up"
    assert fake.count("/transactions/") == 1  # once told, it is not asked again
    assert await bench.books() == []


async def test_no_account_is_asked_more_often_than_its_bank_allows(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id = await bench.connected()
    for _ in range(7):
        await bench.sync(connection_id)
    assert fake.count("/transactions/") == fake.count("/balances/") == fake.daily
    assert max(fake.used.values()) == fake.daily


@pytest.mark.parametrize(("status", "state", "code"), [
    ("EX", "expired", "consent_ended"), ("SU", "needs_consent", "account_suspended"),
    ("RJ", "needs_consent", "access_forbidden"),
])  # fmt: skip
async def test_a_consent_that_is_over_is_asked_for_again(
    bench: Bench, fake: FakeGoCardless, status: str, state: str, code: str
) -> None:
    connection_id = await bench.connected()
    fake.becomes(status)
    await bench.sync(connection_id)
    connection = await bench.get(connection_id)
    assert (connection.state, (connection.error or {})["code"], connection.next_run_at) == (state, code, None)
    assert "reconnect" in (connection.error or {})["what_to_do"]


async def test_a_new_consent_goes_on_with_the_same_accounts_where_they_stood(
    bench: Bench, fake: FakeGoCardless
) -> None:
    connection_id = await bench.connected()
    await bench.sync(connection_id)
    before = await bench.books()
    fake.becomes("EX")
    await bench.sync(connection_id)
    former = set(fake.requisitions)
    _, link = await bench.begun(reconnect=connection_id)
    fake.accounts[0].booked.append(booked("b3", TODAY, "-1.10", "Tea"))
    connection = await bench.returned(fake.consents(link))
    assert (connection.state, connection.error) == ("connected", None)
    assert former.isdisjoint(fake.requisitions)  # the consent before is ended
    assert (await bench.sync(connection_id)).rows_loaded == 1
    after = await bench.books()
    assert after[:2] == before
    assert {row[2] for row in after} == {before[0][2]}


async def test_a_new_consent_that_is_not_given_leaves_the_one_before(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id = await bench.connected()
    before = await bench.get(connection_id)
    _, link = await bench.begun(reconnect=connection_id)
    with pytest.raises(problems.ConsentNotGiven):
        await bench.returned(fake.refuses(link))
    after = await bench.get(connection_id)
    assert (after.state, after.consent_expires_at) == (before.state, before.consent_expires_at)
    assert after.next_run_at is not None
    assert (await bench.sync(connection_id)).rows_loaded == 2


async def test_only_the_last_link_that_was_given_out_is_good(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id, link = await bench.begun()
    address = fake.consents(link)
    _, later = await bench.begun(reconnect=connection_id)
    with pytest.raises(problems.ConsentNotGiven):
        await bench.returned(address)
    assert (await bench.returned(fake.consents(later))).state == "connected"
    assert len(fake.requisitions) == 1


async def test_a_return_counts_once_and_only_for_who_began_it(
    bench: Bench, fake: FakeGoCardless, stranger: Organization
) -> None:
    _, link = await bench.begun()
    address = fake.consents(link)
    with pytest.raises(returns.ConsentNotFound):
        await Bench(bench.database, stranger, fake).returned(address)
    await bench.returned(address)
    with pytest.raises(returns.ConsentNotFound):
        await bench.returned(address)


async def test_a_token_that_is_taken_no_more_is_refreshed_and_then_made_anew(
    bench: Bench, fake: FakeGoCardless
) -> None:
    connection_id = await bench.connected()
    fake.access.clear()
    assert (await bench.sync(connection_id)).outcome == "ok"
    assert (fake.count("/token/new/"), fake.count("/token/refresh/")) == (1, 1)
    fake.access.clear()
    fake.refresh.clear()
    assert (await bench.sync(connection_id)).outcome == "ok"
    assert (fake.count("/token/new/"), fake.count("/token/refresh/")) == (2, 2)


FAILURES = [
    (Said(500, {"summary": "", "detail": "", "status_code": 500, "type": "UnknownRequestError"}), "bank_failed"),
    (Said(503, {"summary": "", "detail": "", "status_code": 503, "type": "ServiceError"}), "bank_unavailable"),
    (Said(429, refused(429, "Rate limit exceeded", "Please try again in 1 seconds").body), "too_fast"),
    (Said(200, b"<html>canary</html>"), "answer_unusable"),
    (Said(200, {"transactions": {"booked": [BREAD], "pending": []}}, cut=True), "provider_down"),
]


@pytest.mark.parametrize(("fault", "code"), FAILURES, ids=[code for _, code in FAILURES])
async def test_what_fails_leaves_the_books_alone_and_is_made_good_later(
    bench: Bench, fake: FakeGoCardless, fault: Said, code: str
) -> None:
    connection_id = await bench.connected()
    fake.faults.append(("/transactions/", fault))
    sync = await bench.sync(connection_id)
    connection = await bench.get(connection_id)
    assert (sync.outcome, (sync.error or {})["code"], connection.state) == ("failed", code, "error")
    assert connection.next_run_at is not None
    assert "canary" not in str(sync.error)
    assert await bench.books() == []
    assert (await bench.sync(connection_id)).rows_loaded == 2


async def test_an_account_that_its_bank_closed_is_told_of_and_left(bench: Bench, fake: FakeGoCardless) -> None:
    fake.accounts.append(BankAccount(OTHER, "GBP", "Savings"))
    connection_id = await bench.connected()
    gone = {**refused(401, "Couldn't update account transactions", "gone").body, "type": "AccountInactiveError"}
    fake.faults.append(("/transactions/", Said(401, gone)))
    assert (await bench.sync(connection_id)).outcome == "ok"
    assert (await bench.get(connection_id)).notices == ["The bank has closed an account of Revolut."]
    calls = fake.count("/transactions/")
    await bench.sync(connection_id)
    assert fake.count("/transactions/") == calls + 1


async def test_ending_a_connection_ends_the_consent_at_gocardless(bench: Bench, fake: FakeGoCardless) -> None:
    connection_id = await bench.connected()
    await service.disconnect(bench.database, bench.owner, connection_id)
    assert fake.requisitions == {}


async def test_keys_that_are_not_taken_are_the_operators_to_correct(bench: Bench, fake: FakeGoCardless) -> None:
    fake.secret = (fake.secret[0], "another")
    with pytest.raises(problems.KeysRefused) as refusal:
        await bench.begun()
    assert "key-canary" not in f"{refusal.value} {refusal.value.what_to_do}"


def test_who_waits_for_a_quota_holds_up_no_other_account_beyond_its_turn() -> None:
    waits = [problems.QuotaUsedUp(retry_after_s=80_000), problems.QuotaUsedUp(retry_after_s=70_000)]
    assert soonest(waits, others=False).retry_after_s == 70_000
    assert soonest(waits, others=True).retry_after_s == 400 * 60


def test_a_bank_opens_again_when_its_time_is_over() -> None:
    standing = Standing()
    standing.close("a", "transactions", -1)
    standing.check("a", "transactions")
    standing.close("a", "transactions", 60)
    with pytest.raises(problems.QuotaUsedUp):
        standing.check("a", "transactions")
    standing.check("a", "balances")
    assert Standing.read(standing.cursor()) == standing


def test_money_of_a_balance_is_exact() -> None:
    from ai2.ingest.sources.gocardless.accounts import account, with_balance

    known = account("k", {"iban": "gb33 bukb 2020 1555 5555 55", "currency": "gbp"}, "Bank")
    assert known is not None
    stated = [{"balanceAmount": {"amount": "1195.80", "currency": "GBP"}, "balanceType": "interimBooked"}]
    assert (known.number, known.match) == (IBAN, f"{IBAN} GBP")
    assert with_balance(known, stated).balance == Decimal("1195.80")
    assert with_balance(known, [{**stated[0], "balanceType": "interimAvailable"}]).balance is None


async def test_keys_and_tokens_are_told_nowhere(
    bench: Bench, fake: FakeGoCardless, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    connection_id = await bench.connected()
    spoken = " ".join([*fake.access, *fake.refresh, *fake.secret, *fake.requisitions])
    fake.faults.append(("/transactions/", Said(400, {"summary": spoken, "detail": spoken, "status_code": 400})))
    await bench.sync(connection_id)
    async with bench.database.transaction(bench.owner) as db:
        tables = ["connect.connections", "connect.syncs", "connect.accounts", "events.events"]
        kept = [str(await rows(db, f"select * from {table}")) for table in tables]
    said = "".join([*kept, caplog.text, *capfd.readouterr(), repr(client.keys()), repr(client._tokens)])
    assert "not_accepted" in said
    assert [word for word in spoken.split() if word in said] == [fake.secret[0]]  # a name, as a login is
