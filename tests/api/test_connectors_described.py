"""The pages on what is fetched: they name every route, field and state of connectors, and none that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ai2.ingest.sources import names
from api.app import build, operations

ROOT = Path(__file__).parents[2]
PAGES = ("connections", "plaid", "bank-feeds", "feeds", "file-sources", "rest-source", "mail", "receipts")
ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/connectors/[^\s`?)]+)")
# Of every list and every problem: the pages on those say them.
EVERYWHERE = frozenset({"items", "next_cursor", "total", "limit", "cursor", "include", "type", "title", "status",
                        "detail", "code", "request_id", "errors", "field", "message", "retry_after"})  # fmt: skip


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return operations(build(["connectors"]), ["connectors"])


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: (ROOT / f"docs/reference/{name}.md").read_text() for name in PAGES}


def routes(described: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, operations_ in described["paths"].items()
        if path.startswith("/api/connectors/")
        for method in operations_
        if method in {"get", "post", "put", "patch", "delete"} and not path.endswith(("/health", "/ready", "/metrics"))
    }


def named(page: str) -> set[str]:
    """Every word that stands as code."""
    blocks = re.findall(r"```.*?```|`[^`\n]+`", page, re.DOTALL)
    return set(re.findall(r"[\w-]+", " ".join(blocks)))


def words(schema: Any, described: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """The fields of a schema and what its enumerations allow, through everything that it refers to."""
    if isinstance(schema, list):
        for each in schema:
            yield from words(each, described, seen)
    if not isinstance(schema, dict):
        return
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield from words(described["components"]["schemas"][name], described, seen)
    yield from schema.get("properties", {})
    yield from (value for value in schema.get("enum", ()) if isinstance(value, str))
    for name, inner in schema.items():
        if name in {"properties", "patternProperties"}:
            yield from words(list(inner.values()), described, seen)
        elif name in {"items", "anyOf", "oneOf", "allOf", "additionalProperties", "schema"}:
            yield from words(inner, described, seen)


def told(described: dict[str, Any]) -> set[str]:
    """Every field, parameter and state of the service's own routes."""
    found: set[str] = set()
    for method, path in routes(described):
        operation = described["paths"][path][method.lower()]
        contents = [
            each
            for part in (operation.get("requestBody", {}), *operation["responses"].values())
            for kind, each in part.get("content", {}).items()
            if kind not in {"application/problem+json"}
        ]
        found |= set(words(contents, described, set()))
        found |= {each["name"] for each in operation.get("parameters", []) if each["in"] in {"query", "path"}}
    return found


def test_every_route_is_on_the_page_of_connections_and_no_other(
    described: dict[str, Any], pages: dict[str, str]
) -> None:
    assert {found.groups() for found in ROUTE.finditer(pages["connections"])} == routes(described)


@pytest.mark.parametrize("name", PAGES)
def test_every_route_that_a_page_names_is_there(described: dict[str, Any], pages: dict[str, str], name: str) -> None:
    patterns = {re.sub(r"\{[^}]+\}", "[^/]+", path) for _, path in routes(described)}
    mentioned = re.findall(r"`(?:[A-Z]+ )?(/api/connectors/[^\s`?,]+)`", pages[name])
    assert [each for each in mentioned if not any(re.fullmatch(pattern, each) for pattern in patterns)] == []


def test_every_field_and_state_is_named(described: dict[str, Any], pages: dict[str, str]) -> None:
    assert told(described) - EVERYWHERE - named("\n".join(pages.values())) == set()


def test_every_setting_of_every_source_is_named(pages: dict[str, str]) -> None:
    said = named("\n".join(pages.values()))
    for source in names.all_of_them().values():
        assert source.name in said
        wanted = {*source.settings.get("properties", {}), *source.credentials.get("properties", {}), *source.can}
        assert wanted - said == set(), source.name


def test_a_field_that_no_page_names_is_found(described: dict[str, Any], pages: dict[str, str]) -> None:
    """The control."""
    assert {"is_in_step", "needs_consent", "sender_not_named", "account_key", "whole_sum"} - named(
        "\n".join(pages.values())
    ) == {"whole_sum"}
    assert {"is_in_step", "needs_consent", "sender_not_named", "account_key", "first_page_rows"} <= told(described)
