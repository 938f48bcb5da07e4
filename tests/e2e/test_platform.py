"""A new user's first hour: start, follow the README, lose a part, stop. In this order, on one platform."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.clients.made import installed

from .conftest import ROOT, Platform, console_lines, stop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
README = (ROOT / "README.md").read_text()
PATIENCE_S = 60


def get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


def until(question: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_everything_comes_up_and_says_where(platform: Platform) -> None:
    assert "AI2 is up. Ctrl-C stops it." in platform.said
    for setting in ("GATEWAY_PORT", "CORE_PORT", "AI_PORT", "ANALYTICS_PORT", "DAGSTER_PORT", "MLFLOW_PORT"):
        assert platform.url(setting) in platform.said
    known = json.loads((Path(platform.environment["AI2_HOME"]) / "sample.json").read_text())
    assert known["password"] in platform.said
    assert known["api_key"] in platform.said


def test_the_readmes_lines_give_what_it_shows(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    key = platform.run(".venv/bin/ai2 api-key --role owner --quiet", tmp_path).strip()
    lines = console_lines(README)
    assert len(lines) >= 5
    for command, shown in lines:
        got = platform.run(f"KEY={key}; {platform.here(command)}", tmp_path)
        assert re.fullmatch(pattern(shown), got.strip(), re.DOTALL), f"{command}\n{got}"


def pattern(shown: str) -> str:
    """What is shown, where `...` is anything."""
    return ".*".join(re.escape(part) for part in shown.strip().split("..."))


def test_the_samples_login_opens(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the client that an app would use, from its own wheel."""
    known = json.loads((Path(platform.environment["AI2_HOME"]) / "sample.json").read_text())
    monkeypatch.syspath_prepend(str(installed(tmp_path)))
    from ai2_client.api.auth import me

    from tests.clients.sample import signed_in

    client = signed_in(platform.url("CORE_PORT"), known["email"], known["password"])
    assert me.sync(client=client).user.email == known["email"]


def test_everything_answers(platform: Platform) -> None:
    shown = platform.run("ai2 status", ROOT)
    assert "does not answer" not in shown
    assert shown.count("answers") == 7
    assert get(f"{platform.url('GATEWAY_PORT')}/health")["status"] == "healthy"


def test_a_second_start_says_that_one_runs(platform: Platform) -> None:
    assert "running already" in platform.run("ai2 up", ROOT)


def test_no_secret_is_on_a_command_line_or_in_a_log(platform: Platform) -> None:
    home = Path(platform.environment["AI2_HOME"])
    known = json.loads((home / "secrets.json").read_text())
    secrets = [
        *known["passwords"].values(),
        known["master_key"],
        json.loads((home / "sample.json").read_text())["api_key"],
    ]
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    shown += "".join(path.read_text(errors="replace") for path in [*home.glob("logs/*.log"), home / "postgres.log"])
    assert [secret for secret in secrets if secret in shown] == []


def kill(platform: Platform, word: str) -> None:
    """Kill the process whose command line has this word."""
    for child in psutil.Process(platform.process.pid).children():
        if word in " ".join(child.cmdline()):
            os.killpg(child.pid, signal.SIGKILL)
            return
    raise AssertionError(word)


@pytest.mark.parametrize(
    ("word", "name", "title"), [("mlflow", "mlflow", "MLflow"), ("dagster-webserver", "dagster", "Dagster")]
)
def test_the_api_answers_without_it_and_says_what_is_missing(
    platform: Platform, word: str, name: str, title: str
) -> None:
    kill(platform, word)
    health = f"{platform.url('GATEWAY_PORT')}/health"
    until(lambda: get(health)["status"] == "degraded")
    assert get(health)["dependencies"][name] != "healthy"
    assert get(f"{platform.url('CORE_PORT')}/ready")["status"] == "ready"
    until(lambda: f"{title} was ended by SIGKILL" in platform.said)
    assert f"{word}.log" in platform.said


def test_a_killed_worker_is_started_again(platform: Platform) -> None:
    kill(platform, "ai2 worker")
    until(lambda: "Worker was ended by SIGKILL" in platform.said)
    until(lambda: platform.said.count("✓ Worker") == 2)


def test_ctrl_c_leaves_no_process(platform: Platform) -> None:
    assert stop(platform.process) == []
    assert platform.process.returncode == 0
    assert "The data stays" in platform.said
    home = platform.environment["AI2_HOME"]
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"]) if home in " ".join(p.info["cmdline"] or [])]
    assert left == []
