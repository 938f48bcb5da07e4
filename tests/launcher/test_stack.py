"""The stack: what each profile starts, what its processes are told, and what a stranger may read of it."""

import json
import socket
from pathlib import Path

import pytest

from ai2.kit.secrets import secrets
from ai2.kit.settings import Settings
from ai2.launcher import stack
from ai2.launcher.parts import Process
from ai2.launcher.ports import Port, taken
from ai2.launcher.profiles import Profile, plan


@pytest.fixture
def using(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, ai2_home=tmp_path, database_url="postgresql://ai2:s3cret@db.example/ai2")  # type: ignore[call-arg]


def processes(using: Settings, profile: Profile) -> set[str]:
    return {part.name for part in stack.parts(using, plan(profile)) if isinstance(part, Process)}


def test_core_runs_without_dagster_and_mlflow(using: Settings) -> None:
    assert processes(using, Profile.CORE) == {"api", "worker"}


def test_dev_runs_everything_that_is_built(using: Settings) -> None:
    assert processes(using, Profile.DEV) > {"api", "worker", "mlflow", "dagster-webserver", "dagster-daemon"}


def test_what_runs_elsewhere_is_not_started_here(using: Settings) -> None:
    elsewhere = using.model_copy(update={"mlflow_tracking_uri": "http://mlflow:5000", "dagster_url": "http://dagster"})
    assert processes(elsewhere, Profile.DEV) == {"api", "worker"}


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        (Profile.CORE, ()),
        (Profile.PREMIUM, ()),
        (Profile.ENTERPRISE, ("notifications", "subscription")),
    ],
)
def test_a_profile_says_what_is_not_built(profile: Profile, missing: tuple[str, ...]) -> None:
    assert plan(profile).missing == missing


def test_no_secret_is_on_a_command_line(using: Settings) -> None:
    commands = " ".join(word for part in stack.parts(using, plan(Profile.DEV)) for word in part.command)
    known = [*secrets(using.home).passwords.values(), secrets(using.home).master_key, "s3cret"]
    assert not any(secret in commands for secret in known)


def test_processes_are_told_the_settings_and_nothing_of_the_shell(
    using: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not yours")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told = stack.parts(using, plan(Profile.DEV))[0].environment
    assert told["AI2_HOME"] == str(using.home)
    assert told["DATABASE_URL"] == "postgresql://ai2:s3cret@db.example/ai2"
    assert not told.keys() & {"AWS_SECRET_ACCESS_KEY", "PYTHONDONTWRITEBYTECODE"}


def test_only_who_has_mlflow_and_dagster_misses_them(using: Settings) -> None:
    watched = {"MLFLOW_TRACKING_URI", "DAGSTER_URL"}
    assert watched <= stack.parts(using, plan(Profile.DEV))[0].environment.keys()
    assert not watched & stack.parts(using, plan(Profile.CORE))[0].environment.keys()


def test_every_need_is_a_part(using: Settings) -> None:
    parts = stack.parts(using, plan(Profile.DEV))
    names = {part.name for part in parts}
    assert all(set(part.needs + part.after) <= names for part in parts)


def test_lays_out_dagsters_home(using: Settings) -> None:
    stack.prepare(using)
    assert "grpc_server" in (using.home / "dagster" / "workspace.yaml").read_text()
    assert (using.home / "dagster" / "dagster.yaml").exists()


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        (sentence,) = taken([Port(number, "GATEWAY_PORT")])
    assert f"Port {number} is taken" in sentence
    assert "GATEWAY_PORT=" in sentence


def test_a_port_named_twice_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    (sentence,) = taken([Port(free, "CORE_PORT"), Port(free, "AI_PORT")])
    assert "AI_PORT" in sentence


def test_the_note_of_the_sample_is_for_its_owner_alone(tmp_path: Path) -> None:
    from ai2.launcher import sample

    known = sample.Sample("Harbour", "id", "a@example.org", "password", "key")
    sample.keep(tmp_path, known)
    path = tmp_path / "sample.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sample.read(tmp_path) == known
    assert json.loads(path.read_text())["api_key"] == "key"
