"""How soon the API answers with the council's purchase cards (131,618 rows) in the books, one worker, one client.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.api_latency [requests]

The marks (2 cores), p50 and p99 in milliseconds: list of 50: 10, 50; dashboard: 30, 100; analyze: 10, 50.
The client waits for each answer before it asks again, over one connection that stays open; its own work of some
0.2 ms is in the figures. `cpu` is what the API and PostgreSQL worked for one answer: where other programs run, that
is what a quiet machine would take. It all takes some four minutes, half of them to fill the books.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

FILE = "purchases/council_cards_2013_2016.csv.gz"
PORT = 18_431
Request = tuple[str, str, dict[str, Any] | None]


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "RATE_LIMIT_MAX": "1000000000", "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            key = asyncio.run(_prepare(data))
            with served() as api:
                _report(key, times, [api, psutil.Process(postgres.server_pid(Path(home)))])


async def _prepare(data: Path) -> str:
    """The council's books, and a key to them."""
    from ai2 import flows
    from ai2.books.categories import service as categories
    from ai2.identity import api_keys, organizations
    from ai2.identity.principal import Role
    from ai2.ingest.service import ImportOptions, Source
    from ai2.kit import database as roles
    from ai2.kit.database import Database

    async with Database(roles.Role.PIPELINE) as pipeline:
        print(await flows.retrain(pipeline))
    async with Database() as database:
        async with database.transaction() as db:
            council = await organizations.create(db, name="Council", base_currency="GBP")
            await categories.create_defaults(db, council.organization_id)
            key = await api_keys.create(db, council.organization_id, name="benchmark", role=Role.OWNER)
        imported = await flows.import_file(
            database,
            organization_id=council.organization_id,
            account_name="Cards",
            path=data,
            file_name=data.name,
            options=ImportOptions(positive_is="out"),
            source=Source.CLI,
            imported_by="benchmark",
        )
        print(imported.rows, await flows.categorise(database, council.organization_id))
    return key.secret


@contextmanager
def served() -> Iterator[psutil.Process]:
    command = f"from api.serve import run; run({{'core': {PORT}, 'ai': {PORT + 1}}})"
    process = subprocess.Popen([sys.executable, "-c", command])
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def settle(api: psutil.Process) -> None:
    """Wait until an API that answers by now has loaded what it loads a while later, which takes a core for seconds."""
    from api.core import WARM_AFTER_S

    time.sleep(WARM_AFTER_S + 2)
    before = -1.0
    while (worked := sum(_cpu_s([api]).values())) - before > 0.1:
        before = worked
        time.sleep(2)


def _report(key: str, times: int, workers: list[psutil.Process]) -> None:
    core, ai = _Client(PORT, key), _Client(PORT + 1, key)
    core.wait(), ai.wait()
    settle(workers[0])
    print(f"{'':32}{'p50':>8}{'p99':>8}{'max':>8}{'cpu':>8}   ms")
    for name, client, requests in (
        ("list", core, [_get("limit=50")]),
        ("list, filtered, by amount", core, [_get("limit=50&sort=amount&start_date=2014-01-01&type=expense")]),
        ("list, deep", core, _deep(core)),
        ("dashboard, a year", core, [("GET", "/api/core/dashboard?period=2015", None)]),
        ("dashboard, all four", core, [("GET", "/api/core/dashboard?period=2013-01-01..2016-12-31", None)]),
        ("analyze", ai, _questions(core)),
        ("create", core, [("POST", "/api/core/transactions", _lunch(core))]),
    ):
        client.connection.close()  # one that was idle may be closed at the other end; the next request opens it
        for request in itertools.islice(itertools.cycle(requests), 20):
            client.ask(*request)
        worked = _cpu_s(workers)
        taken = sorted(client.ask(*request)[0] for request in itertools.islice(itertools.cycle(requests), times))
        # PostgreSQL's own housekeepers come and go
        cpu_ms = sum(now - worked[pid] for pid, now in _cpu_s(workers).items() if pid in worked) * 1000 / times
        p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        print(f"{name:32}{p50:8.1f}{p99:8.1f}{taken[-1]:8.1f}{cpu_ms:8.1f}", flush=True)


def _cpu_s(workers: list[psutil.Process]) -> dict[int, float]:
    """What each of these processes and those they started have worked, by process id."""
    everyone = [process for worker in workers for process in (worker, *worker.children(recursive=True))]
    return {process.pid: sum(process.cpu_times()[:2]) for process in everyone}


def _get(query: str) -> Request:
    return "GET", f"/api/core/transactions?{query}", None


def _deep(client: "_Client") -> list[Request]:
    """Pages from the middle of the books: 60 pages of 1,000 in."""
    cursor = ""
    for _ in range(60):
        cursor = "&cursor=" + client.ask(*_get(f"limit=1000{cursor}"))[1]["next_cursor"]
    return [_get(f"limit=50{cursor}")]


def _questions(client: "_Client") -> list[Request]:
    """A thousand descriptions of the books, so that no answer is one that was just given."""
    items = client.ask(*_get("limit=1000"))[1]["items"]
    return [
        ("POST", "/api/ai/analyze-transaction", {"description": row["description"], "amount": row["amount"]})
        for row in items
    ]


def _lunch(client: "_Client") -> dict[str, Any]:
    account = client.ask("GET", "/api/core/accounts", None)[1]["items"][0]["account_id"]
    lunch = {"date": "2016-01-05", "amount": "-12.50", "currency": "GBP", "description": "CORNER CAFE LONDON"}
    return {**lunch, "account_id": account}


class _Client:
    """One connection that stays open."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"X-API-Key": key, "Content-Type": "application/json"}

    def wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                self.ask("GET", "/ready", None)
            except OSError:
                self.connection.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    def ask(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[float, Any]:
        """The milliseconds an answer took, and the answer."""
        sent = json.dumps(body) if body else None
        started = time.perf_counter()
        self.connection.request(method, path, sent, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        elapsed_ms = (time.perf_counter() - started) * 1000
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content.decode()[:300]}")
        return elapsed_ms, json.loads(content)


if __name__ == "__main__":
    main()
