"""A contract: a provider's own OpenAPI description, to which a fake and our calls are held."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.connections.fakes.serving import Asked, Said


@dataclass
class Contract:
    """What was said against it is listed, so that a test can end with none."""

    description: dict[str, Any]
    broken: list[str] = field(default_factory=list)
    held: int = 0

    @classmethod
    def read(cls, path: Path) -> "Contract":
        return cls(json.loads(path.read_text()))

    def hold(self, asked: Asked, said: Said) -> None:
        """A call has to be in it: its address, its parameters, its body, and what is answered."""
        name = f"{asked.method} {asked.path}"
        operation = self._operation(asked)
        if operation is None:
            self.broken.append(f"{name}: there is no such operation")
            return
        known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        if unknown := asked.query.keys() - known:
            self.broken.append(f"{name}: no parameter {unknown}")
        if said.status < 300 and (wanted := _schema(operation.get("requestBody", {}))):
            self._check(f"{name} request", wanted, asked.json())
        response = operation["responses"].get(str(said.status))
        if response is None:
            if asked.method != "DELETE":  # it describes only how deleting fails
                self.broken.append(f"{name}: {said.status} is not among its answers")
        elif (schema := _schema(response)) is not None:
            self._check(f"{name} {said.status}", schema, said.body)
            self._like_an_example(f"{name} {said.status}", response, said)
        self.held += 1

    def _operation(self, asked: Asked) -> dict[str, Any] | None:
        """Of several that fit the one with the fewest places to fill."""
        fitting = [
            (path.count("{"), operations[asked.method.lower()])
            for path, operations in self.description["paths"].items()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked.path) and asked.method.lower() in operations
        ]
        return min(fitting, key=lambda found: found[0])[1] if fitting else None

    def _like_an_example(self, name: str, response: dict[str, Any], said: Said) -> None:
        """Where the schema says nothing, an answer has the names of one of the examples."""
        examples = response["content"]["application/json"].get("examples", {}).values()
        if said.status >= 400 and examples and all(isinstance(each["value"], dict) for each in examples):
            shapes = [set(each["value"]) for each in examples]
            if set(said.body) not in shapes:
                self.broken.append(f"{name}: names {sorted(said.body)} are those of no example")

    def _check(self, name: str, schema: dict[str, Any], value: Any) -> None:
        checker = Draft202012Validator(self._plain(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
        self.broken += [f"{name}: {error.json_path} {error.message}" for error in checker.iter_errors(value)]

    def _plain(self, schema: Any) -> Any:
        """As JSON Schema: references resolved, `nullable` as a type."""
        if isinstance(schema, list):
            return [self._plain(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self._plain(self.description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        plain = {name: self._plain(value) for name, value in schema.items() if name != "nullable"}
        if schema.get("nullable") and isinstance(plain.get("type"), str):
            plain["type"] = [plain["type"], "null"]
        if "default" in plain and not Draft202012Validator(plain).is_valid(plain["default"]):
            plain.pop("items", None)  # it describes lists of texts as lists of lists, which its own default is none of
        return plain


def _schema(described: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = described.get("content", {}).get("application/json", {}).get("schema")
    return found
