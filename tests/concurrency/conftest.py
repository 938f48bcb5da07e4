"""What tests of concurrency share: the API as a process of its own, over HTTP on a real PostgreSQL, to be killed."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from ai2.identity import api_keys
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database

WHOLE = os.environ.get("AI2_CONCURRENCY") == "whole"
SEED = int(os.environ.get("AI2_CONCURRENCY_SEED", str(random.randrange(1 << 32))))
START_S = 60


@dataclass
class Api:
    """The API's process, and where it listens."""

    port: int
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        told = {**os.environ, "CORE_PORT": str(self.port), "RATE_LIMIT_MAX": "1000000", "LOG_LEVEL": "error"}
        command = [sys.executable, "-m", "ai2", "serve", "core", "--no-gateway"]
        self.process = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="session")
def api(server: None) -> Iterator[Api]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        found = Api(free.getsockname()[1])
    found.start()
    yield found
    found.stop()


@pytest.fixture
def chance() -> random.Random:
    """Chance that can be had again: AI2_CONCURRENCY_SEED."""
    print(f"seed {SEED}")
    return random.Random(SEED)


async def key_of(database: Database, organization: Organization) -> dict[str, str]:
    async with database.transaction(organization.organization_id) as db:
        key = await api_keys.create(db, organization.organization_id, name="test", role=Role.OWNER)
    return {"X-API-Key": key.secret}


@pytest.fixture
async def client(api: Api, database: Database, organization: Organization) -> AsyncIterator[httpx.AsyncClient]:
    """The owner of an organization; as many connections as requests at once."""
    limits = httpx.Limits(max_connections=60, max_keepalive_connections=60)
    headers = await key_of(database, organization)
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=60, limits=limits) as made:
        yield made


@pytest.fixture
async def other_client(api: Api, database: Database, stranger: Organization) -> AsyncIterator[httpx.AsyncClient]:
    """The owner of another organization."""
    headers = await key_of(database, stranger)
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=60) as made:
        yield made
