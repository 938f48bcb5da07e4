"""Changing a password over HTTP: who knows the present one, and nobody else; everywhere else the session ends."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.api.asking import PASSWORD, Person, PersonIn, connect

CHANGE = "/api/core/auth/password"
NEW = "four quite other words"


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.VIEWER)


async def sign_in(client: AsyncClient, person: Person, password: str) -> int:
    answer = await client.post("/api/core/auth/login", json={"email": person.email, "password": password})
    return answer.status_code


async def test_the_new_password_opens_and_the_old_and_other_sessions_do_not(
    app: FastAPI, ana: Person, anonymous: AsyncClient
) -> None:
    login = {"email": ana.email, "password": PASSWORD}
    other = (await anonymous.post("/api/core/auth/login", json=login)).json()
    elsewhere = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await anonymous.get("/api/core/auth/me", headers=elsewhere)).status_code == 200

    changed = await ana.client.post(CHANGE, json={"current_password": PASSWORD, "new_password": NEW})

    assert changed.status_code == 204, changed.text
    assert (await ana.client.get("/api/core/auth/me")).status_code == 200, "this session goes on"
    assert (await anonymous.get("/api/core/auth/me", headers=elsewhere)).status_code == 401
    refresh = {"refresh_token": other["refresh_token"]}
    assert (await anonymous.post("/api/core/auth/refresh", json=refresh)).status_code == 401
    assert [await sign_in(anonymous, ana, password) for password in (PASSWORD, NEW)] == [401, 200]


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("not the password", NEW, "current_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "password1234", "new_password"),
        (PASSWORD, "Bright Bikes 26", "new_password"),
    ],
)
async def test_refuses_a_wrong_present_one_and_a_weak_new_one(
    ana: Person, anonymous: AsyncClient, current: str, new: str, field: str
) -> None:
    answer = await ana.client.post(CHANGE, json={"current_password": current, "new_password": new})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert new not in answer.text
    assert await sign_in(anonymous, ana, PASSWORD) == 200


async def test_guesses_at_the_present_one_are_slowed_like_those_at_the_login(app: FastAPI, ana: Person) -> None:
    """A stolen session is no way around."""
    guess = {"current_password": "not the password", "new_password": NEW}
    async with connect(app, "203.0.113.77", Authorization=ana.client.headers["Authorization"]) as thief:
        answers = [(await thief.post(CHANGE, json=guess)).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    own = {"current_password": PASSWORD, "new_password": NEW}
    assert (await ana.client.post(CHANGE, json=own)).status_code == 204, "from elsewhere it goes on"


async def test_an_api_key_has_no_password(owner: AsyncClient) -> None:
    answer = await owner.post(CHANGE, json={"current_password": PASSWORD, "new_password": NEW})
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")


async def test_nothing_of_a_password_is_kept_with_an_idempotency_key(
    ana: Person, database: Database, organization: Organization
) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await ana.client.post(CHANGE, json=body, headers={"Idempotency-Key": "one"})).status_code == 204
    async with database.transaction(organization.organization_id) as db:
        assert await rows(db, "select key from identity.idempotency_keys") == []


@pytest.mark.parametrize(("password", "status"), [("Harbour Boats 26", 422), (NEW, 201)])
async def test_registration_refuses_the_organizations_own_name(
    anonymous: AsyncClient, ana: Person, monkeypatch: pytest.MonkeyPatch, password: str, status: int
) -> None:
    monkeypatch.setattr(settings(), "enable_multi_tenant", True)
    new = {"email": f"new-{ana.user_id}@example.com", "password": password, "name": "Ben Harbour",
           "organization_name": "Boats", "base_currency": "EUR"}  # fmt: skip
    assert (await anonymous.post("/api/core/auth/register", json=new)).status_code == status
