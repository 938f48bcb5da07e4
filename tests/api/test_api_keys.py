"""API keys over HTTP: scopes below the role, an end, and never more than who made them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from tests.api.asking import Person, PersonIn, connect

KEYS = "/api/core/api-keys"
ME = "/api/core/auth/me"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
TEA = {"csv_data": "Date,Text,Amount\n2026-03-01,Tea,-1\n", "account_name": "Imported"}


@pytest.fixture
async def boss(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.OWNER)


@pytest.fixture
async def admin(person_in: PersonIn, organization: Organization) -> Person:
    return await person_in(organization, Role.ADMIN)


async def made_by(maker: AsyncClient, **new: Any) -> dict[str, Any]:
    answer = await maker.post(KEYS, json={"name": "till", "role": "admin", **new})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def listed(maker: AsyncClient) -> dict[str, dict[str, Any]]:
    return {each["api_key_id"]: each for each in (await maker.get(KEYS)).json()["items"]}


def client_of(app: FastAPI, key: dict[str, Any]) -> AsyncClient:
    return connect(app, **{"X-API-Key": key["key"]})


async def test_a_key_may_what_its_scopes_say_and_is_told_which_one_it_lacks(app: FastAPI, boss: Person) -> None:
    async with client_of(app, await made_by(boss.client, scopes=["read", "imports"])) as key:
        assert (await key.get("/api/core/transactions")).status_code == 200
        assert (await key.post("/api/core/csv-import", json=TEA)).status_code == 201
        refused = await key.post("/api/core/transactions", json=LUNCH)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert refused.json()["detail"] == "This needs an API key with the scope write; yours has imports, read."
    async with client_of(app, await made_by(boss.client)) as key:
        assert (await key.post("/api/core/transactions", json=LUNCH)).status_code == 201, "the control: no scopes"


async def test_a_scope_gives_nothing_that_the_role_does_not(app: FastAPI, boss: Person) -> None:
    async with client_of(app, await made_by(boss.client, role="viewer", scopes=["write"])) as key:
        refused = await key.post("/api/core/transactions", json=LUNCH)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_too_low")


async def test_a_key_that_only_reads_starts_no_categorising(app: FastAPI, boss: Person) -> None:
    wanted = {"period": "2026-10"}
    async with client_of(app, await made_by(boss.client, scopes=["read"])) as key:
        refused = await key.post("/api/ai/batch-analyze", json=wanted)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    async with client_of(app, await made_by(boss.client, scopes=["read", "write"])) as key:
        assert (await key.post("/api/ai/batch-analyze", json=wanted)).status_code == 202


@pytest.mark.parametrize("scopes", [[], ["king"], "read", [None], {"read": True}])
async def test_refuses_what_is_no_set_of_scopes(boss: Person, scopes: Any) -> None:
    answer = await boss.client.post(KEYS, json={"name": "till", "role": "viewer", "scopes": scopes})
    assert answer.status_code == 422


async def test_the_list_says_what_each_key_may_when_it_ends_and_was_last_used(app: FastAPI, boss: Person) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    key = await made_by(boss.client, scopes=["write", "read"], expires_at=ends.isoformat())
    row = (await listed(boss.client))[key["api_key_id"]]
    assert (row["scopes"], row["last_used_at"], row["created_by"]) == (["read", "write"], None, boss.user_id)
    assert datetime.fromisoformat(row["expires_at"]) == ends
    async with client_of(app, key) as client:
        assert (await client.get(ME)).status_code == 200
    used_at = datetime.fromisoformat((await listed(boss.client))[key["api_key_id"]]["last_used_at"])
    assert abs(datetime.now(UTC) - used_at) < timedelta(minutes=1)


async def test_a_key_is_dead_once_its_time_is_over(
    app: FastAPI, boss: Person, database: Database, organization: Organization
) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    key = await made_by(boss.client, expires_at=ends)
    async with client_of(app, key) as client:
        assert (await client.get(ME)).status_code == 200
        async with database.transaction(organization.organization_id) as db:
            await db.execute(
                "update identity.api_keys set expires_at = now() - interval '1 second' where api_key_id = %s",
                [key["api_key_id"]],
            )
        answer = await client.get(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ({"role": "owner"}, "role_too_high"),
        ({"scopes": ["admin", "write"]}, "key_beyond_yours"),
        ({"expires_at": "2100-01-01T00:00:00Z"}, "key_beyond_yours"),
    ],
)
async def test_a_key_makes_none_beyond_itself(app: FastAPI, boss: Person, new: dict[str, Any], code: str) -> None:
    ends = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    async with client_of(app, await made_by(boss.client, scopes=["admin", "read"], expires_at=ends)) as key:
        answer = await key.post(KEYS, json={"name": "more", "role": "viewer", **new})
        assert (answer.status_code, answer.json()["code"]) == (403, code)
        assert (await key.post(KEYS, json={"name": "less", "role": "viewer", "scopes": ["read"]})).is_success


async def test_a_keys_own_keys_inherit_its_bounds_and_end_with_it(app: FastAPI, boss: Person) -> None:
    ends = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0).isoformat()
    mother = await made_by(boss.client, scopes=["admin", "read"], expires_at=ends)
    async with client_of(app, mother) as client:
        child = await made_by(client)
    assert child["scopes"] == ["read", "admin"]
    assert child["expires_at"] == mother["expires_at"]
    assert (child["created_by"], child["made_by"]) == (boss.user_id, mother["api_key_id"])
    async with client_of(app, child) as client:
        assert (await client.get(ME)).status_code == 200
        assert (await boss.client.delete(f"{KEYS}/{mother['api_key_id']}")).status_code == 204
        assert (await client.get(ME)).status_code == 401
    assert await listed(boss.client) == {}


async def test_a_key_may_no_more_than_who_made_it_may_now(app: FastAPI, boss: Person, admin: Person) -> None:
    theirs = await made_by(admin.client)
    own = await made_by(boss.client)
    row = f"/api/core/members/{admin.user_id}"
    async with client_of(app, theirs) as key, client_of(app, own) as control:
        assert (await key.get(KEYS)).status_code == 200
        await boss.client.patch(row, json={"role": "accountant"})
        refused = await key.get(KEYS)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_too_low")
        assert (await key.get(ME)).json()["role"] == "accountant"
        assert (await key.post("/api/core/transactions", json=LUNCH)).status_code == 201
        assert (await control.get(KEYS)).status_code == 200
        shown = (await listed(boss.client))[theirs["api_key_id"]]
        assert (shown["role"], shown["effective_role"]) == ("admin", "accountant")
        await boss.client.patch(row, json={"role": "owner"})
        assert (await key.get(ME)).json()["role"] == "admin", "never more than it was made for"


async def test_the_keys_of_who_is_removed_are_dead_and_stay_so(
    app: FastAPI, boss: Person, admin: Person, database: Database, organization: Organization
) -> None:
    theirs, own = await made_by(admin.client), await made_by(boss.client)
    async with client_of(app, theirs) as client:
        child = await made_by(client)
    assert (await boss.client.delete(f"/api/core/members/{admin.user_id}")).status_code == 204
    async with database.transaction(organization.organization_id) as db:
        await db.execute(
            "insert into identity.memberships (organization_id, user_id, role) values (%s, %s, 'admin')",
            [organization.organization_id, admin.user_id],
        )
    for key, status in ((theirs, 401), (child, 401), (own, 200)):
        async with client_of(app, key) as client:
            assert (await client.get(ME)).status_code == status
    assert set(await listed(boss.client)) == {own["api_key_id"]}


async def test_a_key_whose_maker_is_no_member_opens_nothing(
    app: FastAPI, boss: Person, admin: Person, database: Database, organization: Organization
) -> None:
    """However they went: the membership alone decides."""
    key = await made_by(admin.client)
    async with client_of(app, key) as client:
        assert (await client.get(ME)).status_code == 200
        async with database.transaction(organization.organization_id) as db:
            await db.execute("delete from identity.memberships where user_id = %s", [admin.user_id])
        assert (await client.get(ME)).status_code == 401
    assert (await listed(boss.client))[key["api_key_id"]]["effective_role"] is None


async def test_two_requests_of_one_key_do_not_wait_for_each_other(
    app: FastAPI, boss: Person, database: Database, organization: Organization
) -> None:
    """Noting that it was used holds its row while a request lasts; another passes by."""
    key = await made_by(boss.client)
    async with database.transaction(organization.organization_id) as db, client_of(app, key) as client:
        await db.execute("select from identity.api_keys where api_key_id = %s for no key update", [key["api_key_id"]])
        assert (await client.get(ME, timeout=5)).status_code == 200
