"""Members over HTTP: who may change whom, and that an owner stays."""

import asyncio

import pytest
from httpx import AsyncClient

from ai2.identity import users
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.api.asking import PASSWORD, Person, PersonIn

MEMBERS = "/api/core/members"


@pytest.fixture
async def boss(person_in: PersonIn, organization: Organization) -> Person:
    """The only owner."""
    return await person_in(organization, Role.OWNER)


@pytest.fixture
async def admin(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.ADMIN)


@pytest.fixture
async def viewer(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.VIEWER)


async def role_of(client: AsyncClient, user_id: str) -> str | None:
    found = {each["user_id"]: each["role"] for each in (await client.get(MEMBERS)).json()["items"]}
    return found.get(user_id)


async def test_everybody_sees_who_belongs_here(boss: Person, viewer: Person) -> None:
    listed = (await viewer.client.get(MEMBERS)).json()["items"]
    assert [(each["user_id"], each["email"], each["role"]) for each in listed] == [
        (boss.user_id, boss.email, "owner"),
        (viewer.user_id, viewer.email, "viewer"),
    ]
    assert "password" not in str(listed)


async def test_a_role_holds_from_the_next_request_on(boss: Person, viewer: Person) -> None:
    new = {"name": "Lunch", "kind": "expense"}
    assert (await viewer.client.post("/api/core/categories", json=new)).status_code == 403
    given = await boss.client.patch(f"{MEMBERS}/{viewer.user_id}", json={"role": "accountant"})
    assert (given.status_code, given.json()["role"], given.headers["ETag"]) == (200, "accountant", '"2"')
    assert (await viewer.client.post("/api/core/categories", json=new)).status_code == 201


@pytest.mark.parametrize(("role", "status"), [("owner", 403), ("admin", 200), ("viewer", 200)])
async def test_nobody_gives_more_than_their_own_role(admin: Person, viewer: Person, role: str, status: int) -> None:
    answer = await admin.client.patch(f"{MEMBERS}/{viewer.user_id}", json={"role": role})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "role_too_high"
        assert await role_of(admin.client, viewer.user_id) == "viewer"


async def test_nobody_raises_themselves(admin: Person) -> None:
    answer = await admin.client.patch(f"{MEMBERS}/{admin.user_id}", json={"role": "owner"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")


async def test_nobody_reaches_above_themselves(
    boss: Person, admin: Person, person_in: PersonIn, organization: Organization
) -> None:
    await person_in(organization, Role.OWNER)  # not the last: it is the role that protects
    lowered = await admin.client.patch(f"{MEMBERS}/{boss.user_id}", json={"role": "viewer"})
    removed = await admin.client.delete(f"{MEMBERS}/{boss.user_id}")
    assert {(a.status_code, a.json()["code"]) for a in (lowered, removed)} == {(403, "member_above_you")}
    assert await role_of(admin.client, boss.user_id) == "owner"
    assert (await boss.client.delete(f"{MEMBERS}/{admin.user_id}")).status_code == 204, "the control: from above"


async def test_the_last_owner_stays_owner(boss: Person, person_in: PersonIn, organization: Organization) -> None:
    async def both() -> list[int]:
        lowered = await boss.client.patch(f"{MEMBERS}/{boss.user_id}", json={"role": "admin"})
        removed = await boss.client.delete(f"{MEMBERS}/{boss.user_id}")
        return [lowered.status_code, removed.status_code]

    assert await both() == [409, 409]
    same = await boss.client.patch(f"{MEMBERS}/{boss.user_id}", json={"role": "owner"})
    assert same.status_code == 200, "what changes nothing is allowed"
    await person_in(organization, Role.OWNER)
    assert await both() == [200, 204]


async def test_two_owners_who_lower_each_other_at_once_leave_one(
    boss: Person, person_in: PersonIn, organization: Organization
) -> None:
    other = await person_in(organization, Role.OWNER)
    answers = await asyncio.gather(
        boss.client.patch(f"{MEMBERS}/{other.user_id}", json={"role": "admin"}),
        other.client.patch(f"{MEMBERS}/{boss.user_id}", json={"role": "admin"}),
    )
    assert 200 in {answer.status_code for answer in answers}
    roles = [each["role"] for each in (await boss.client.get(MEMBERS)).json()["items"]]
    assert sorted(roles) == ["admin", "owner"]


async def test_who_is_removed_is_out_at_once_and_only_here(
    boss: Person, viewer: Person, database: Database, stranger: Organization, anonymous: AsyncClient
) -> None:
    async with database.transaction() as db:
        user = await users.find(db, viewer.email)
        await users.join(db, stranger.organization_id, user.user_id, Role.VIEWER)
    login = {"email": viewer.email, "password": PASSWORD, "organization_id": str(stranger.organization_id)}
    there = (await anonymous.post("/api/core/auth/login", json=login)).json()
    assert (await viewer.client.get(MEMBERS)).status_code == 200

    assert (await boss.client.delete(f"{MEMBERS}/{viewer.user_id}")).status_code == 204

    assert (await viewer.client.get(MEMBERS)).status_code == 401
    refresh = {"refresh_token": viewer.tokens["refresh_token"]}
    assert (await anonymous.post("/api/core/auth/refresh", json=refresh)).status_code == 401
    assert await role_of(boss.client, viewer.user_id) is None
    headers = {"Authorization": f"Bearer {there['access_token']}"}
    assert (await anonymous.get(MEMBERS, headers=headers)).status_code == 200


async def test_who_comes_back_does_not_bring_back_their_old_sessions(
    boss: Person, viewer: Person, database: Database, organization: Organization
) -> None:
    await boss.client.delete(f"{MEMBERS}/{viewer.user_id}")
    async with database.transaction() as db:
        user = await users.find(db, viewer.email)
        await users.join(db, organization.organization_id, user.user_id, Role.VIEWER)
    assert (await viewer.client.get(MEMBERS)).status_code == 401


async def test_a_role_that_changed_since_it_was_seen_is_left_alone(boss: Person, viewer: Person) -> None:
    row, seen = f"{MEMBERS}/{viewer.user_id}", {"If-Match": '"1"'}
    assert (await boss.client.patch(row, json={"role": "admin"}, headers=seen)).status_code == 200
    again = await boss.client.patch(row, json={"role": "accountant"}, headers=seen)
    assert (again.status_code, again.json()["code"]) == (412, "stale")
    assert (await boss.client.delete(row, headers=seen)).status_code == 412
    assert await role_of(boss.client, viewer.user_id) == "admin"
    assert (await boss.client.delete(row, headers={"If-Match": '"2"'})).status_code == 204


async def test_who_is_no_member_is_not_there(boss: Person) -> None:
    for answer in (
        await boss.client.patch(f"{MEMBERS}/{new_id()}", json={"role": "viewer"}),
        await boss.client.delete(f"{MEMBERS}/{new_id()}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")


@pytest.mark.parametrize("change", [{}, {"role": None}, {"role": "king"}, {"role": "viewer", "name": "x"}])
async def test_refuses_what_is_no_role(boss: Person, viewer: Person, change: dict[str, str | None]) -> None:
    assert (await boss.client.patch(f"{MEMBERS}/{viewer.user_id}", json=change)).status_code == 422
