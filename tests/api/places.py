"""Places: where the API's description takes an id or a cursor, and which of them a case of a test fills."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Case = tuple[str, str, Any]
Place = tuple[str, str]


def places(described: dict[str, Any]) -> set[Place]:
    """Every operation that takes an id, and where: `path:account_id`, `query:batch_id`, `body:items[].account_id`."""
    found = set()
    for path, methods in described["paths"].items():
        for operation in methods.values() if path.startswith("/api/") else ():
            found |= {(operation["operationId"], place) for place in _of_operation(described, operation)}
    return found


def cursors(described: dict[str, Any]) -> list[tuple[str, str]]:
    """Every list that is read by pages: its operation and its path."""
    return [
        (operation["operationId"], path)
        for path, methods in described["paths"].items()
        for operation in methods.values()
        if any(each["name"] == "cursor" for each in operation.get("parameters", []))
    ]


def filled(described: dict[str, Any], cases: list[Case]) -> set[Place]:
    """The places in which these cases put a stranger's id, written {so}."""
    found = set()
    for method, address, body in cases:
        path, _, query = address.partition("?")
        known = _operation(described, method, path)
        name, template = known["operationId"], known["path"]
        for said, expected in zip(path.split("/"), template.split("/"), strict=True):
            if is_strangers(said) and expected.startswith("{"):
                found.add((name, f"path:{expected[1:-1]}"))
        found |= {(name, f"query:{key}") for key, value in parse_qsl(query) if is_strangers(value)}
        found |= {(name, f"body:{place}") for place in _strangers(body, "")}
    return found


def is_strangers(text: str) -> bool:
    return bool(re.fullmatch(r"\{(?!my_)\w+\}", text))


def _strangers(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _strangers(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strangers(inner, f"{place}[]")
    elif isinstance(value, str) and is_strangers(value):
        yield place


def _operation(described: dict[str, Any], method: str, address: str) -> dict[str, Any]:
    """The operation at an address in which ids are written {so}; what is spelled out comes before what is any word."""
    parts = urlsplit(address).path.split("/")
    candidates = []
    for path, methods in described["paths"].items():
        expected = path.split("/")
        if method.lower() in methods and len(expected) == len(parts):
            same = [said == wanted for said, wanted in zip(parts, expected, strict=True)]
            if all(fits or wanted.startswith("{") for fits, wanted in zip(same, expected, strict=True)):
                candidates.append((sum(same), path))
    _, path = max(candidates)
    return {**described["paths"][path][method.lower()], "path": path}


def _of_operation(described: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    for each in operation.get("parameters", []):
        if list(_ids(described, each["schema"], "")):
            yield f"{each['in']}:{each['name']}"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from (f"body:{place}" for place in _ids(described, content["schema"], ""))


def _ids(described: dict[str, Any], schema: dict[str, Any], place: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """Where in a value of this schema an id is."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        if name not in within:
            known = described["components"]["schemas"].get(name, {})
            yield from _ids(described, known, place, (*within, name))
    for kind in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(kind, []):
            yield from _ids(described, inner, place, within)
    if isinstance(schema.get("items"), dict):
        yield from _ids(described, schema["items"], f"{place}[]", within)
    for name, inner in schema.get("properties", {}).items():
        yield from _ids(described, inner, f"{place}.{name}" if place else name, within)
    if schema.get("format") == "uuid":
        yield place
