"""The API as its callers see it: real requests into the real app, over a real database."""

import json
import os
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity import api_keys, users
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit import logs
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from api.app import TITLES, build
from tests.api.asking import PASSWORD, ClientOf, Person, PersonIn, connect
from tests.conftest import HOME

# Files lie in it only where a test puts some.
WATCHED = HOME / "watched"
# for settings that a test reads anew, and for servers that are started
os.environ["WATCHED_FOLDERS"] = json.dumps([str(WATCHED)])


@pytest.fixture(scope="session", autouse=True)
def a_folder_that_may_be_watched() -> None:
    """The only source that needs nobody outside."""
    WATCHED.mkdir(exist_ok=True)
    settings().watched_folders = [WATCHED]


@pytest.fixture(scope="session")
async def app(database: Database, marts: None) -> FastAPI:
    logs.configure("test")
    app = build([*TITLES], database=database)
    app.state.limits.windows.limit = 1_000_000
    return app


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with connect(app) as client:
        yield client


@pytest.fixture
async def client_of(app: FastAPI, database: Database) -> AsyncIterator[ClientOf]:
    """Makes clients: one of an organization, in a role, by an API key of its own."""
    made: list[AsyncClient] = []

    async def make(organization: Organization, role: Role = Role.OWNER) -> AsyncClient:
        async with database.transaction(organization.organization_id) as db:
            key = await api_keys.create(db, organization.organization_id, name="test", role=role)
        made.append(connect(app, **{"X-API-Key": key.secret}))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def person_in(app: FastAPI, database: Database) -> AsyncIterator[PersonIn]:
    """Makes people: a member of an organization, in a role, signed in."""
    made: list[AsyncClient] = []

    async def make(organization: Organization, role: Role = Role.OWNER) -> Person:
        email = f"{new_id()}@example.com"
        async with database.transaction() as db:
            user = await users.create(db, email=email, name="Ana", password=PASSWORD)
            await users.join(db, organization.organization_id, user.user_id, role)
        made.append(connect(app))
        login = await made[-1].post("/api/core/auth/login", json={"email": email, "password": PASSWORD})
        made[-1].headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        return Person(made[-1], email, login.json())

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def owner(client_of: ClientOf, organization: Organization) -> AsyncClient:
    return await client_of(organization)


@pytest.fixture
async def their_owner(client_of: ClientOf, stranger: Organization) -> AsyncClient:
    """The owner of another organization."""
    return await client_of(stranger)
