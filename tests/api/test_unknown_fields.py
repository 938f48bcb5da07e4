"""Unknown fields: what a body may not say has no effect; a field too many is 422, and nothing is done."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.kit.database import Database, one
from ai2.kit.ids import new_id
from api.app import TITLES, operations
from tests.api.test_any_input import GOOD, fields_of

# What would be somebody else's, or more than the caller is, if a body could say it.
COVETED = {
    "organization_id": str(new_id()), "user_id": str(new_id()), "role": "owner", "balance": "1000000.00",
    "created_by": str(new_id()), "version": 99, "is_admin": True,
}  # fmt: skip


def asked(app: FastAPI) -> list[tuple[str, str, dict[str, Any], list[str]]]:
    """Every operation with a body, from the description: a body that holds, and the coveted fields it does not know."""
    described = operations(app, [*TITLES])
    return [
        (method.upper(), path, GOOD.get(path, {}), sorted(COVETED.keys() - fields_of(described, operation)))
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if method in {"post", "put", "patch"}
        and "application/json" in _content(operation)
        # what providers sign is read as they send it
        and "/webhook" not in path
    ]


def _content(operation: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    return content


async def test_a_field_that_an_operation_does_not_know_is_refused_by_its_name(
    app: FastAPI, owner: AsyncClient, pipeline: Database
) -> None:
    sent = asked(app)
    assert len(sent) > 35, "the description names them all"
    assert {"POST", "PUT", "PATCH"} == {method for method, *_ in sent}
    before = await kept(pipeline)
    for method, path, good, unknown in sent:
        assert "organization_id" in unknown or path.rpartition("/")[2] in {"login", "callback"}, path
        address = "/".join(str(new_id()) if part.startswith("{") else part for part in path.split("/"))
        body = {**good, **{name: COVETED[name] for name in unknown}}
        answer = await owner.request(method, address, json=body)
        assert answer.status_code == 422, (method, path, answer.text)
        named = {error["field"].rpartition(".")[2] for error in answer.json()["errors"]}
        assert named >= set(unknown), (method, path, answer.text)
    assert await kept(pipeline) == before


@pytest.mark.parametrize("path", ["/api/core/transactions", "/api/core/accounts", "/api/core/api-keys"])
async def test_the_same_bodies_are_taken_without_those_fields(
    owner: AsyncClient, organization: Organization, pipeline: Database, path: str
) -> None:
    before = await kept(pipeline)
    answer = await owner.post(path, json=GOOD[path])
    assert answer.status_code == 201, answer.text
    assert await kept(pipeline) != before, "the positive control: what is done shows"


async def kept(pipeline: Database) -> dict[str, Any]:
    """How much there is of what requests make, over all organizations."""
    async with pipeline.transaction() as db:
        query = """
            select
                (select count(*) from identity.users) as users,
                (select count(*) from identity.memberships) as memberships,
                (select count(*) from identity.api_keys) as api_keys,
                (select count(*) from identity.sessions) as sessions,
                (select count(*) from books.accounts) as accounts,
                (select count(*) from books.transactions) as transactions,
                (select count(*) from queue.jobs) as jobs,
                (select count(*) from audit.entries) as entries
        """
        return await one(db, query, {}) or {}
