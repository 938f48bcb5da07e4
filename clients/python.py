"""A typed Python client, made from the API's own description: `make client` lays its wheel into dist/.

It is never committed, so it is never older than the API. Amounts are text in it, in and out: `Decimal(row.amount)`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ai2 import __version__

PACKAGE, PROJECT = "ai2_client", "ai2-client"
CONFIG = {
    "project_name_override": PROJECT,
    "package_name_override": PACKAGE,
    "package_version_override": __version__,
    "literal_enums": True,
    # The generator knows no such kind; it is bytes like any file.
    "content_type_overrides": {"application/zip": "application/octet-stream"},
}
READ_ME = "A typed client of AI2's REST API. How it is used: docs/reference/client.md of AI2.\n"
Schema = dict[str, Any]


def described() -> Schema:
    """What the whole API offers, amounts as text alone."""
    from api.app import TITLES, build, operations

    app = build(list(TITLES), database=object())  # type: ignore[arg-type] # only described, never asked
    exact: Schema = _exact(operations(app, list(TITLES)))
    for methods in exact["paths"].values():
        for operation in methods.values():
            _as_file(operation.get("requestBody", {}).get("content", {}))
    return exact


def _as_file(content: Schema) -> None:
    """What may be sent as a file or as its text is sent as a file: the generator knows one kind of body."""
    if "multipart/form-data" in content:
        content.pop("application/json", None)


def generate(folder: Path) -> Path:
    """The client's project in this folder."""
    description, config = folder / "openapi.json", folder / "config.json"
    description.write_text(json.dumps(described()))
    config.write_text(json.dumps(CONFIG))
    project = folder / PROJECT
    tool = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "setup", "--overwrite"]
    _run(
        [*tool, "--fail-on-warning", "--path", str(description), "--config", str(config), "--output-path", str(project)]
    )
    (project / "README.md").write_text(READ_ME)
    return project


def build(into: Path) -> Path:
    """The client's wheel."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = generate(Path(folder))
        pack = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pack, "--no-build-isolation", "--wheel-dir", str(into), str(project)])
    return into / f"{PACKAGE}-{__version__}-py3-none-any.whl"


def _exact(value: Any) -> Any:
    """Where an amount may be text or a number, a client sends text: its number would be a float."""
    if isinstance(value, list):
        return [_exact(each) for each in value]
    if not isinstance(value, dict):
        return value
    kinds = value.get("anyOf")
    if kinds and any("pattern" in kind and kind.get("type") == "string" for kind in kinds):
        value = {**value, "anyOf": [kind for kind in kinds if kind.get("type") != "number"]}
    return {name: _exact(each) for name, each in value.items()}


def _run(command: list[str]) -> None:
    # The generator lays its work out with ruff, which lies beside this Python.
    told = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))  # noqa: T201
