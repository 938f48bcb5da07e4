"""Plaid from the link to the books, as apps and Plaid itself see it: connecting, webhooks, repairing, parting."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import jwt
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from pydantic import SecretStr

from ai2.connections import syncing
from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.ingest.sources.plaid import transactions, webhooks
from ai2.ingest.sources.plaid.keys import MOST_ASKED, Keys
from ai2.jobs import HANDLERS
from ai2.kit import queue
from ai2.kit.database import Database, number, rows
from ai2.kit.settings import settings
from api.app import build
from tests import seeds
from tests.api.asking import connect
from tests.connections.fakes.plaid import CLIENT_ID, SECRET, Plaid, serving
from tests.connections.fakes.plaid_bank import Item, account, error, row

HOOK = "/api/connectors/webhook/plaid"
KEY = "/webhook_verification_key/get"
Hook = tuple[dict[str, str], bytes]


@pytest.fixture
def plaid(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plaid]:
    with serving(Plaid()) as fake:
        known = settings()
        monkeypatch.setattr(known, "plaid_client_id", CLIENT_ID)
        monkeypatch.setattr(known, "plaid_secret", SecretStr(SECRET))
        monkeypatch.setattr(known, "plaid_url", fake.url)
        monkeypatch.setattr(known, "public_url", "https://books.example.com")
        monkeypatch.setattr(webhooks, "KEYS", Keys(webhooks._key))
        yield fake
    assert fake.wrong == []


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    app = build(["connectors"], database=database)
    app.state.limits.windows.limit = 1_000_000
    return app


@pytest.fixture
async def anybody(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with connect(app) as client:
        yield client


@pytest.fixture
async def admin(app: FastAPI, database: Database, organization: Organization) -> AsyncIterator[AsyncClient]:
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="test", role=Role.ADMIN)
    async with connect(app, **{"X-API-Key": key.secret}) as client:
        yield client


class Books:
    """One organization's connection and what its worker does."""

    def __init__(self, admin: AsyncClient, database: Database, pipeline: Database, owner: UUID) -> None:
        self.admin, self.database, self.pipeline, self.owner = admin, database, pipeline, owner
        self.connection_id, self.link_token = "", ""

    async def begin(self, **more: Any) -> Response:
        answer = await self.admin.post("/api/connectors/bank/connect", json={"provider": "plaid", **more})
        if answer.is_success:
            self.connection_id = answer.json()["connection"]["connection_id"]
            self.link_token = answer.json()["link_token"]
        return answer

    @property
    def address(self) -> str:
        return f"/api/connectors/connections/{self.connection_id}"

    async def finish(self, **answer: str) -> Response:
        return await self.admin.post(f"{self.address}/finish", json=answer)

    async def shown(self) -> Any:
        return (await self.admin.get(self.address)).json()

    async def queued(self) -> list[Any]:
        async with self.database.transaction(self.owner) as db:
            query = "select * from queue.jobs where state = 'queued' and kind in ('sync', 'finish_connection')"
            return await rows(db, query)

    async def work(self) -> int:
        """Do what the worker would: every job that is queued; how many there were."""
        found = await self.queued()
        for each in found:
            known = {name: each[name] for name in ("organization_id", "job_id", "kind", "payload", "state")}
            job = queue.Job(**known, attempts=1, progress=0)
            result = await HANDLERS[each["kind"]](self.database, self.pipeline, job, lambda _: None)
            async with self.database.transaction(self.owner) as db:
                await queue.finish(db, job, result)
        return len(found)

    async def sync(self) -> None:
        await syncing.sync(self.database, self.owner, UUID(self.connection_id), trigger="person")

    async def amounts(self) -> list[str]:
        async with self.database.transaction(self.owner) as db:
            found = await rows(db, "select amount from published.transactions where deleted_at is null order by amount")
        return [str(each["amount"]) for each in found]


@pytest.fixture
def books(admin: AsyncClient, database: Database, pipeline: Database, organization: Organization) -> Books:
    return Books(admin, database, pipeline, organization.organization_id)


@pytest.fixture
async def item(plaid: Plaid, books: Books) -> Item:
    """A connected Item."""
    await books.begin()
    public = plaid.consent(books.link_token, [account(1)])
    assert (await books.finish(public_token=public)).status_code == 200
    [item] = plaid.items.values()
    return item


@pytest.fixture
async def synced(item: Item, books: Books) -> Item:
    """The same, with a row that is in the books."""
    item.history.append(("added", row(item.accounts[0]["account_id"], "4.20", "2026-03-02", "Bakery")))
    await books.sync()
    assert await books.amounts() == ["-4.20"]
    return item


async def send(client: AsyncClient, hook: Hook, address: str = HOOK, **headers: str) -> Response:
    kind = {"Content-Type": "application/json"}
    return await client.post(address, content=hook[1], headers={**kind, **hook[0], **headers})


async def taken(database: Database) -> int:
    async with database.transaction() as db:
        return await number(db, "select count(*) from connect.webhooks")


async def test_a_link_is_consented_at_and_the_bank_is_in_the_books(
    plaid: Plaid, books: Books, anybody: AsyncClient
) -> None:
    """By the page at the link alone: Plaid tells us when its user is done."""
    answer = await books.begin(settings={"country_codes": ["GB"], "days": 90, "return_to": "https://app.example.com"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["link"].startswith("https://secure.plaid.com/")
    assert told["connection"]["state"] == "connecting"
    assert (await books.finish()).json()["code"] == "not_finished"
    asked = plaid.links[books.link_token].asked
    assert asked["webhook"] == "https://books.example.com/api/connectors/webhook/plaid"
    assert (asked["country_codes"], asked["transactions"]) == (["GB"], {"days_requested": 90})
    plaid.consent(books.link_token, [account(1), account(2, type_="credit", subtype="credit card")])
    for _ in range(2):
        assert (await send(anybody, plaid.finished(books.link_token))).status_code == 200
    assert await books.work() == 1
    [item] = plaid.items.values()
    for place, amount in enumerate(("12.30", "-0.10")):
        item.history.append(("added", row(item.accounts[place]["account_id"], amount, "2026-03-02", "Shop")))
    assert (await send(anybody, plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS"))).status_code == 200
    assert await books.work() == 1
    assert await books.amounts() == ["-12.30", "0.10"]
    shown = await books.shown()
    assert (shown["state"], len(shown["accounts"])) == ("connected", 2)
    assert item.access_token not in str(shown) + str(told)


async def test_what_the_bank_changes_and_takes_back_is_so_in_the_books(
    plaid: Plaid, books: Books, synced: Item
) -> None:
    at = synced.accounts[0]["account_id"]
    tea, cake = row(at, "1.00", "2026-03-03", "Tea"), row(at, "2.00", "2026-03-04", "Cake", pending=True)
    synced.history += [("added", tea), ("added", cake)]
    await books.sync()
    posted = row(at, "2.20", "2026-03-05", "Cake", pending_transaction_id=cake["transaction_id"])
    synced.history += [
        ("modified", {**tea, "amount": Decimal("1.50")}), ("removed", cake), ("added", posted),
    ]  # fmt: skip
    await books.sync()
    assert await books.amounts() == ["-4.20", "-2.20", "-1.50"]
    synced.history.append(("removed", tea))
    await books.sync()
    assert await books.amounts() == ["-4.20", "-2.20"]


async def test_a_run_that_is_cut_off_goes_on_where_it_was(
    plaid: Plaid, books: Books, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and cursor are written together, or neither."""
    monkeypatch.setattr(transactions, "COUNT", 2)
    at = item.accounts[0]["account_id"]
    item.history = [("added", row(at, f"{place}.00", "2026-03-02", f"Shop {place}")) for place in range(1, 6)]
    plaid.faults["/transactions/sync"] = ["", "", "reset"]
    await books.sync()
    assert (await books.amounts(), (await books.shown())["state"]) == ([], "error")
    late = row(at, "6.00", "2026-03-02", "Shop 6")
    plaid.meanwhile = [(item, "added", late)]
    await books.sync()
    assert await books.amounts() == ["-6.00", "-5.00", "-4.00", "-3.00", "-2.00", "-1.00"]
    assert (await books.shown())["state"] == "connected"


async def test_days_that_are_fetched_again_add_nothing_twice(plaid: Plaid, books: Books, synced: Item) -> None:
    asked = await books.admin.post(f"{books.address}/sync", json={"start_date": "2026-03-01", "end_date": "2026-03-31"})
    assert asked.status_code == 202
    assert await books.work() == 1
    assert "/transactions/get" in plaid.asked
    assert await books.amounts() == ["-4.20"]


async def test_a_strangers_connection_is_not_there_to_be_finished(
    plaid: Plaid, books: Books, app: FastAPI, database: Database, stranger: Organization
) -> None:
    await books.begin()
    public = plaid.consent(books.link_token)
    async with database.transaction(stranger.organization_id) as db:
        key = await api_keys.create(db, stranger.organization_id, name="test", role=Role.ADMIN)
    async with connect(app, **{"X-API-Key": key.secret}) as client:
        answer = await client.post(f"{books.address}/finish", json={"public_token": public})
    assert answer.status_code == 404
    assert (await books.finish(public_token=public)).status_code == 200


async def test_whoever_finishes_twice_at_once_is_connected_once(plaid: Plaid, books: Books) -> None:
    await books.begin()
    public = plaid.consent(books.link_token)
    answers = await asyncio.gather(*(books.finish(public_token=public) for _ in range(4)))
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 409}
    again = await books.finish(public_token=public)
    assert (again.status_code, again.json()["state"]) == (200, "connected")


async def test_a_repaired_connection_keeps_where_it_stood(
    plaid: Plaid, books: Books, synced: Item, anybody: AsyncClient
) -> None:
    synced.error = error("ITEM_LOGIN_REQUIRED")
    synced.history.append(("added", row(synced.accounts[0]["account_id"], "1.00", "2026-03-03", "While away")))
    await send(anybody, plaid.webhook(synced, "ERROR", error=synced.error))
    await books.work()
    before = await books.shown()
    assert before["state"] == "needs_consent"
    assert "reconnect" in before["error"]["what_to_do"]
    began = await books.begin(reconnect=books.connection_id)
    assert began.json()["connection"]["connection_id"] == before["connection_id"]
    plaid.consent(books.link_token)
    assert (await books.finish()).json()["state"] == "connected"
    asked = len(plaid.asked)
    await books.sync()
    assert await books.amounts() == ["-4.20", "-1.00"]
    assert plaid.asked[asked:].count("/transactions/sync") == 1
    assert (await books.shown())["accounts"] == before["accounts"]


async def test_a_link_that_nobody_finishes_stops_no_connection(plaid: Plaid, books: Books, item: Item) -> None:
    before = await books.shown()
    await books.begin(reconnect=books.connection_id)
    after = await books.shown()
    assert after["next_run_at"] == before["next_run_at"] is not None
    await books.sync()
    assert (await books.shown())["state"] == "connected"


async def test_what_is_repaired_elsewhere_is_noticed_in_any_order(
    plaid: Plaid, books: Books, item: Item, anybody: AsyncClient
) -> None:
    """The webhook that says that it broke comes last."""
    item.error = error("ITEM_LOGIN_REQUIRED")
    broke = plaid.webhook(item, "ERROR", error=item.error)
    await books.sync()
    assert (await books.shown())["state"] == "needs_consent"
    item.error = None
    for hook in (plaid.webhook(item, "LOGIN_REPAIRED"), broke):
        assert (await send(anybody, hook)).status_code == 200
    await books.work()
    assert (await books.shown())["state"] == "connected"


@pytest.mark.parametrize("seed", seeds.seeds("plaid webhooks", 2))
async def test_every_webhook_ten_times_in_any_order_at_once_comes_to_the_same(
    plaid: Plaid, books: Books, synced: Item, anybody: AsyncClient, seed: int
) -> None:
    random = Random(seed)
    at = synced.accounts[0]["account_id"]
    first = row(at, "1.00", "2026-03-03", "Tea")
    synced.history += [("added", first), ("added", row(at, "2.00", "2026-03-04", "Cake"))]
    gone = error("ITEM_LOGIN_REQUIRED")
    hooks = [
        plaid.webhook(synced, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS"),
        plaid.webhook(synced, "DEFAULT_UPDATE", "TRANSACTIONS", new_transactions=2, error=None),
        plaid.webhook(synced, "ERROR", error=gone),
        plaid.webhook(synced, "LOGIN_REPAIRED"),
        plaid.webhook(synced, "PENDING_EXPIRATION", consent_expiration_time="2030-01-15T13:25:17Z"),
        plaid.webhook(synced, "NEW_ACCOUNTS_AVAILABLE", error=None),
    ] * 10
    random.shuffle(hooks)

    async def worker() -> None:
        while not done.is_set():
            await asyncio.gather(*(books.work() for _ in range(2)))
            await asyncio.sleep(0.01)

    done, before = asyncio.Event(), await taken(books.database)
    working = asyncio.create_task(worker())
    answers = await asyncio.gather(*(send(anybody, hook) for hook in hooks))
    done.set()
    await working
    await books.work()
    assert {answer.status_code for answer in answers} == {200}
    assert await taken(books.database) == before + 6
    assert await books.amounts() == ["-4.20", "-2.00", "-1.00"]
    shown = await books.shown()
    assert (shown["state"], shown["consent_expires_at"]) == ("connected", "2030-01-15T13:25:17Z")
    assert await books.queued() == []


async def test_a_replay_has_no_second_effect_and_the_same_words_later_have(
    plaid: Plaid, books: Books, item: Item, anybody: AsyncClient
) -> None:
    hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    assert (await send(anybody, hook)).status_code == 200
    assert await books.work() == 1
    assert (await send(anybody, hook)).status_code == 200
    assert await books.work() == 0
    assert (await send(anybody, plaid.signed(hook[1], at=time.time() - 30))).status_code == 200
    assert await books.work() == 1


async def test_the_address_without_a_name_knows_its_provider_by_the_signature(
    plaid: Plaid, books: Books, item: Item, anybody: AsyncClient
) -> None:
    hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    assert (await send(anybody, hook, "/api/connectors/webhook")).status_code == 200
    assert await books.work() == 1
    for address in ("/api/connectors/webhook", HOOK, "/api/connectors/webhook/folder", "/api/connectors/webhook/x"):
        assert (await anybody.post(address, json={})).status_code in {401, 404}


FORGED = [
    "another key", "no algorithm", "public key as secret", "unknown key", "key out of use", "stale", "future",
    "other body", "other digest", "no digest", "no time", "time that is none", "no token", "half a token",
    "huge token", "half a body",
]  # fmt: skip


def forged(plaid: Plaid, hook: Hook, how: str) -> Hook:  # noqa: PLR0911 - as many ways
    """The webhook, and what is wrong with it."""
    body = hook[1]
    if how == "another key":
        known = plaid.key_id, plaid._key
        _, plaid._key = plaid.new_key()
        headers, _ = plaid.signed(body)
        plaid.key_id, plaid._key = known
        return headers, body
    if how in {"stale", "future"}:
        return plaid.signed(body, at=time.time() + {"stale": -330, "future": 60}[how])
    if how == "unknown key":
        return plaid.signed(body, kid="of-nobody")
    if how == "key out of use":
        plaid.keys[plaid.key_id]["expired_at"] = int(time.time()) - 1
        return hook
    if how == "other body":
        return hook[0], body.replace(b"SYNC", b"SINK")
    if how == "half a body":
        return hook[0], body[: len(body) // 2]
    claims = jwt.decode(hook[0]["Plaid-Verification"], options={"verify_signature": False})
    head = {"kid": plaid.key_id}
    tokens: dict[str, Any] = {
        "no algorithm": lambda: jwt.encode(claims, "", algorithm="none", headers=head),
        "public key as secret": lambda: jwt.encode(claims, plaid.keys[plaid.key_id]["x"] * 2, "HS256", headers=head),
        "no token": lambda: "",
        "half a token": lambda: hook[0]["Plaid-Verification"][:60],
        "huge token": lambda: hook[0]["Plaid-Verification"] * 50,
    }
    changed: dict[str, dict[str, Any]] = {
        "other digest": {"request_body_sha256": "0" * 64}, "no digest": {"request_body_sha256": None},
        "no time": {"iat": None}, "time that is none": {"iat": "now"},
    }  # fmt: skip
    if how in changed:
        wanted = {name: value for name, value in {**claims, **changed[how]}.items() if value is not None}
        token = jwt.PyJWS().encode(json.dumps(wanted).encode(), plaid._key, "ES256", headers=head)
        return {"Plaid-Verification": token}, body
    return {"Plaid-Verification": tokens[how]()}, body


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_webhook_is_refused_without_effect(
    plaid: Plaid, books: Books, item: Item, anybody: AsyncClient, how: str
) -> None:
    hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    before = await taken(books.database)
    answer = await send(anybody, forged(plaid, hook, how))
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), answer.text
    assert (await taken(books.database), await books.queued()) == (before, [])
    plaid.keys[plaid.key_id]["expired_at"] = None
    webhooks.KEYS._kept.clear()
    assert (await send(anybody, hook)).status_code == 200  # as it was, it is taken
    assert len(await books.queued()) == 1


async def test_what_is_signed_but_no_webhook_is_refused(plaid: Plaid, anybody: AsyncClient) -> None:
    told = {"webhook_type": "ITEM", "webhook_code": "ERROR", "item_id": "x"}
    strange = [{**told, name: value} for name in told for value in ("", "\x00", "\ud800", "x" * 90_000, {"a": 1})]
    bodies = [json.dumps(each).encode() for each in strange]
    for body in (b"", b"[]", b'{"webhook_type": 1}', b"\xff", b"null", b"[" * 5000, b'{"a":' * 16_000, *bodies):
        assert (await send(anybody, plaid.signed(body))).status_code == 400, body[:60]
    headers, body = plaid.signed(json.dumps(told).encode())
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert (await send(anybody, (headers, body), **{"Content-Type": kind})).status_code == 415
    assert (await send(anybody, (headers, body))).status_code == 200, "the control"


async def test_a_webhook_about_nothing_of_ours_has_no_effect(plaid: Plaid, books: Books, anybody: AsyncClient) -> None:
    nobodys = Item("of-nobody", "access", [])
    assert (await send(anybody, plaid.webhook(nobodys, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS"))).status_code == 200
    assert await books.queued() == []


async def test_a_webhook_that_is_too_large_is_not_read_whole(plaid: Plaid, anybody: AsyncClient, item: Item) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 100_000
            yield b" " * 100_000

    headers, _ = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    said = await anybody.post(HOOK, content=endless(), headers={**headers, "Content-Length": "100000000"})
    assert said.status_code == 413
    assert plaid.asked.count(KEY) == 0


async def test_a_key_is_asked_for_once_and_strangers_cannot_have_us_ask_on(
    plaid: Plaid, books: Books, item: Item, anybody: AsyncClient
) -> None:
    hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    for _ in range(5):
        await send(anybody, hook)
    assert plaid.asked.count(KEY) == 1
    answers = [await send(anybody, plaid.signed(hook[1], kid=f"made-up-{place}")) for place in range(MOST_ASKED + 5)]
    assert {answer.status_code for answer in answers} == {401, 503}
    assert plaid.asked.count(KEY) == MOST_ASKED
    assert (await send(anybody, plaid.signed(hook[1], at=time.time() - 60))).status_code == 200


async def test_where_the_key_cannot_be_had_plaid_is_asked_to_send_again(
    plaid: Plaid, item: Item, anybody: AsyncClient
) -> None:
    plaid.faults[KEY] = ["429"]
    hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
    answer = await send(anybody, hook)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "17")
    assert (await send(anybody, hook)).status_code == 200


async def test_parting_removes_the_item_and_its_webhooks_find_nobody(
    plaid: Plaid, books: Books, synced: Item, anybody: AsyncClient
) -> None:
    assert (await books.admin.delete(books.address)).status_code == 204
    assert synced.is_removed
    hook = plaid.webhook(synced, "USER_PERMISSION_REVOKED", error=error("USER_PERMISSION_REVOKED"))
    assert (await send(anybody, hook)).status_code == 200
    assert (await books.queued(), (await books.shown())["state"]) == ([], "disconnected")
    assert await books.amounts() == ["-4.20"]


async def test_guesses_are_counted_by_address_and_not_what_plaid_sends(
    plaid: Plaid, books: Books, item: Item, database: Database
) -> None:
    app = build(["connectors"], database=database)
    app.state.limits.windows.limit = 3
    async with connect(app) as client:
        hook = plaid.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS")
        for _ in range(5):
            assert (await send(client, hook)).status_code == 200
        guesses = [await send(client, (hook[0], b"{}"), **{"X-API-Key": f"made up {n}"}) for n in range(5)]
        assert [guess.status_code for guess in guesses] == [401, 401, 401, 429, 429]
