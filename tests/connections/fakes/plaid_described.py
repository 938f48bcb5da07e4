"""Described: what a provider's OpenAPI 3.0 description says of an answer, as a JSON Schema that can be asked."""

import gzip
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml


def contracts() -> Path | None:
    """The folder of providers' own descriptions, beside the real data."""
    folder = Path(os.environ.get("AI2_TEST_DATA", "")).resolve().parent / "contracts"
    return folder if os.environ.get("AI2_TEST_DATA") and folder.is_dir() else None


@cache
def plaid() -> "Described | None":
    """Plaid's description, where it is at hand."""
    folder = contracts()
    if folder is None or not (folder / "plaid-openapi.yml.gz").exists():
        return None
    with gzip.open(folder / "plaid-openapi.yml.gz") as packed:
        return Described(yaml.load(packed, Loader=yaml.CSafeLoader))


class Described:
    """A description: what may be sent to an operation, and what may be answered."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._known: dict[str, Any] = {}

    def check_request(self, path: str, body: Any) -> None:
        content = self.document["paths"][path]["post"]["requestBody"]["content"]
        self._validator(content["application/json"]["schema"]).validate(body)

    def check_answer(self, path: str, status: int, body: Any) -> None:
        answers = self.document["paths"][path]["post"]["responses"]
        if status == 200:
            self._validator(answers["200"]["content"]["application/json"]["schema"]).validate(body)
        else:
            self.check("PlaidError", body)

    def check(self, name: str, value: Any) -> None:
        """Hold a value to a schema by its name."""
        self._validator({"$ref": f"#/components/schemas/{name}"}).validate(value)

    def _validator(self, schema: dict[str, Any]) -> Any:
        needed: dict[str, Any] = {}
        self._need(schema, needed)
        whole = {**_plain(schema), "components": {"schemas": needed}}
        # exact numbers are numbers too
        return _Validator(whole, format_checker=jsonschema.FormatChecker())

    def _need(self, schema: Any, needed: dict[str, Any]) -> None:
        """What a schema refers to, made plain; the whole description would take long."""
        if isinstance(schema, dict):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                name = reference.rsplit("/", 1)[1]
                if name not in needed:
                    needed[name] = self._known.setdefault(name, _plain(self._schemas[name]))
                    self._need(self._schemas[name], needed)
            for value in schema.values():
                self._need(value, needed)
        if isinstance(schema, list):
            for value in schema:
                self._need(value, needed)


def _is_number(_: Any, value: Any) -> bool:
    from decimal import Decimal

    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number),
)


def _plain(schema: Any) -> Any:
    """OpenAPI 3.0's own words as JSON Schema's: `nullable`, and bounds that are exclusive or not."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        name: _plain(value)
        for name, value in schema.items()
        if name not in {"nullable", "exclusiveMinimum", "exclusiveMaximum", "example", "examples", "description"}
        or isinstance(value, dict)
    }
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain
