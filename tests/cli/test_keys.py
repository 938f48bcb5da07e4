"""`ai2 keys`: which keys sign access tokens."""

import json
import shutil
from pathlib import Path

import pytest

from ai2.kit.secrets import secrets, secrets_path
from ai2.kit.settings import settings

from .conftest import Command


@pytest.fixture(autouse=True)
def _own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(settings().home)
    shutil.copy(secrets_path(settings().home), tmp_path / "secrets.json")
    monkeypatch.setenv("AI2_SECRETS", str(tmp_path / "secrets.json"))


def test_a_rotation_announces_a_key_and_a_second_one_waits(ai2: Command) -> None:
    [only] = json.loads(ai2("keys", "list", "--json").stdout)
    assert (only["state"], only["signs_from"], only["believed_until"]) == ("signs", None, None)
    rotated = ai2("keys", "rotate")
    assert rotated.exit_code == 0, rotated.output
    first, second = json.loads(ai2("keys", "list", "--json").stdout)
    assert (first["kid"], first["state"], second["state"]) == (only["kid"], "signs", "next")
    assert second["signs_from"] < first["believed_until"]
    again = ai2("keys", "rotate")
    assert (again.exit_code, "published already" in again.stderr) == (1, True)


def test_compromised_keys_go_at_once(ai2: Command) -> None:
    [before] = json.loads(ai2("keys", "list", "--json").stdout)
    assert ai2("keys", "rotate", "--compromised").exit_code == 0
    [after] = json.loads(ai2("keys", "list", "--json").stdout)
    assert (after["state"], after["kid"] == before["kid"]) == ("signs", False)
    assert f"{after['kid']}  signs from {after['signs_from']}" in ai2("keys", "list").stdout
