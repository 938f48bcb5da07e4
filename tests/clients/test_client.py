"""The client: made from the description, installed from its wheel, typed, exact, and at work against the real API."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from tests.clients.made import installed
from tests.conftest import HOME
from tests.described.served import served

SAMPLE = Path(__file__).parent / "sample.py"
EXACT = ("amount", "balance", "opening_balance", "income", "expense", "net")


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield installed(Path(folder))


def test_a_use_of_it_has_types(site: Path) -> None:
    # silent about the client's own modules, as mypy is about whatever is installed
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file", os.devnull]
    told = {**os.environ, "MYPYPATH": str(site)}
    done = subprocess.run([*command, str(SAMPLE)], env=told, capture_output=True, text=True, check=False, cwd=site)
    assert done.returncode == 0, done.stdout


def test_no_money_is_a_float(site: Path) -> None:
    floats = [
        f"{path.stem}: {found[0]}"
        for path in (site / "ai2_client" / "models").glob("*.py")
        for found in re.finditer(rf"^    (?:{'|'.join(EXACT)}): .*float.*$", path.read_text(), re.MULTILINE)
    ]
    assert floats == []


async def test_it_speaks_with_the_real_api(site: Path, database: Database, organization: Organization) -> None:
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="client", role=Role.OWNER)
    with served(HOME) as address:
        done = subprocess.run(
            [sys.executable, str(SAMPLE), address, key.secret],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
