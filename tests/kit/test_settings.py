"""Settings: the environment over `.env` over the JSON file, and the guide's names in all of them."""

import json
from pathlib import Path

import pytest

from ai2.kit.settings import OidcProvider, Settings, SettingsFileError, read_settings_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "production.json"
    tree = {
        "database": {"host": "db.example", "port": 6432, "database": "ai2_prod", "user": "ai2", "ssl": True,
                     "password": "${DB_PASSWORD}", "pool": {"max": 20}},
        "logging": {"level": "warn"},
        "security": {"cors": {"origin": ["https://app.example"]}, "rateLimit": {"windowMs": 1000, "max": 5}},
    }  # fmt: skip
    path.write_text(json.dumps(tree))
    return path


def test_the_shells_home_and_host_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AI2_HOME")
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104 - what must not be taken
    made = Settings(_env_file=None)
    assert (made.home, made.host) == (Path(".ai2"), "127.0.0.1")


def test_reads_the_guides_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cret/@")
    monkeypatch.setenv("AI2_CONFIG", str(file))
    made = Settings(_env_file=None)
    assert made.database_url
    assert (
        made.database_url.get_secret_value() == "postgresql://ai2:s3cret%2F%40@db.example:6432/ai2_prod?sslmode=require"
    )
    assert (made.database_pool_max, made.log_level, made.rate_limit_max) == (20, "warn", 5)
    assert made.cors_origins == ["https://app.example"]


def test_the_environment_is_stronger_than_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cret/@")
    monkeypatch.setenv("AI2_CONFIG", str(file))
    monkeypatch.setenv("LOG_LEVEL", "error")
    assert Settings(_env_file=None).log_level == "error"


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ai2:s3cret@db.example/ai2")
    assert "s3cret" not in repr(Settings(_env_file=None))


def test_a_variable_that_is_not_set_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    with pytest.raises(SettingsFileError, match="DB_PASSWORD"):
        read_settings_file(file)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(SettingsFileError):
        read_settings_file(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsFileError):
        read_settings_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("issuer", "is_taken"),
    [("https://accounts.example.com", True), ("http://localhost:9000", True), ("http://accounts.example.com", False),
     ("https://accounts.example.com?x=1", False), ("accounts.example.com", False), ("ftp://localhost", False)],
)  # fmt: skip
def test_an_issuer_is_reached_safely_or_not_configured(issuer: str, is_taken: bool) -> None:
    if is_taken:
        assert OidcProvider(name="any", issuer=issuer, client_id="any").issuer == issuer
    else:
        with pytest.raises(ValueError, match="issuer"):
            OidcProvider(name="any", issuer=issuer, client_id="any")
