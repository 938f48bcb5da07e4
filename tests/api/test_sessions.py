"""Sessions over HTTP: one sees and ends one's own, and nobody else's."""

import pytest
from httpx import AsyncClient

from ai2.identity import users
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.api.asking import PASSWORD, Person, PersonIn, session_of

SESSIONS = "/api/core/sessions"


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.VIEWER)


async def sign_in_again(person: Person, **more: str) -> dict[str, str]:
    """The tokens of another session of the same person, as on a second device."""
    wanted = {"email": person.email, "password": PASSWORD, **more}
    tokens: dict[str, str] = (await person.client.post("/api/core/auth/login", json=wanted)).json()
    return tokens


async def works(client: AsyncClient, tokens: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return (await client.get("/api/core/auth/me", headers=headers)).is_success


async def test_lists_every_session_and_says_which_is_this_one(ana: Person) -> None:
    other = await sign_in_again(ana)
    listed = (await ana.client.get(SESSIONS)).json()["items"]
    assert [(each["session_id"], each["is_current"]) for each in listed] == [
        (ana.session_id, True),
        (session_of(other), False),
    ]
    assert all(each["created_at"] <= each["refreshed_at"] < each["expires_at"] for each in listed)


async def test_no_secret_is_listed(ana: Person) -> None:
    listed = (await ana.client.get(SESSIONS)).text
    assert ana.session_id in listed
    assert "digest" not in listed


async def test_an_ended_session_opens_nothing_at_once_and_the_others_stay(ana: Person, anonymous: AsyncClient) -> None:
    other = await sign_in_again(ana)
    assert await works(anonymous, other)
    assert (await ana.client.delete(f"{SESSIONS}/{session_of(other)}")).status_code == 204
    assert not await works(anonymous, other)
    refreshed = await anonymous.post("/api/core/auth/refresh", json={"refresh_token": other["refresh_token"]})
    assert (refreshed.status_code, refreshed.json()["code"]) == (401, "session_ended")
    assert await works(anonymous, ana.tokens)
    assert len((await ana.client.get(SESSIONS)).json()["items"]) == 1


async def test_ending_it_twice_finds_it_gone(ana: Person) -> None:
    other = await sign_in_again(ana)
    first, second = [await ana.client.delete(f"{SESSIONS}/{session_of(other)}") for _ in range(2)]
    assert first.status_code == 204
    assert (second.status_code, second.json()["code"]) == (404, "session_not_found")


async def test_ones_own_session_ends_like_any_other(ana: Person) -> None:
    assert (await ana.client.delete(f"{SESSIONS}/{ana.session_id}")).status_code == 204
    assert (await ana.client.get(SESSIONS)).status_code == 401


async def test_another_users_session_is_not_there_even_for_an_owner(
    ana: Person, person_in: PersonIn, organization: Organization, stranger: Organization, anonymous: AsyncClient
) -> None:
    for whose in (organization, stranger):
        other = await person_in(whose, Role.OWNER)
        assert ana.session_id not in (await other.client.get(SESSIONS)).text
        assert (await other.client.delete(f"{SESSIONS}/{ana.session_id}")).status_code == 404
    assert await works(anonymous, ana.tokens)
    assert (await ana.client.delete(f"{SESSIONS}/{ana.session_id}")).status_code == 204, "the control"


async def test_ones_session_in_another_organization_is_ended_from_there(
    ana: Person, database: Database, stranger: Organization
) -> None:
    async with database.transaction() as db:
        user = await users.find(db, ana.email)
        await users.join(db, stranger.organization_id, user.user_id, Role.VIEWER)
    there = await sign_in_again(ana, organization_id=str(stranger.organization_id))
    assert session_of(there) not in (await ana.client.get(SESSIONS)).text
    assert (await ana.client.delete(f"{SESSIONS}/{session_of(there)}")).status_code == 404
    headers = {"Authorization": f"Bearer {there['access_token']}"}
    assert (await ana.client.delete(f"{SESSIONS}/{session_of(there)}", headers=headers)).status_code == 204


async def test_an_api_key_has_no_sessions(ana: Person, owner: AsyncClient) -> None:
    assert (await owner.get(SESSIONS)).json()["items"] == []
    for session_id in (ana.session_id, str(new_id())):
        assert (await owner.delete(f"{SESSIONS}/{session_id}")).status_code == 404
    assert len((await ana.client.get(SESSIONS)).json()["items"]) == 1
