"""API keys: shown once, found by their digest, dead when revoked or past their time."""

from datetime import UTC, datetime, timedelta

import pytest

from ai2.identity import api_keys
from ai2.identity.api_keys import ApiKeyNotFound
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Connection, Database, rows
from ai2.kit.security import BadCredential


async def test_a_key_opens_its_organization_in_its_role(database: Database, organization: Organization) -> None:
    async with database.transaction(organization.organization_id) as db:
        made = await api_keys.create(db, organization.organization_id, name="till", role=Role.VIEWER)
    async with database.transaction() as db:
        who = await api_keys.authenticate(db, made.secret)
        acting = await rows(db, "select current_setting('app.actor') as actor")
    assert (who.organization_id, who.role) == (organization.organization_id, Role.VIEWER)
    assert acting == [{"actor": f"api_key:{made.key.api_key_id}"}]


async def test_the_secret_is_stored_nowhere(db: Connection, organization: Organization) -> None:
    made = await api_keys.create(db, organization.organization_id, name="till", role=Role.VIEWER)
    kept = await rows(db, "select * from identity.api_keys, identity.api_key_index")
    assert made.secret not in str(kept)


@pytest.mark.parametrize("secret", ["", "ai2_", "ai2_" + "x" * 43, "é" * 50, "x" * 9000])
async def test_refuses_what_is_no_key(database: Database, secret: str) -> None:
    async with database.transaction() as db:
        with pytest.raises(BadCredential):
            await api_keys.authenticate(db, secret)


async def test_a_revoked_key_opens_nothing(db: Connection, organization: Organization) -> None:
    made = await api_keys.create(db, organization.organization_id, name="till", role=Role.VIEWER)
    await api_keys.revoke(db, organization.organization_id, made.key.api_key_id)
    assert await api_keys.list_all(db, organization.organization_id) == []
    with pytest.raises(BadCredential):
        await api_keys.authenticate(db, made.secret)


async def test_a_key_past_its_time_opens_nothing(db: Connection, organization: Organization) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    made = await api_keys.create(db, organization.organization_id, name="till", role=Role.VIEWER, expires_at=past)
    with pytest.raises(BadCredential):
        await api_keys.authenticate(db, made.secret)


async def test_a_strangers_key_is_not_there(
    db: Connection, database: Database, organization: Organization, stranger: Organization
) -> None:
    async with database.transaction(stranger.organization_id) as theirs:
        key = await api_keys.create(theirs, stranger.organization_id, name="till", role=Role.VIEWER)
    with pytest.raises(ApiKeyNotFound):
        await api_keys.revoke(db, organization.organization_id, key.key.api_key_id)
    async with database.transaction() as theirs:
        assert await api_keys.authenticate(theirs, key.secret)
