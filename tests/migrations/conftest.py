"""What the tests of migrations share: an installation of their own, whose schema goes up and down."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ai2.kit import postgres
from ai2.kit.database import Role, connection_parameters
from ai2.kit.migrate import migrate
from ai2.kit.settings import settings


@pytest.fixture(scope="module")
def installation() -> Iterator[Path]:
    """A home of its own, with a migrated server, in place of the one that other tests share."""
    shared = os.environ["AI2_HOME"]
    home = Path(tempfile.mkdtemp(prefix="ai2-migrations-"))
    home.chmod(0o711)
    os.environ["AI2_HOME"] = str(home)
    settings.cache_clear()
    try:
        with postgres.running(home, fsync="off", synchronous_commit="off", full_page_writes="off"):
            migrate()
            yield home
    finally:
        os.environ["AI2_HOME"] = shared
        settings.cache_clear()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def server(installation: Path) -> None:
    """Not the server that other tests share."""


@pytest.fixture
def all_seeing(installation: Path) -> Iterator["psycopg.Connection[Any]"]:
    """The server's administrator: no policy binds them."""
    with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2"), autocommit=True) as db:
        yield db
