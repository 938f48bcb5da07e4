"""Consent over the API: the banks to choose from, and a return that counts only where it was begun."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pydantic import SecretStr

from ai2.connections import institutions
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.ingest.sources.gocardless import client
from ai2.kit.settings import settings
from tests.api.asking import ClientOf, connect
from tests.connections.fakes.gocardless import BANK, BankAccount, FakeGoCardless
from tests.connections.fakes.serving import serving

C = "/api/connectors"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoCardless]:
    fake = FakeGoCardless(accounts=[BankAccount("GB33BUKB20201555555555", "GBP")])
    monkeypatch.setattr(client, "_tokens", {})
    monkeypatch.setattr(institutions, "_kept", {})
    with serving(fake) as address:
        fake.address = address
        monkeypatch.setattr(settings(), "gocardless_url", address)
        monkeypatch.setattr(settings(), "gocardless_secret_id", SecretStr(fake.secret[0]))
        monkeypatch.setattr(settings(), "gocardless_secret_key", SecretStr(fake.secret[1]))
        yield fake


async def begun(client: AsyncClient) -> dict[str, Any]:
    wanted = {"provider": "gocardless", "settings": {"institution_id": BANK}}
    answer = await client.post(f"{C}/bank/connect", json=wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def path(address: str) -> str:
    return address.removeprefix(settings().public_address)


async def test_banks_of_a_country_are_listed_and_searched(owner: AsyncClient, fake: FakeGoCardless) -> None:
    address = f"{C}/providers/gocardless/institutions"
    found = (await owner.get(address, params={"country": "GB"})).json()
    assert [(each["institution_id"], each["history_days"]) for each in found["items"]] == [
        ("MONZO_MONZGB2L", 90), (BANK, 540),
    ]  # fmt: skip
    page = (await owner.get(address, params={"country": "GB", "limit": 1})).json()
    rest = (await owner.get(address, params={"country": "GB", "cursor": page["next_cursor"]})).json()
    assert page["items"] + rest["items"] == found["items"]
    one = (await owner.get(address, params={"country": "GB", "search": "revol"})).json()
    assert [each["name"] for each in one["items"]] == ["Revolut"]
    assert fake.count("/institutions/") == 1  # asked of GoCardless once


@pytest.mark.parametrize(("country", "status", "code"), [
    ("XX", 422, "institution_not_found"), ("gb", 422, "invalid"), ("", 422, "invalid"),
])  # fmt: skip
async def test_what_is_no_country_is_said_to_be_none(
    owner: AsyncClient, fake: FakeGoCardless, country: str, status: int, code: str
) -> None:
    answer = await owner.get(f"{C}/providers/gocardless/institutions", params={"country": country})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("provider", ["folder", "nobody"])
async def test_who_has_no_banks_says_so(owner: AsyncClient, provider: str) -> None:
    assert (await owner.get(f"{C}/providers/{provider}/institutions?country=GB")).status_code == 404


async def test_the_browser_that_was_given_the_link_comes_back_connected(
    owner: AsyncClient, fake: FakeGoCardless
) -> None:
    started = await begun(owner)
    back = path(fake.consents(started["link"]))
    key = owner.headers.pop("X-API-Key")  # a browser that comes back has the cookie alone
    answer = await owner.get(back)
    owner.headers["X-API-Key"] = key
    assert (answer.status_code, answer.json()["state"]) == (200, "connected")
    assert answer.json()["consent_expires_at"] is not None
    assert (await owner.get(back)).status_code == 404  # it counted once


async def test_somebody_who_was_talked_into_the_link_gives_nobody_their_accounts(
    app: FastAPI, owner: AsyncClient, their_owner: AsyncClient, fake: FakeGoCardless
) -> None:
    started = await begun(owner)
    back = path(fake.consents(started["link"]))
    async with connect(app) as victim:
        refused = await victim.get(back)
        assert (refused.status_code, refused.json()["code"]) == (403, "begun_elsewhere")
        name, value = owner.cookies.jar._cookies["api.test"]["/api/connectors/callback"].popitem()  # type: ignore[attr-defined]
        victim.cookies.set(name, value.value[:-1] + "x")
        assert (await victim.get(back)).status_code == 403
    reference = back.split("ref=")[1]
    theirs = await their_owner.post(f"{C}/callback/gocardless", json={"ref": reference})
    assert (theirs.status_code, theirs.json()["code"]) == (404, "consent_not_found")
    connection_id = started["connection"]["connection_id"]
    assert (await owner.get(f"{C}/connections/{connection_id}")).json()["state"] == "connecting"
    ours = await owner.post(f"{C}/callback/gocardless", json={"ref": reference})
    assert (ours.status_code, ours.json()["state"]) == (200, "connected")


async def test_a_consent_that_was_refused_is_no_failure_of_ours(owner: AsyncClient, fake: FakeGoCardless) -> None:
    started = await begun(owner)
    answer = await owner.get(path(fake.refuses(started["link"])))
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_not_given")


async def test_who_may_not_connect_a_bank_may_not_finish_it(
    client_of: ClientOf, organization: Organization, fake: FakeGoCardless
) -> None:
    accountant = await client_of(organization, Role.ACCOUNTANT)
    assert (await accountant.post(f"{C}/callback/gocardless", json={"ref": "x"})).status_code == 403
    assert (await accountant.get(f"{C}/providers/gocardless/institutions?country=GB")).status_code == 403


@pytest.mark.parametrize("query", ["", "?ref=", "?ref=x", "?ref=" + "x" * 300, "?ref=%00", "?ref=x&error=" + "e" * 999])
@pytest.mark.parametrize("provider", ["gocardless", "plaid", "folder", "%00", "x" * 99])
async def test_a_return_of_nobody_is_refused(anonymous: AsyncClient, provider: str, query: str) -> None:
    answer = await anonymous.get(f"{C}/callback/{provider}{query}")
    assert 400 <= answer.status_code < 500, answer.text


async def test_without_keys_the_provider_is_said_to_be_missing_them(owner: AsyncClient) -> None:
    wanted = {"provider": "gocardless", "settings": {"institution_id": BANK}}
    answer = await owner.post(f"{C}/bank/connect", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_set_up")
    listed = (await owner.get(f"{C}/providers")).json()["items"]
    (known,) = [each for each in listed if each["name"] == "gocardless"]
    assert (known["is_available"], known["missing"]) == (False, ["GOCARDLESS_SECRET_ID", "GOCARDLESS_SECRET_KEY"])
