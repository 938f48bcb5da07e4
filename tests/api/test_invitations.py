"""Invitations over HTTP: given, taken back, and accepted once."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit import security
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from tests.api.asking import PASSWORD, ClientOf, Person, PersonIn, connect

INVITATIONS = "/api/core/members/invitations"
ACCEPT = "/api/core/auth/accept-invitation"
BEN: dict[str, Any] = {"name": "Ben", "password": PASSWORD}


@pytest.fixture
def email() -> str:
    """The address of somebody who has no account yet."""
    return f"{new_id()}@example.com"


async def invite(client: AsyncClient, email: str, role: str = "accountant") -> dict[str, str]:
    answer = await client.post(INVITATIONS, json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


async def accept(client: AsyncClient, token: str, **who: str) -> Response:
    return await client.post(ACCEPT, json={"token": token, **who})


async def roles(client: AsyncClient) -> dict[str, str]:
    """What everybody in the organization is, by e-mail address."""
    return {each["email"]: each["role"] for each in (await client.get("/api/core/members")).json()["items"]}


async def test_who_is_new_comes_in_with_a_name_and_a_password(
    owner: AsyncClient, anonymous: AsyncClient, email: str, organization: Organization
) -> None:
    made = await invite(owner, email.upper())
    answer = await accept(anonymous, made["token"], **BEN)
    tokens = answer.json()
    login = await anonymous.post("/api/core/auth/login", json={"email": email, "password": PASSWORD})
    assert (answer.status_code, tokens.keys()) == (200, login.json().keys())
    me = (await anonymous.get("/api/core/auth/me", headers=bearer(tokens))).json()
    assert (me["user"]["email"], me["user"]["name"], me["role"]) == (email, "Ben", "accountant")
    assert me["organization"]["organization_id"] == str(organization.organization_id)
    assert (await owner.get(INVITATIONS)).json()["items"] == []


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_who_has_an_account_comes_in_with_its_password(
    owner: AsyncClient, anonymous: AsyncClient, person_in: PersonIn, stranger: Organization
) -> None:
    ana = await person_in(stranger, Role.OWNER)
    made = await invite(owner, ana.email, "viewer")
    answer = await accept(anonymous, made["token"], password=PASSWORD)
    assert (answer.json()["user_id"], answer.json()["role"]) == (ana.user_id, "viewer")
    assert (await ana.client.get("/api/core/auth/me")).json()["role"] == "owner", "where they were, they stay"


async def test_nobody_takes_over_an_account_by_an_invitation(
    app: FastAPI, owner: AsyncClient, person_in: PersonIn, stranger: Organization
) -> None:
    ana = await person_in(stranger, Role.OWNER)
    made = await invite(owner, ana.email)
    async with connect(app, address="203.0.113.9") as thief:
        answers = [await accept(thief, made["token"], name="Eve", password=f"a guess: {i}") for i in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert ana.email not in await roles(owner)
    async with connect(app, address="203.0.113.10") as elsewhere:
        assert (await accept(elsewhere, made["token"])).json()["errors"][0]["field"] == "password"
        assert (await accept(elsewhere, made["token"], password=PASSWORD)).status_code == 200, "and Ana comes in"


@pytest.mark.parametrize(
    ("who", "missing"),
    [({}, {"name", "password"}), ({"name": "Ben"}, {"password"}), ({"password": PASSWORD}, {"name"}),
     ({"name": "Ben", "password": "short"}, {"password"})],
)  # fmt: skip
async def test_says_what_is_needed_and_keeps_the_invitation(
    owner: AsyncClient, anonymous: AsyncClient, email: str, who: dict[str, str], missing: set[str]
) -> None:
    made = await invite(owner, email)
    answer = await accept(anonymous, made["token"], **who)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == missing
    assert (await accept(anonymous, made["token"], **BEN)).status_code == 200


async def test_wrong_used_revoked_replaced_and_expired_tokens_read_the_same(
    owner: AsyncClient, anonymous: AsyncClient, pipeline: Database
) -> None:
    used, revoked, replaced, expired = [await invite(owner, f"{new_id()}@example.com") for _ in range(4)]
    assert (await accept(anonymous, used["token"], **BEN)).status_code == 200, "the control: until then it works"
    await owner.delete(f"{INVITATIONS}/{revoked['invitation_id']}")
    await invite(owner, replaced["email"])
    await age(pipeline, expired, "7 days")
    wrong = [security.new_secret(), "", "x" * 9000, "é", used["token"] + " "]
    tokens = [*wrong, *(each["token"] for each in (used, revoked, replaced, expired))]
    answers = [await accept(anonymous, token, **BEN) for token in tokens]
    answers += [await accept(anonymous, token) for token in tokens]
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "invitation_not_valid"


async def age(pipeline: Database, invitation: dict[str, str], by: str) -> None:
    """As if it had been given so long ago."""
    async with pipeline.transaction() as db:
        await db.execute(
            "update identity.invitations set expires_at = expires_at - %s::interval where invitation_id = %s",
            [by, invitation["invitation_id"]],
        )


async def test_every_refusal_takes_as_long_as_a_look_at_a_password(
    owner: AsyncClient, anonymous: AsyncClient, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    is_password = security.is_password

    async def look(password: str, password_hash: str | None) -> bool:
        looked.append(password_hash is not None)
        return await is_password(password, password_hash)

    monkeypatch.setattr(security, "is_password", look)
    used = await invite(owner, email)
    assert (await accept(anonymous, used["token"], **BEN)).status_code == 200
    assert looked == []
    for token in (used["token"], security.new_secret()):
        await accept(anonymous, token, **BEN)
    assert looked == [False, False]


async def test_until_its_last_hour_an_invitation_is_good(
    owner: AsyncClient, anonymous: AsyncClient, email: str, pipeline: Database
) -> None:
    made = await invite(owner, email)
    await age(pipeline, made, "6 days 23 hours")
    assert (await accept(anonymous, made["token"], **BEN)).status_code == 200


async def test_accepted_twice_at_once_it_works_once(owner: AsyncClient, anonymous: AsyncClient, email: str) -> None:
    made = await invite(owner, email)
    answers = await asyncio.gather(*(accept(anonymous, made["token"], **BEN) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_the_token_is_shown_once_and_stored_nowhere(
    owner: AsyncClient, email: str, pipeline: Database, organization: Organization
) -> None:
    made = await invite(owner, email)
    listed = (await owner.get(INVITATIONS)).json()["items"]
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    async with pipeline.transaction() as db:
        kept = await rows(db, "select * from identity.invitation_index natural join identity.invitations")
    assert str(organization.organization_id) in str(kept)
    assert made["token"] not in str(kept)
    assert any(row["digest"] == security.digest(made["token"]) for row in kept)


async def test_inviting_again_replaces_the_invitation(owner: AsyncClient, anonymous: AsyncClient, email: str) -> None:
    first, second = await invite(owner, email, "viewer"), await invite(owner, email.upper(), "admin")
    listed = (await owner.get(INVITATIONS)).json()["items"]
    assert [(each["invitation_id"], each["role"]) for each in listed] == [(second["invitation_id"], "admin")]
    assert (await accept(anonymous, first["token"], **BEN)).status_code == 401
    assert (await accept(anonymous, second["token"], **BEN)).json()["role"] == "admin"


async def test_invited_at_once_there_is_one_invitation(owner: AsyncClient, email: str) -> None:
    await asyncio.gather(*(invite(owner, email) for _ in range(5)))
    assert len((await owner.get(INVITATIONS)).json()["items"]) == 1


async def test_two_organizations_invite_the_same_person(
    owner: AsyncClient, their_owner: AsyncClient, anonymous: AsyncClient, email: str
) -> None:
    ours, theirs = await invite(owner, email), await invite(their_owner, email, "viewer")
    assert (await accept(anonymous, ours["token"], **BEN)).json()["role"] == "accountant"
    assert (await accept(anonymous, theirs["token"], password=PASSWORD)).json()["role"] == "viewer"
    assert ((await roles(owner))[email], (await roles(their_owner))[email]) == ("accountant", "viewer")


async def test_who_is_a_member_is_not_invited(
    owner: AsyncClient, person_in: PersonIn, organization: Organization, stranger: Organization
) -> None:
    ana, bob = await person_in(organization, Role.VIEWER), await person_in(stranger, Role.VIEWER)
    answer = await owner.post(INVITATIONS, json={"email": ana.email, "role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    await invite(owner, bob.email)  # an account elsewhere is nobody's business here


@pytest.mark.parametrize(("role", "status"), [("owner", 403), ("admin", 201), ("viewer", 201)])
async def test_nobody_invites_above_themselves(
    client_of: ClientOf, organization: Organization, email: str, role: str, status: int
) -> None:
    admin = await client_of(organization, Role.ADMIN)
    answer = await admin.post(INVITATIONS, json={"email": email, "role": role})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "role_too_high"
        assert (await admin.get(INVITATIONS)).json()["items"] == []


@pytest.fixture
async def admin(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.ADMIN)


async def test_what_a_removed_member_gave_is_taken_back(
    owner: AsyncClient, admin: Person, anonymous: AsyncClient, email: str
) -> None:
    theirs, ours = await invite(admin.client, email), await invite(owner, f"{new_id()}@example.com")
    assert (theirs["invited_by"], ours["invited_by"]) == (admin.user_id, None)
    await owner.delete(f"/api/core/members/{admin.user_id}")
    assert (await accept(anonymous, theirs["token"], **BEN)).status_code == 401
    assert (await accept(anonymous, ours["token"], **BEN)).status_code == 200


async def test_a_lowered_member_has_given_no_more_than_they_may(owner: AsyncClient, admin: Person, email: str) -> None:
    await invite(admin.client, email, "admin")
    kept = await invite(admin.client, f"{new_id()}@example.com", "viewer")
    await owner.patch(f"/api/core/members/{admin.user_id}", json={"role": "accountant"})
    listed = (await owner.get(INVITATIONS)).json()["items"]
    assert [each["invitation_id"] for each in listed] == [kept["invitation_id"]]


@pytest.mark.parametrize(
    "new", [{}, {"email": "no address", "role": "viewer"}, {"email": "a@example.com", "role": "king"}]
)
async def test_refuses_what_is_no_invitation(owner: AsyncClient, new: dict[str, str]) -> None:
    assert (await owner.post(INVITATIONS, json=new)).status_code == 422


async def test_what_a_removed_members_key_gave_is_taken_back(
    app: FastAPI, owner: AsyncClient, admin: Person, anonymous: AsyncClient, email: str
) -> None:
    key = (await admin.client.post("/api/core/api-keys", json={"name": "till", "role": "admin"})).json()["key"]
    async with connect(app, **{"X-API-Key": key}) as client:
        theirs = await invite(client, email, "admin")
    assert theirs["invited_by"] == admin.user_id
    await owner.delete(f"/api/core/members/{admin.user_id}")
    assert (await accept(anonymous, theirs["token"], **BEN)).status_code == 401
