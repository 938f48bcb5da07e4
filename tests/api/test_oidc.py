"""Signing in with a real OpenID provider, page by page; and every way in which a sign-in must not open anything.

Each refusal has its control: the same sign-in without what is wrong with it opens a session.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pyotp
import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity import erasure, oidc_provider, second_factors
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ai2.kit.security import digest
from ai2.kit.settings import OidcProvider, settings
from tests.api import browsing
from tests.api.asking import PASSWORD, Person, PersonIn
from tests.api.browsing import NO_TLS, Browser, returned

OIDC = "/api/core/auth/oidc"
IDENTITIES = "/api/core/auth/identities"
FALSE = sorted(set(browsing.CLIENTS) - {"honest", "second", "signed-again"})


@pytest.fixture(scope="module")
async def api(app: FastAPI) -> AsyncIterator[str]:
    """The app on a port of its own."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False))
    running = asyncio.create_task(server.serve([bound]))
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    await running


@pytest.fixture(scope="module")
def issuer(api: str) -> Iterator[str]:
    """The provider, configured once for each of its clients."""
    process, issuer = browsing.start_provider(api)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings(), "public_url", api)
        patch.setattr(settings(), "oidc_providers", [configured(name, issuer) for name in browsing.CLIENTS])
        yield issuer
    process.kill()
    process.wait()


def configured(name: str, issuer: str, **more: Any) -> OidcProvider:
    return OidcProvider(name=name, issuer=issuer, client_id=name, client_secret=browsing.SECRET, **more)


@pytest.fixture
async def browser(api: str, issuer: str) -> AsyncIterator[Browser]:
    async with AsyncClient(verify=NO_TLS) as client:
        yield Browser(client, api)


@pytest.fixture
def login() -> str:
    """Somebody at the provider: their address, which it has verified."""
    return f"{new_id()}@example.com"


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization, browser: Browser, api: str) -> tuple[Person, str]:
    """A member whose account is linked to an identity with quite another address."""
    person = await person_in(organization, Role.ACCOUNTANT)
    return person, await linked(person, browser)


async def linked(person: Person, browser: Browser) -> str:
    login = f"private-{new_id()}@example.org"
    begun = (await person.client.post(f"{OIDC}/honest/link", json={"password": PASSWORD})).json()
    back = returned(await browser.sign_in_at(begun["authorization_url"], login))
    answer = await browser.finish({**back, "secret": begun["secret"]})
    assert (answer.status_code, answer.json()["user_id"]) == (200, person.user_id), answer.text
    browser.client.cookies.clear()
    return login


async def invite(client: AsyncClient, email: str) -> str:
    made = await client.post("/api/core/members/invitations", json={"email": email, "role": "viewer"})
    token: str = made.json()["token"]
    return token


async def test_a_linked_person_signs_in_by_their_browser_alone(browser: Browser, ana: tuple[Person, str]) -> None:
    """Authorize, the provider's login and consent pages, and back to us with nothing but a cookie."""
    person, login = ana
    begun = await browser.begin()
    back = await browser.sign_in_at(begun["authorization_url"], login)
    answer = await browser.client.get(back)
    tokens = answer.json()
    assert (answer.status_code, tokens["user_id"], tokens["role"]) == (200, person.user_id, "accountant")
    who = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = (await browser.client.get(f"{browser.api}/api/core/auth/me", headers=who)).json()
    assert me["user"]["email"] == person.email
    refreshed = {"refresh_token": tokens["refresh_token"]}
    assert (await browser.client.post(f"{browser.api}/api/core/auth/refresh", json=refreshed)).status_code == 200


async def test_the_request_carries_pkce_state_and_nonce(browser: Browser, api: str) -> None:
    begun, again = await browser.begin(), await browser.begin()
    asked, other = returned(begun["authorization_url"]), returned(again["authorization_url"])
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["client_id"], asked["redirect_uri"]) == ("honest", f"{api}{OIDC}/honest/callback")
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != other[name]


async def test_who_is_new_is_told_and_comes_in_by_an_invitation(
    browser: Browser, login: str, owner: AsyncClient, organization: Organization
) -> None:
    given = await browser.arrive(login)
    refused = await browser.finish(given)
    assert (refused.status_code, refused.json()["code"]) == (403, "identity_unknown")
    more = {"state": given["state"], "secret": given["secret"], "invitation": await invite(owner, login)}
    opened = await browser.finish(more)
    assert (opened.status_code, opened.json()["organization_id"]) == (200, str(organization.organization_id))
    members = {each["email"]: each["name"] for each in (await owner.get("/api/core/members")).json()["items"]}
    assert members[login] == "Ada Provided"
    again = await browser.finish(await browser.arrive(login))
    assert again.json()["user_id"] == opened.json()["user_id"], "and from then on without"


async def test_an_invitation_of_another_address_is_not_theirs(browser: Browser, login: str, owner: AsyncClient) -> None:
    given = await browser.arrive(login)
    more = {"state": given["state"], "secret": given["secret"]}
    stolen = {**given, "invitation": await invite(owner, f"{new_id()}@example.com")}
    assert (await browser.finish(stolen)).json()["code"] == "invitation_for_another"
    assert (await browser.finish({**more, "invitation": "made-up"})).json()["code"] == "invitation_not_valid"
    assert (await browser.finish({**more, "invitation": await invite(owner, login)})).status_code == 200


async def test_an_address_that_is_not_verified_brings_nobody_in(
    browser: Browser, login: str, owner: AsyncClient
) -> None:
    token = await invite(owner, login)
    refused = await browser.finish({**await browser.arrive(f"unverified:{login}"), "invitation": token})
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
    browser.client.cookies.clear()
    assert (await browser.finish({**await browser.arrive(login), "invitation": token})).status_code == 200


async def test_an_address_links_nothing_to_an_account_that_exists(
    browser: Browser, person_in: PersonIn, organization: Organization, owner: AsyncClient, stranger: Organization
) -> None:
    ben = await person_in(organization, Role.OWNER)
    given = await browser.arrive(ben.email)
    refused = await browser.finish(given)
    assert (refused.status_code, refused.json()["code"]) == (409, "account_exists")
    begun = (await ben.client.post(f"{OIDC}/honest/link", json={"password": PASSWORD})).json()
    back = returned(await browser.sign_in_at(begun["authorization_url"], ben.email))
    assert (await browser.finish({**back, "secret": begun["secret"]})).json()["user_id"] == ben.user_id
    assert (await browser.finish(await browser.arrive(ben.email))).json()["user_id"] == ben.user_id
    [identity] = (await ben.client.get(IDENTITIES)).json()["items"]
    assert (identity["provider"], identity["subject"], identity["email"]) == ("honest", ben.email, ben.email)


async def test_who_has_no_password_comes_into_another_organization_by_its_invitation(
    browser: Browser, login: str, owner: AsyncClient, their_owner: AsyncClient, stranger: Organization
) -> None:
    first = await browser.finish({**await browser.arrive(login), "invitation": await invite(owner, login)})
    uninvited = {**await browser.arrive(login), "organization_id": str(stranger.organization_id)}
    assert (await browser.finish(uninvited)).is_client_error
    theirs = {**await browser.arrive(login), "invitation": await invite(their_owner, login)}
    second = await browser.finish(theirs)
    assert second.json()["organization_id"] == str(stranger.organization_id)
    assert second.json()["user_id"] == first.json()["user_id"]
    chosen = {**await browser.arrive(login), "organization_id": str(stranger.organization_id)}
    assert (await browser.finish(chosen)).json()["organization_id"] == str(stranger.organization_id)


async def test_where_registration_is_open_who_is_new_makes_an_organization(
    browser: Browser, login: str, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = {"organization_name": "Bens Boats", "base_currency": "EUR"}
    await browser.finish(
        {**await browser.arrive(f"first-{login}"), "invitation": await invite(owner, f"first-{login}")}
    )
    browser.client.cookies.clear()
    given = {**await browser.arrive(login), "registration": new}
    assert (await browser.finish(given)).json()["code"] == "registration_closed"
    monkeypatch.setattr(settings(), "enable_multi_tenant", True)
    del given["code"]
    made = await browser.finish(given)
    assert (made.status_code, made.json()["role"]) == (200, "owner")
    assert (await browser.finish(await browser.arrive(login))).json()["role"] == "owner"


@pytest.mark.parametrize("client", FALSE)
async def test_a_token_with_anything_wrong_in_it_opens_nothing(
    browser: Browser, ana: tuple[Person, str], client: str
) -> None:
    """The same person at the same provider; only what its token says, or how it is signed, differs by client."""
    person, login = ana
    refused = await browser.finish(await browser.arrive(login, client), client)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_refused"), refused.text
    opened = await browser.finish(await browser.arrive(login, "signed-again"), "signed-again")
    assert opened.json()["user_id"] == person.user_id, "the control: taken apart and signed again, and nothing else"


async def test_a_provider_that_changed_its_keys_is_asked_for_the_new_ones(
    browser: Browser, ana: tuple[Person, str], api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    for key in ("first", "second"):
        process, issuer = browsing.start_provider(api, port, key)
        monkeypatch.setattr(settings(), "oidc_providers", [configured("honest", issuer)])
        answer = await browser.finish(await browser.arrive(ana[1]))
        assert answer.json()["code"] == "identity_unknown", "nobody's at this issuer, and the token is believed"
        browser.client.cookies.clear()
        process.kill()
        process.wait()


async def test_a_token_for_another_nonce_opens_nothing(browser: Browser, ana: tuple[Person, str]) -> None:
    """A token that somebody else asked for, as it were: the provider signs the nonce that it is sent."""
    _, login = ana
    begun = await browser.begin()
    nonce = returned(begun["authorization_url"])["nonce"]
    back = returned(await browser.sign_in_at(begun["authorization_url"].replace(nonce, "x" * 43), login))
    refused = await browser.finish({**back, "secret": begun["secret"]})
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_refused")
    assert (await browser.finish(await browser.arrive(login))).status_code == 200


async def test_nobody_finishes_a_sign_in_that_another_began(
    browser: Browser, ana: tuple[Person, str], api: str
) -> None:
    """Login CSRF: a thief's code and state in a victim's browser, with the victim's cookie, with none, or a mix."""
    _, login = ana
    thiefs = await browser.arrive(login)
    browser.client.cookies.clear()
    victims = await browser.arrive(login)
    mixed = [{**thiefs, "secret": victims["secret"]}, {**thiefs, "state": victims["state"]},
             {**thiefs, "state": "made up"}, {**thiefs, "secret": "made up"},
             {name: value for name, value in thiefs.items() if name != "secret"}]  # fmt: skip
    for given in mixed:
        refused = await browser.finish(given)
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_not_valid")
    link = {name: value for name, value in thiefs.items() if name != "secret"}
    assert (await browser.client.get(f"{api}{OIDC}/honest/callback", params=link)).status_code == 401
    assert (await browser.finish(thiefs, "second")).status_code == 401, "at another provider"
    assert (await browser.finish(thiefs)).status_code == 200, "who began it finishes it"


async def test_another_issuers_answer_is_refused(browser: Browser, ana: tuple[Person, str]) -> None:
    _, login = ana
    for issuer in ("https://elsewhere.example", None):
        given = {**await browser.arrive(login), "iss": issuer}
        assert (await browser.finish(given)).json()["code"] == "sign_in_refused"
    assert (await browser.finish(await browser.arrive(login))).status_code == 200


async def test_a_code_works_once(browser: Browser, ana: tuple[Person, str]) -> None:
    _, login = ana
    given = await browser.arrive(login)
    assert (await browser.finish(given)).status_code == 200
    assert (await browser.finish(given)).json()["code"] == "sign_in_not_valid", "the same request"
    fresh = await browser.arrive(login)
    replayed = await browser.finish({**fresh, "code": given["code"]})
    assert replayed.json()["code"] == "sign_in_refused", "the old code in a new sign-in: the provider refuses it"
    assert (await browser.finish(fresh)).json()["code"] == "sign_in_not_valid", "which is over by that"


async def test_a_code_of_another_sign_in_is_refused_by_pkce(browser: Browser, ana: tuple[Person, str]) -> None:
    _, login = ana
    stolen, own = await browser.arrive(login), await browser.arrive(login)
    assert (await browser.finish({**own, "code": stolen["code"]})).json()["code"] == "sign_in_refused"
    assert (await browser.finish(await browser.arrive(login))).status_code == 200


async def test_finished_four_times_at_once_it_opens_one_session(browser: Browser, ana: tuple[Person, str]) -> None:
    given = await browser.arrive(ana[1])
    answers = await asyncio.gather(*(browser.finish(given) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_who_says_no_at_the_provider_is_told_what_to_do(browser: Browser, ana: tuple[Person, str]) -> None:
    begun = await browser.begin()
    back = await browser.sign_in_at(begun["authorization_url"], ana[1], agree=False)
    assert returned(back)["error"] == "access_denied"
    refused = await browser.client.get(back)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_refused")
    yes = await browser.sign_in_at((await browser.begin())["authorization_url"], ana[1])
    assert (await browser.client.get(yes)).status_code == 200


async def test_what_is_old_is_over_and_forgotten(browser: Browser, ana: tuple[Person, str], pipeline: Database) -> None:
    old, young = await browser.arrive(ana[1]), await browser.arrive(ana[1])
    for given, by in ((old, "10 minutes"), (young, "9 minutes")):
        async with pipeline.transaction() as db:
            await db.execute(
                "update identity.sign_ins set expires_at = expires_at - %s::interval where state_digest = %s",
                [by, digest(given["state"])],
            )
    assert (await browser.finish(old)).json()["code"] == "sign_in_not_valid"
    assert (await browser.finish(young)).status_code == 200
    await browser.begin()
    async with pipeline.transaction() as db:
        kept = await rows(db, "select state_digest from identity.sign_ins")
    assert digest(old["state"]) not in {row["state_digest"] for row in kept}


async def test_a_second_factor_is_asked_for_here_too(
    browser: Browser, ana: tuple[Person, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, login = ana
    now = time.time()
    monkeypatch.setattr(second_factors, "clock", lambda: now)
    factor = "/api/core/auth/second-factor"
    made = (await person.client.post(factor, json={"password": PASSWORD})).json()
    app = pyotp.TOTP(made["secret"])
    await person.client.post(f"{factor}/confirm", json={"totp": app.at(now - 30)})
    given = await browser.arrive(login)
    answers = [await browser.finish(given)]
    del given["code"]
    answers.append(await browser.finish({**given, "totp": "000000"}))
    assert [answer.json()["code"] for answer in answers] == ["second_factor_needed", "wrong_code"]
    opened = await browser.finish({**given, "totp": app.at(now)})
    assert (opened.status_code, opened.json()["user_id"]) == (200, person.user_id)


async def test_a_stolen_session_links_nothing(
    person_in: PersonIn, organization: Organization, browser: Browser
) -> None:
    ben = await person_in(organization, Role.VIEWER)
    for wrong in ({}, {"password": "a guess at it"}, {"totp": "000000"}):
        assert (await ben.client.post(f"{OIDC}/honest/link", json=wrong)).status_code == 422
    assert await linked(ben, browser)


async def test_an_identity_is_linked_to_one_account(
    browser: Browser, ana: tuple[Person, str], person_in: PersonIn, organization: Organization
) -> None:
    person, login = ana
    ben = await person_in(organization, Role.VIEWER)
    begun = (await ben.client.post(f"{OIDC}/honest/link", json={"password": PASSWORD})).json()
    back = returned(await browser.sign_in_at(begun["authorization_url"], login))
    refused = await browser.finish({**back, "secret": begun["secret"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "identity_taken")
    assert (await browser.finish(await browser.arrive(login))).json()["user_id"] == person.user_id
    assert (await ben.client.get(IDENTITIES)).json()["items"] == []


async def test_what_is_unlinked_opens_nothing_and_a_strangers_is_not_there(
    browser: Browser, ana: tuple[Person, str], person_in: PersonIn, stranger: Organization
) -> None:
    person, login = ana
    ben = await person_in(stranger, Role.OWNER)
    [identity] = (await person.client.get(IDENTITIES)).json()["items"]
    address = f"{IDENTITIES}/{identity['identity_id']}"
    assert (await ben.client.delete(address)).status_code == 404
    assert (await browser.finish(await browser.arrive(login))).status_code == 200
    assert (await person.client.delete(address)).status_code == 204
    assert (await person.client.delete(address)).status_code == 404
    assert (await browser.finish(await browser.arrive(login))).json()["code"] == "identity_unknown"


async def test_the_last_way_in_stays(browser: Browser, login: str, owner: AsyncClient, api: str) -> None:
    opened = await browser.finish({**await browser.arrive(login), "invitation": await invite(owner, login)})
    async with AsyncClient(
        base_url=api, headers={"Authorization": f"Bearer {opened.json()['access_token']}"}
    ) as client:
        [identity] = (await client.get(IDENTITIES)).json()["items"]
        refused = await client.delete(f"{IDENTITIES}/{identity['identity_id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "last_way_in")
        assert (await client.post("/api/core/auth/login", json={"email": login, "password": ""})).status_code == 401


async def test_nothing_stored_finishes_a_sign_in(browser: Browser, login: str, pipeline: Database) -> None:
    given = await browser.arrive(login)
    async with pipeline.transaction() as db:
        kept = str(await rows(db, "select * from identity.sign_ins"))
    verifier = oidc_provider.derived(given["secret"], "verifier")
    assert not any(text in kept for text in (given["secret"], given["state"], given["code"], verifier))
    assert (await browser.finish(given)).json()["code"] == "identity_unknown"


async def test_a_provider_that_is_down_is_503_and_says_when_to_try_again(
    anonymous: AsyncClient, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    monkeypatch.setattr(settings(), "oidc_providers", [configured("gone", gone), configured("honest", issuer)])
    refused = await anonymous.get(f"{OIDC}/gone/authorize")
    assert (refused.status_code, refused.json()["code"]) == (503, "provider_down")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await anonymous.get(f"{OIDC}/honest/authorize")).status_code == 200


async def test_a_provider_that_never_answers_holds_nobody_else_up(
    anonymous: AsyncClient, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More wait for it than there are connections to the database, and everybody else is served."""
    monkeypatch.setattr(oidc_provider, "WHOLE_S", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(settings(), "oidc_providers", [configured("silent", address)])
        waiting = [asyncio.create_task(anonymous.get(f"{OIDC}/silent/authorize")) for _ in range(8)]
        await asyncio.sleep(0.2)
        assert (await owner.get("/api/core/accounts")).status_code == 200
        assert not any(task.done() for task in waiting)
        assert {(await task).status_code for task in waiting} == {503}


@pytest.mark.parametrize("wrong", [None, "issuer", "token_endpoint", "jwks_uri", "authorization_endpoint", "redirect"])
async def test_a_description_leads_nowhere_but_to_the_configured_hosts(
    anonymous: AsyncClient, monkeypatch: pytest.MonkeyPatch, wrong: str | None
) -> None:
    asked: list[str] = []

    async def describe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        said = {"issuer": here, **{name: f"{here}/{name}" for name in names}}
        if wrong in said:
            said[wrong] = f"{elsewhere}/x"
        body = str(said).replace("'", '"').encode()
        status = b"302 Found\r\nLocation: " + elsewhere.encode() if wrong == "redirect" else b"200 OK"
        head = b"\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
        writer.write(b"HTTP/1.1 " + status + head + str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(describe, "127.0.0.1", 0)
    inside = await asyncio.start_server(describe, "127.0.0.1", 0)
    here, elsewhere = (f"http://127.0.0.1:{each.sockets[0].getsockname()[1]}" for each in (server, inside))
    monkeypatch.setattr(settings(), "oidc_providers", [configured("odd", here)])
    async with server, inside:
        answer = await anonymous.get(f"{OIDC}/odd/authorize")
    assert answer.status_code == (503 if wrong else 200)
    assert asked == ["/.well-known/openid-configuration"]


async def test_where_none_is_configured_the_routes_say_so(
    anonymous: AsyncClient, person_in: PersonIn, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "oidc_providers", [])
    ben = await person_in(organization, Role.VIEWER)
    assert (await anonymous.get(OIDC)).json() == {"items": [], "next_cursor": None}
    answers = [
        await anonymous.get(f"{OIDC}/honest/authorize"),
        await anonymous.get(f"{OIDC}/honest/callback", params={"code": "x", "state": "y", "iss": "z"}),
        await anonymous.post(f"{OIDC}/honest/callback", json={"state": "y", "secret": "z", "code": "x"}),
        await ben.client.post(f"{OIDC}/honest/link", json={"password": PASSWORD}),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "provider_not_found")}


async def test_the_providers_are_listed_without_their_secrets(anonymous: AsyncClient, issuer: str) -> None:
    listed = await anonymous.get(OIDC)
    assert {"name": "honest", "title": "honest"} in listed.json()["items"]
    assert browsing.SECRET not in listed.text


async def test_one_who_is_erased_is_forgotten_with_their_identities(
    pipeline: Database, ana: tuple[Person, str]
) -> None:
    async with pipeline.transaction() as db:
        before = await rows(db, "select user_id from identity.user_identities where subject = %(s)s", {"s": ana[1]})
    assert [str(row["user_id"]) for row in before] == [ana[0].user_id]
    organization_id = ana[0].tokens["organization_id"]
    async with pipeline.transaction() as db:
        await erasure.erase_rows(db, UUID(organization_id), erased_by="operator")
        after = await rows(db, "select user_id from identity.user_identities where subject = %(s)s", {"s": ana[1]})
    assert after == []


async def test_a_link_that_was_begun_ends_with_the_password_it_was_begun_by(
    browser: Browser, ana: tuple[Person, str], owner: AsyncClient
) -> None:
    begun = (await ana[0].client.post(f"{OIDC}/honest/link", json={"password": PASSWORD})).json()
    back = returned(await browser.sign_in_at(begun["authorization_url"], f"thief-{new_id()}@example.org"))
    new = {"current_password": PASSWORD, "new_password": "four quite other words"}
    assert (await ana[0].client.post("/api/core/auth/password", json=new)).status_code == 204
    assert (await browser.finish({**back, "secret": begun["secret"]})).json()["code"] == "sign_in_not_valid"
    assert len((await ana[0].client.get(IDENTITIES)).json()["items"]) == 1, "the control: another was linked"
    told = (await owner.get("/api/core/audit", params={"actor": f"user:{ana[0].user_id}"})).json()["items"]
    assert [each["operation"] for each in told] == ["change_password", "link_oidc", "login"]
