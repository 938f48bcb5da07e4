"""`ai2 migrate`, `status` and help."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ai2.kit import postgres
from ai2.kit.settings import settings

from .conftest import Command


def test_migrating_a_new_database_again_changes_nothing(ai2: Command) -> None:
    done = ai2("migrate")
    assert done.exit_code == 0
    assert "up to date" in done.stdout


def test_status_names_what_does_not_answer(ai2: Command) -> None:
    shown = ai2("status")
    assert shown.exit_code == 1
    assert re.search(r"^PostgreSQL +answers", shown.stdout)
    beginnings = {
        found.start() for line in shown.stdout.splitlines() if (found := re.search(r"(?<=  )(answers|does)", line))
    }
    assert len(beginnings) == 1, "the states stand below each other"
    assert "mlflow.log" in shown.stdout.replace("\n", "")


def test_help_names_every_command_and_imports_nothing_slow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from ai2.cli import app; "
        "print(CliRunner().invoke(app, ['--help']).stdout); "
        "print([m for m in ('pandas', 'mlflow', 'dagster', 'sqlalchemy', 'fastapi', 'psycopg') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for word in ("up", "status", "import", "classify", "migrate", "user", "api-key", "serve", "worker"):
        assert f"  {word}" in shown
    assert shown.rstrip().endswith("[]")


def test_a_database_that_does_not_answer_is_a_sentence(ai2: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ai2@127.0.0.1:1/ai2")
    settings.cache_clear()
    try:
        refused = ai2("migrate")
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert refused.exit_code == 1
    assert "does not answer" in refused.stderr


def test_a_setting_that_does_not_hold_is_a_sentence(tmp_path: Path) -> None:
    told = os.environ | {"CORE_PORT": "many", "AI2_HOME": str(tmp_path)}
    refused = subprocess.run(
        [sys.executable, "-m", "ai2", "status"], capture_output=True, text=True, env=told, check=False
    )
    assert refused.returncode == 1
    assert "CORE_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_commands_start_the_server_where_none_runs_and_stop_it(tmp_path: Path) -> None:
    told = os.environ | {"AI2_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ai2", "migrate"]
    done = subprocess.run(command, capture_output=True, text=True, env=told, check=False)
    assert done.returncode == 0, done.stderr
    assert not postgres.answers(tmp_path)
    shutil.rmtree(postgres.cluster(tmp_path).folder)


def test_a_dry_run_of_a_migration_does_nothing_and_going_back_says_what_is_lost(ai2: Command) -> None:
    told = ai2("migrate", "--down", "--to", "0008", "--dry-run")
    assert "drop table books.rule_applications" in told.stdout
    asked = ai2("migrate", "--down", "--to", "0008", typed="n\n")
    assert asked.exit_code == 1
    assert "Stop what runs of the newer version first" in asked.stdout
    for wrong in (("--to", "9999"), ("--down",), ("--down", "--to", "9999")):
        assert ai2("migrate", *wrong).exit_code == 2
    assert "up to date" in ai2("migrate").stdout
