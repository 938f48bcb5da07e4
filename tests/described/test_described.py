"""The API as it is described: the description is sound, and what is served holds it, in every role.

`make schemathesis` is the whole of it, with all phases and 100 examples for each operation; here is a short run.
"""

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from api import roles
from api.app import TITLES, build, operations
from tests.conftest import HOME
from tests.described.run import run
from tests.described.served import served
from tests.described.stock import ROLES, Stock

# The same for every change, so that one is judged as the one before; `make schemathesis` asks anew each time.
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "1682435026"))
# Nobody edits these: they are there or not, or the last word counts and the former one is kept.
ONLY_THERE_OR_NOT = {
    "end_session", "revoke_api_key", "revoke_invitation", "unlink_identity", "delete_attachment", "delete_layout",
    "set_layout", "put_rate", "delete_rate", "pair_transfer", "take_transfer_apart", "delete_connection",
    "delete_receipt", "link_account",
}  # fmt: skip
SHORT = {"coverage": {"enabled": False}, "stateful": {"generation": {"max-examples": 3}}}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    app: FastAPI = build(list(TITLES), database=object())  # type: ignore[arg-type] # only described, never asked
    return operations(app, list(TITLES))


@pytest.fixture(scope="module")
def every(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in described["paths"].values() for operation in methods.values()]


def test_the_description_is_openapi(described: dict[str, Any]) -> None:
    assert [f"{list(error.path)}: {error.message}" for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_every_operation_has_a_name_a_tag_and_words(every: list[dict[str, Any]]) -> None:
    names = [operation["operationId"] for operation in every]
    assert len(names) == len(set(names))
    assert [each["operationId"] for each in every if not each.get("tags") or not each.get("description")] == []


def test_every_answer_has_a_schema(every: list[dict[str, Any]]) -> None:
    bare = [
        (operation["operationId"], status)
        for operation in every
        for status, answer in operation["responses"].items()
        if status != "204" and not all(kind.get("schema") for kind in answer.get("content", {"": {}}).values())
    ]
    assert bare == []


def test_every_operation_says_that_it_can_refuse(every: list[dict[str, Any]]) -> None:
    for operation in every:
        for status in ("4XX", "5XX"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_an_operation_wants_a_credential_unless_it_is_public(every: list[dict[str, Any]]) -> None:
    open_ones = {each["operationId"] for each in every if not each.get("security")}
    assert open_ones <= roles.PUBLIC | {"metrics_of"}
    assert not open_ones & set(roles.LEAST)


def test_what_several_people_edit_is_guarded_by_if_match(described: dict[str, Any]) -> None:
    unguarded = {
        operation["operationId"]
        for methods in described["paths"].values()
        for method, operation in methods.items()
        if method in {"patch", "put", "delete"}
        and not any(each["name"] == "if-match" for each in operation.get("parameters", []))
    }
    assert unguarded == ONLY_THERE_OR_NOT


def test_no_amount_is_described_as_a_number_alone(described: dict[str, Any]) -> None:
    """A client that is made from it would take a float."""
    words = ("amount", "balance", "total_in", "total_out")
    numbers = [
        (name, field)
        for name, schema in described["components"]["schemas"].items()
        for field, shape in schema.get("properties", {}).items()
        if any(word in field for word in words) and shape.get("type") == "number"
    ]
    assert numbers == []


@pytest.fixture(scope="module")
def address(server: None, marts: None) -> Iterator[str]:
    with served(HOME, ACCESS_TOKEN_MINUTES="60") as found:
        yield found


@pytest.mark.parametrize("role", ROLES)
def test_what_is_served_is_what_is_described(address: str, role: str) -> None:
    print(f"SCHEMATHESIS_SEED={SEED}")
    found = run(address, role, Stock(address, Random(f"{SEED} {role}")), examples=2, seed=SEED, phases=SHORT)
    print(f"{role}: {found.requests} requests, {len(found.succeeded())} of {len(found.answers)} operations reach a 2xx")
    assert found.failures == {}
    assert found.errors == []
    assert len(found.answers) >= len(roles.LEAST)
