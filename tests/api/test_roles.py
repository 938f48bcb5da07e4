"""Roles: every cell of role x operation, and no operation outside the table."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from api import roles
from tests.api.asking import ClientOf


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


CELLS = [(operation, role) for operation in sorted(roles.LEAST) for role in Role]


@pytest.mark.parametrize(("operation", "role"), CELLS, ids=[f"{o}-{r}" for o, r in CELLS])
async def test_a_role_may_what_the_table_says(
    app: FastAPI, client_of: ClientOf, organization: Organization, operation: str, role: Role
) -> None:
    method, path = operations(app)[operation]
    address = "/".join(str(new_id()) if part.startswith("{") else part for part in path.split("/"))
    client = await client_of(organization, role)
    more: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"json": {}}
    answer = await client.request(method, address, **more)
    may = role.covers(roles.LEAST[operation])
    assert (answer.status_code != 403) == may, answer.text
    assert answer.status_code < 500
    if not may:
        assert answer.json()["code"] == "role_too_low"
