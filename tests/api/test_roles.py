"""Roles: every cell of role x operation, and no operation outside the table."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import AsyncClient, Response

from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role, Scope
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from api import roles
from tests.api.asking import ClientOf, connect


def operations(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Every operation under /api by name: its method and address."""
    found = {}
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path.startswith("/api/") and route.methods:
            found[str(route.name)] = (next(iter(route.methods)), path)
    return found


async def test_every_operation_is_in_the_table_once(app: FastAPI) -> None:
    names = [name for named in roles.MAY.values() for name in named]
    assert len(names) == len(set(names))
    described = {name for name in operations(app) if name not in {"health", "ready", "metrics_of", "openapi", "docs"}}
    assert described <= set(names) | roles.PUBLIC
    assert set(names) <= described


async def ask(client: AsyncClient, operation: tuple[str, str]) -> Response:
    method, path = operation
    address = "/".join(str(new_id()) if part.startswith("{") else part for part in path.split("/"))
    more: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"json": {}}
    return await client.request(method, address, **more)


CELLS = [(operation, role) for operation in sorted(roles.LEAST) for role in Role]


@pytest.mark.parametrize(("operation", "role"), CELLS, ids=[f"{o}-{r}" for o, r in CELLS])
async def test_a_role_may_what_the_table_says(
    app: FastAPI, client_of: ClientOf, organization: Organization, operation: str, role: Role
) -> None:
    answer = await ask(await client_of(organization, role), operations(app)[operation])
    may = role.covers(roles.LEAST[operation])
    assert (answer.status_code != 403) == may, answer.text
    assert answer.status_code < 500
    if not may:
        assert answer.json()["code"] == "role_too_low"


async def test_every_operation_lies_in_a_scope() -> None:
    reached = set().union(*roles.SCOPES.values())
    assert reached == set(roles.LEAST)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scope", Scope)
async def test_a_scope_opens_what_the_table_says(
    app: FastAPI, database: Database, organization: Organization, scope: Scope
) -> None:
    """The key is an owner's: what is refused is refused for its scope."""
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="till", role=Role.OWNER, scopes=[scope])
    allowed = roles.SCOPES[scope] | roles.EVERY_SCOPE
    async with connect(app, **{"X-API-Key": key.secret}) as client:
        for operation, found in operations(app).items():
            if operation not in roles.LEAST:
                continue
            answer = await ask(client, found)
            assert answer.status_code < 500
            assert (answer.status_code != 403) == (operation in allowed), (operation, answer.text)
            if operation not in allowed:
                assert answer.json()["code"] == "scope_missing"
