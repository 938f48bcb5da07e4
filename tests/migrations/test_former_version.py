"""The version before, its code and its tests, on the newer schema: both run side by side while a new one is brought in.

`make migrations` runs it. It needs the history of the repository, as far back as the newest revision.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from ai2.kit import live

ROOT = live.MIGRATIONS.parent
# What apps do all day: enter, list, change, import, take back, repeat.
CORE = (
    "test_transactions", "test_listing", "test_imports", "test_undo", "test_repeating", "test_bulk", "test_rules",
    "test_organization",
)  # fmt: skip


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


def former_version() -> str:
    """The last commit that had not the newest revision; this one, where that is not committed yet."""
    newest = next(iter(ScriptDirectory(str(live.MIGRATIONS)).walk_revisions())).path
    try:
        made = git("log", "--no-renames", "--diff-filter=A", "--format=%H", "--", newest).decode().split()
        commit = git("rev-parse", "--verify", f"{made[-1]}^" if made else "HEAD").decode().strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("the repository's history is not here: a shallow clone, or none; git fetch --unshallow brings it")
    return commit


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A folder with the former version."""
    if not os.environ.get("AI2_MIGRATION_ROWS"):
        pytest.skip("make migrations runs it")
    commit = former_version()
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(tmp_path, filter="data")
    print(f"\nthe version before is {commit[:12]}, at revision {newest_of(tmp_path)}")
    return tmp_path


def newest_of(version: Path) -> str:
    return max(path.name[:4] for path in (version / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.mark.timeout(900)
def test_the_version_before_works_on_the_newer_schema(former: Path) -> None:
    tests = [str(path) for name in CORE if (path := former / "tests" / "api" / f"{name}.py").exists()]
    told = {
        **{name: value for name, value in os.environ.items() if name != "AI2_HOME"},
        "PYTHONPATH": f"{former}{os.pathsep}{Path(__file__).parent / 'former'}",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "newer_schema", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=former, env=told, capture_output=True, text=True, check=False)
    print(done.stdout[-600:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"the schema was at {newest_of(ROOT)}" in done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 50
