"""Secrets: made once, for their owner's eyes only."""

import base64
from pathlib import Path

import pytest

from ai2.kit.secrets import ROLES, SecretsExposed, secrets


def test_are_made_once_and_kept(tmp_path: Path) -> None:
    first = secrets(tmp_path)
    secrets.cache_clear()
    assert secrets(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_every_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    passwords = secrets(tmp_path).passwords
    assert passwords.keys() == set(ROLES)
    assert len(set(passwords.values())) == len(ROLES)
    assert all(len(password) >= 32 for password in passwords.values())


def test_the_master_key_has_256_bits(tmp_path: Path) -> None:
    assert len(base64.b64decode(secrets(tmp_path).master_key)) == 32


def test_two_homes_share_nothing(tmp_path: Path) -> None:
    assert secrets(tmp_path / "a") != secrets(tmp_path / "b")


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secrets(tmp_path)
    (tmp_path / "secrets.json").chmod(0o644)
    secrets.cache_clear()
    with pytest.raises(SecretsExposed, match="chmod 600"):
        secrets(tmp_path)


def test_a_file_elsewhere_serves_several_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI2_SECRETS", str(tmp_path / "shared.json"))
    assert secrets(tmp_path / "a") == secrets(tmp_path / "b")


@pytest.fixture(autouse=True)
def _forget() -> None:
    """No test sees another's, and the run's own are read anew."""
    secrets.cache_clear()
