"""Consenting to a mailbox at a real provider, and opening it at a real server; and every way that must lead nowhere.

Each refusal has its control: the same without what is wrong with it opens the mailbox.
"""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.connections import mailing, oauth, service, syncing
from ai2.identity.organizations import Organization
from ai2.ingest.sources import names
from ai2.ingest.sources.mailboxes import consented
from ai2.ingest.sources.model import OAuth
from ai2.kit import outside
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from ai2.receipts.mails import service as mails
from tests import node_packages
from tests.api import browsing
from tests.api.asking import PersonIn
from tests.api.browsing import NO_TLS, Browser, returned
from tests.connections import dovecot
from tests.connections.dovecot import Dovecot
from tests.connections.letters import letter

CONNECT, CALLBACK = "/api/connectors/email/connect", "/api/connectors/oauth/callback"


@pytest.fixture(scope="module")
async def api(app: FastAPI) -> AsyncIterator[str]:
    """The app on a port of its own."""
    bound = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False))
    task = asyncio.create_task(running.serve([bound]))
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    running.should_exit = True
    await task


@pytest.fixture(scope="module")
def issuer(api: str) -> Iterator[str]:
    folder = browsing.installed()
    shutil.copy(browsing.HERE / "consenting.mjs", folder)
    process = subprocess.Popen(
        [node_packages.node() / "bin/node", folder / "consenting.mjs", api],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    yield process.stdout.readline().strip()
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def mailhost(api: str, issuer: str) -> Iterator[Dovecot]:
    """A mail server that asks the provider whose a token is."""
    asked = issuer.replace("http://", "http://dovecot:dovecot@") + "/token/introspection"
    with dovecot.running(oauth=asked) as running, pytest.MonkeyPatch.context() as patch:
        context = running.authority.trusting()
        patch.setattr(outside, "trusted", lambda: context)
        patch.setattr(settings(), "connect_private", True)
        patch.setattr(settings(), "public_url", api)
        here = OAuth(
            authorization_url=f"{issuer}/auth", token_url=f"{issuer}/token", scope="openid offline_access mail",
            client=lambda: ("ai2", browsing.SECRET), revocation_url=f"{issuer}/token/revocation",
            asked={"prompt": "consent"},
        )  # fmt: skip
        source = consented.source(
            "gmail", "Gmail", host="localhost", port=running.port, trusted_server="mx.test", oauth=here, needs=()
        )
        patch.setitem(names.all_of_them(), "gmail", source)
        yield running


@dataclass
class Going:
    """Somebody who connects a mailbox of theirs, and their browser."""

    client: AsyncClient
    browser: Browser
    user: str

    async def begin(self, **more: Any) -> dict[str, Any]:
        wanted = {"provider": "gmail", "settings": {"username": self.user, "since": "2020-01-01"}, **more}
        answer = await self.client.post(CONNECT, json=wanted)
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    async def consent(self, begun: dict[str, Any], login: str | None = None, *, agree: bool = True) -> dict[str, str]:
        back = await self.browser.sign_in_at(begun["link"], login or self.user, agree=agree)
        assert back.startswith(self.browser.api + CALLBACK)
        came = returned(back)
        return {name: came[name] for name in ("state", "code", "error") if name in came}

    async def finish(self, given: dict[str, Any]) -> Any:
        return await self.client.post(CALLBACK, json=given)


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization, api: str, mailhost: Dovecot) -> AsyncIterator[Going]:
    person = await person_in(organization)
    user = f"u{new_id().hex}"
    mailhost.maildir(user)
    async with AsyncClient(verify=NO_TLS) as client:
        yield Going(person.client, Browser(client, api), user)


async def secrets_of(database: Database, organization: Organization, connection_id: str) -> dict[str, Any]:
    async with database.transaction(organization.organization_id) as db:
        return await service.secrets_of(db, organization.organization_id, UUID(connection_id))


async def test_a_mailbox_is_consented_to_and_its_mail_comes(
    ana: Going, database: Database, organization: Organization, mailhost: Dovecot
) -> None:
    mailhost.put(ana.user, letter())
    begun = await ana.begin()
    assert begun["connection"]["state"] == "connecting"
    given = await ana.consent(begun)
    done = await ana.finish({**given, "secret": begun["consent"]["secret"]})
    assert (done.status_code, done.json()["state"]) == (200, "connected"), done.text
    connection_id = begun["connection"]["connection_id"]
    first = await secrets_of(database, organization, connection_id)
    owner = organization.organization_id
    for _ in range(2):  # tokens of this provider last a minute: each run renews them, and the former is good no more
        await syncing.sync(database, owner, UUID(connection_id), trigger="person")
        async with database.transaction(owner) as db:
            now = await service.get(db, owner, UUID(connection_id))
        assert (now.state, now.error) == ("connected", None)
    await mailing.read_waiting(database, owner)
    async with database.transaction(owner) as db:
        assert (await service.get(db, owner, UUID(connection_id))).state == "connected"
        assert len(await mails.page(db, owner, before=None, limit=9)) == 1
    last = await secrets_of(database, organization, connection_id)
    assert first["refresh_token"] != last["refresh_token"]
    told = (await ana.client.get(f"/api/connectors/connections/{connection_id}")).text
    assert not any(str(value) in told for value in last.values() if isinstance(value, str))
    # a refresh token that is used again ends the consent: which asks for another, and keeps its place
    async with database.transaction(owner) as db:
        from ai2.connections import credentials, repository
        from ai2.identity import organizations

        sealed = credentials.sealed(
            await organizations.file_key(db, owner), UUID(connection_id), {**first, "expires_at": 0}
        )
        await repository.update(db, owner, UUID(connection_id), credentials=sealed)
    await syncing.sync(database, owner, UUID(connection_id), trigger="person")
    async with database.transaction(owner) as db:
        gone = await service.get(db, owner, UUID(connection_id))
    assert (gone.state, (gone.error or {})["code"]) == ("needs_consent", "consent_gone")
    again = await ana.client.get("/api/connectors/oauth/authorize", params={"connection_id": connection_id})
    renewed = {"link": again.json()["authorization_url"]}
    given = await ana.consent(renewed)
    done = await ana.finish({**given, "secret": again.json()["secret"]})
    assert done.json()["state"] == "connected"


async def test_a_browser_comes_back_by_itself(ana: Going) -> None:
    begun = await ana.begin()
    given = await ana.consent(begun)
    anonymous = ana.browser.client
    without = await anonymous.get(ana.browser.api + CALLBACK, params=given)
    assert (without.status_code, without.json()["code"]) == (403, "consent_not_valid")
    cookie = {"Cookie": f"ai2_consent={begun['consent']['secret']}"}
    answer = await anonymous.get(ana.browser.api + CALLBACK, params=given, headers=cookie)
    assert (answer.status_code, answer.json()["state"]) == (200, "connected")


async def test_the_request_carries_pkce_and_a_state_and_goes_back_to_us_alone(ana: Going) -> None:
    begun, again = await ana.begin(), await ana.begin()
    asked, other = (dict(parse_qsl(urlsplit(each["link"]).query)) for each in (begun, again))
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", ana.browser.api + CALLBACK)
    for name in ("state", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != other[name]
    said = {"connection_id": begun["connection"]["connection_id"], "redirect_uri": "https://elsewhere.example/"}
    led = await ana.client.get("/api/connectors/oauth/authorize", params=said)
    assert "elsewhere" not in led.text
    assert not led.is_redirect


async def test_a_code_that_was_bound_to_another_secret_is_good_for_nobody(ana: Going) -> None:
    """Somebody has the code and the state: without the secret they have no verifier, and with theirs another's."""
    mine, theirs = await ana.begin(), await ana.begin()
    given = await ana.consent(mine)
    stolen = {**given, "state": theirs["consent"]["state"], "secret": theirs["consent"]["secret"]}
    answer = await ana.finish(stolen)
    assert (answer.status_code, answer.json()["code"]) == (422, "consent_gone"), "PKCE: the provider refuses it"


async def test_a_consent_is_finished_once(ana: Going) -> None:
    begun = await ana.begin()
    given = {**await ana.consent(begun), "secret": begun["consent"]["secret"]}
    assert (await ana.finish(given)).status_code == 200
    again = await ana.finish(given)
    assert (again.status_code, again.json()["code"]) == (403, "consent_not_valid")


async def test_a_consent_that_is_over_or_was_begun_anew_leads_nowhere(
    ana: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await ana.begin()
    given = {**await ana.consent(begun), "secret": begun["consent"]["secret"]}
    path = f"/api/connectors/oauth/authorize?connection_id={begun['connection']['connection_id']}"
    assert (await ana.client.get(path)).status_code == 200
    assert (await ana.finish(given)).json()["code"] == "consent_not_valid"
    monkeypatch.setattr(oauth, "LASTS_S", -1)
    late = await ana.begin()
    given = {**await ana.consent(late), "secret": late["consent"]["secret"]}
    assert (await ana.finish(given)).json()["code"] == "consent_not_valid"


async def test_nobody_else_finishes_a_consent(
    ana: Going, person_in: PersonIn, organization: Organization, stranger: Organization
) -> None:
    for organization_of in (stranger, organization):
        other = await person_in(organization_of)
        begun = await ana.begin()
        given = {**await ana.consent(begun), "secret": begun["consent"]["secret"]}
        answer = await other.client.post(CALLBACK, json=given)
        assert (answer.status_code, answer.json()["code"]) == (403, "consent_not_valid")


async def test_nobody_consents_for_a_strangers_connection(ana: Going, their_owner: AsyncClient) -> None:
    begun = await ana.begin()
    path = f"/api/connectors/oauth/authorize?connection_id={begun['connection']['connection_id']}"
    assert (await their_owner.get(path)).status_code == 404
    assert (await ana.client.get(path)).status_code == 200
    wanted = {"provider": "gmail", "settings": {"username": ana.user}}
    reconnect = {**wanted, "reconnect": begun["connection"]["connection_id"]}
    assert (await their_owner.post(CONNECT, json=reconnect)).status_code == 404


async def test_consent_to_another_mailbox_than_was_named_is_none(ana: Going) -> None:
    begun = await ana.begin()
    given = {**await ana.consent(begun, f"u{new_id().hex}"), "secret": begun["consent"]["secret"]}
    assert (await ana.finish(given)).json()["code"] == "consent_of_another"


async def test_who_does_not_agree_is_told_so(ana: Going) -> None:
    begun = await ana.begin()
    given = {**await ana.consent(begun, agree=False), "secret": begun["consent"]["secret"]}
    assert (await ana.finish(given)).json()["code"] == "consent_refused"


async def test_states_and_secrets_are_kept_as_digests(ana: Going, pipeline: Database) -> None:
    begun = (await ana.begin())["consent"]
    async with pipeline.transaction() as db:
        kept = str(await rows(db, "select * from connect.consents"))
    assert begun["state"] not in kept
    assert begun["secret"] not in kept
