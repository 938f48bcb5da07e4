"""Signing up, in and out over HTTP."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity import users
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from tests.api.asking import ClientOf, connect

PASSWORD = "correct horse battery"


@pytest.fixture
async def email(database: Database, organization: Organization) -> str:
    """The address of an accountant who can sign in."""
    async with database.transaction() as db:
        user = await users.create(db, email=f"{new_id()}@example.com", name="Ana", password=PASSWORD)
        await users.join(db, organization.organization_id, user.user_id, Role.ACCOUNTANT)
    return user.email


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Somebody at an address of their own, so that no other test's wrong passwords count for them."""
    async with connect(app) as client:
        yield client


async def sign_in(client: AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    answer = await client.post("/api/core/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_login_says_who_you_are(visitor: AsyncClient, email: str, organization: Organization) -> None:
    tokens = await sign_in(visitor, email)
    me = (await visitor.get("/api/core/auth/me", headers=bearer(tokens))).json()
    assert (me["user"]["email"], me["role"]) == (email, "accountant")
    assert me["organization"]["name"] == organization.name


async def test_a_wrong_password_and_an_unknown_address_read_the_same(visitor: AsyncClient, email: str) -> None:
    answers = [
        await visitor.post("/api/core/auth/login", json={"email": who, "password": "not the password"})
        for who in (email, "nobody@example.com", "no address")
    ]
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert bodies[0] == bodies[1] == bodies[2]


async def test_refreshing_twice_with_one_token_ends_the_session(visitor: AsyncClient, email: str) -> None:
    first = await sign_in(visitor, email)
    used = {"refresh_token": first["refresh_token"]}
    second = (await visitor.post("/api/core/auth/refresh", json=used)).json()
    assert (await visitor.get("/api/core/auth/me", headers=bearer(second))).status_code == 200
    again = await visitor.post("/api/core/auth/refresh", json=used)
    assert (again.status_code, again.json()["code"]) == (401, "refresh_token_reused")
    assert (await visitor.get("/api/core/auth/me", headers=bearer(second))).status_code == 401
    assert (await visitor.post("/api/core/auth/refresh", json={"refresh_token": second["refresh_token"]})).is_error


async def test_after_logout_the_access_token_is_dead(visitor: AsyncClient, email: str) -> None:
    tokens = await sign_in(visitor, email)
    assert (await visitor.post("/api/core/auth/logout", headers=bearer(tokens))).status_code == 204
    assert (await visitor.get("/api/core/auth/me", headers=bearer(tokens))).status_code == 401


async def test_wrong_passwords_slow_down_their_sender_and_nobody_else(app: FastAPI, email: str) -> None:
    wrong = {"email": email, "password": "not the password"}
    async with connect(app, address="203.0.113.5") as guesser, connect(app, address="203.0.113.6") as ana:
        answers = [await guesser.post("/api/core/auth/login", json=wrong) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert await sign_in(ana, email)


async def test_registration_is_closed_where_there_is_a_user(visitor: AsyncClient, email: str) -> None:
    answer = await visitor.post("/api/core/auth/register", json=registration())
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")


async def test_with_many_tenants_everyone_registers_an_organization(
    visitor: AsyncClient, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "enable_multi_tenant", True)
    new = registration()
    made = await visitor.post("/api/core/auth/register", json=new)
    assert made.status_code == 201, made.text
    assert made.json()["role"] == "owner"
    listed = await visitor.get("/api/core/categories", headers=bearer(made.json()))
    assert len(listed.json()["items"]) > 100
    again = await visitor.post("/api/core/auth/register", json=new)
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


def registration() -> dict[str, str]:
    return {
        "email": f"{new_id()}@example.com",
        "password": PASSWORD,
        "name": "Ben",
        "organization_name": "Bens Boats",
        "base_currency": "EUR",
    }


async def test_an_api_key_is_shown_once_and_works(owner: AsyncClient, app: FastAPI) -> None:
    made = await owner.post("/api/core/api-keys", json={"name": "till", "role": "viewer"})
    assert made.status_code == 201
    listed = (await owner.get("/api/core/api-keys")).json()["items"]
    assert made.json()["key"] not in str(listed)
    async with connect(app, **{"X-API-Key": made.json()["key"]}) as till:
        assert (await till.get("/api/core/auth/me")).json()["role"] == "viewer"
        await owner.delete(f"/api/core/api-keys/{made.json()['api_key_id']}")
        assert (await till.get("/api/core/auth/me")).status_code == 401


async def test_nobody_makes_a_key_that_may_more_than_they(client_of: ClientOf, organization: Organization) -> None:
    admin = await client_of(organization, Role.ADMIN)
    answer = await admin.post("/api/core/api-keys", json={"name": "till", "role": "owner"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")


async def test_a_key_that_ends_in_the_past_is_refused(owner: AsyncClient) -> None:
    new = {"name": "till", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}
    answer = await owner.post("/api/core/api-keys", json=new)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "expires_at", "message": "lies in the future"}]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "ai2_" + "x" * 43},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer not.a.token"},
        {"Authorization": "Basic YW5hOmFuYQ=="},
        {"Authorization": "Bearer " + "x" * 8000},
    ],
)
async def test_without_a_good_credential_nothing_opens(visitor: AsyncClient, headers: dict[str, str]) -> None:
    answer = await visitor.get("/api/core/transactions", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
