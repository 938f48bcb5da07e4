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


# One process has everything imported, and each server is a fork of it: what is killed is back at once.
PARENT = """
import os, signal, sys
from importlib import import_module
from api.serve import run

import_module("api.core")
for line in sys.stdin:
    child = os.fork()
    if not child:
        run({"core": int(line)})
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@dataclass
class Api:
    """The API's process, and where it listens."""

    port: int
    pid: int = 0
    parent: "subprocess.Popen[str]" = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        told = {**os.environ, "RATE_LIMIT_MAX": "1000000", "LOG_LEVEL": "error", "DATABASE_POOL_MAX": "12"}
        command, pipe = [sys.executable, "-c", PARENT], subprocess.PIPE
        self.parent = subprocess.Popen(command, env=told, stdin=pipe, stdout=pipe, text=True)

    def start(self) -> None:
        assert self.parent.stdin
        assert self.parent.stdout
        self.parent.stdin.write(f"{self.port}\n")
        self.parent.stdin.flush()
        self.pid = int(self.parent.stdout.readline())
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self, by: int = signal.SIGKILL) -> None:
        """As the kernel does when memory is short."""
        assert self.parent.stdout
        os.kill(self.pid, by)
        while self.parent.stdout.readline() != "ended\n":
            pass

    def stop(self) -> None:
        self.kill(signal.SIGTERM)
        assert self.parent.stdin
        self.parent.stdin.close()
        self.parent.wait(20)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", timeout=5).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="session")
def api(server: None) -> Iterator[Api]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        found = Api(free.getsockname()[1])
    found.prepare()
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
