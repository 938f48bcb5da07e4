"""The house: promises about the repository itself."""

import re
import subprocess
from pathlib import Path

import pytest

from ai2.kit.settings import Settings
from ai2.launcher.environment import variable

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?[A-Z0-9_]+=", line))


def test_the_example_names_every_setting(example: dict[str, str]) -> None:
    assert {variable(name) for name in Settings.model_fields} <= example.keys()


def test_the_example_names_no_setting_that_is_gone(example: dict[str, str]) -> None:
    elsewhere = {"AI2_CONFIG", "AI2_SECRETS"}
    assert example.keys() - elsewhere <= {variable(name) for name in Settings.model_fields}


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    shown, built_in = Settings(_env_file=ROOT / ".env.example"), Settings(_env_file=None)
    assert shown.model_dump() == built_in.model_dump()


def test_no_file_names_a_package_registry() -> None:
    words = ["--index" + "-url http", "--extra-index" + "-url", "pypi" + ".org", "files.pythonhosted" + ".org"]
    found = [path for path in tracked() if path.suffix not in {".gz", ".png"} if holds(path, words)]
    assert found == []


def holds(path: Path, words: list[str]) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(word in text for word in words)


def test_every_package_is_pinned_with_its_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[A-Za-z0-9_.-]+==[^\s;\\]+", lock, re.MULTILINE)
    assert len(pinned) > 100
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_make_help_names_every_target_a_person_calls() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    assert targets == set(re.findall(r"^## make (\w+):", makefile, re.MULTILINE))


def test_no_source_file_is_too_long() -> None:
    long = {path.name: lines for path in tracked() if path.suffix == ".py" and (lines := length(path)) > 500}
    assert set(long) <= {"0001_spine.py"}, "is it one idea?"


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_module_is_named_like_one_of_pythons_own() -> None:
    import sys

    ours = [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / "ai2")]
    top = {path.relative_to(ROOT).parts[1].removesuffix(".py") for path in ours}
    assert top & sys.stdlib_module_names <= {"__main__"}
