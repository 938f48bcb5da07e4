"""How long a first sync of a bank takes, and how soon a webhook is answered.

    python -m benchmarks.plaid [transactions] [webhooks]

The marks (2 cores): the first sync of 10,000 transactions from a bank on this machine, 5 s; a webhook, its signature
verified and its work queued, p95 30 ms. The work is what this process (the bank in it) or the API, and PostgreSQL did:
what a quiet machine would take. Webhooks come one after another, each of other words.
"""

import asyncio
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
from uuid import UUID

import psutil

from benchmarks.api_latency import _cpu_s
from tests.connections.fakes.plaid import CLIENT_ID, SECRET, Plaid, serving
from tests.connections.fakes.plaid_bank import Item, account, row

PORT = 18_441
HOOK = "/api/connectors/webhook/plaid"


def main() -> None:
    transactions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    webhooks = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home, serving(Plaid(checks=False)) as bank:
        Path(home).chmod(0o711)
        os.environ |= {
            "AI2_HOME": home, "LOG_LEVEL": "warn", "PLAID_CLIENT_ID": CLIENT_ID, "PLAID_SECRET": SECRET,
            "PLAID_URL": bank.url,
        }  # fmt: skip
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            server = psutil.Process(postgres.server_pid(Path(home)))
            for number in (500, transactions):  # the first loads what there is to load
                asyncio.run(first_sync(bank, number, server))
            with served() as api:
                answers(bank, list(bank.items.values())[-1], webhooks, [api, server])
            asyncio.run(queued())


async def first_sync(bank: Plaid, number: int, server: psutil.Process) -> None:
    from ai2.books.categories import service as categories
    from ai2.connections import service, syncing
    from ai2.identity import organizations
    from ai2.kit.database import Database, one

    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Shop", base_currency="USD")).organization_id
            await categories.create_defaults(db, owner)
        connection_id, item = await connected(bank, database, owner)
        at = [each["account_id"] for each in item.accounts]
        item.history = [
            ("added", row(at[place % 2], f"{place % 900}.{place % 100:02}", f"2026-0{1 + place % 9}-1{place % 10}",
                          f"CARD PAYMENT {place % 1200} SHOP", merchant_name=f"Shop {place % 1200}"))
            for place in range(number)
        ]  # fmt: skip
        worked, started = _cpu_s([psutil.Process(), server]), time.perf_counter()
        await syncing.sync(database, owner, connection_id, trigger="connect")
        taken = time.perf_counter() - started
        now = _cpu_s([psutil.Process(), server])
        cpu = sum(each - worked.get(pid, 0) for pid, each in now.items())
        async with database.transaction(owner) as db:
            found = await one(db, "select count(*) as rows from published.transactions")
            last, *_ = await service.history(db, owner, connection_id, before=None, limit=1)
    assert found == {"rows": number}, found
    assert last.outcome == "ok", last
    print(f"first sync of {number:6} transactions {taken:6.2f} s, {cpu:6.2f} s of work", flush=True)


async def connected(bank: Plaid, database: Any, owner: UUID) -> tuple[UUID, Item]:
    from ai2.connections import service

    made, begun = await service.begin(
        database, owner, provider="plaid", kind="bank", name="Bank", settings={}, secret={}, created_by="benchmark"
    )
    public = bank.consent(str(begun.link_token), [account(1), account(2)])
    await service.finish(database, owner, made.connection_id, {"public_token": public}, actor="benchmark")
    return made.connection_id, list(bank.items.values())[-1]


@contextmanager
def served() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", f"from api.serve import run; run({{'connectors': {PORT}}})"])
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def answers(bank: Plaid, item: Item, number: int, workers: list[psutil.Process]) -> None:
    line = HTTPConnection("127.0.0.1", PORT, timeout=10)
    _wait(line)
    taken: list[float] = []
    worked: dict[int, float] = {}
    for place in range(number + 20):
        if place == 20:
            taken, worked = [], _cpu_s(workers)
        headers, body = bank.webhook(item, "SYNC_UPDATES_AVAILABLE", "TRANSACTIONS", user_id=f"usr_{place}")
        started = time.perf_counter()
        line.request("POST", HOOK, body, headers)
        answer = line.getresponse()
        told = json.loads(answer.read())
        taken.append((time.perf_counter() - started) * 1000)
        assert (answer.status, told) == (200, {"received": True}), (answer.status, told)
    cpu_ms = sum(now - worked.get(pid, 0) for pid, now in _cpu_s(workers).items()) * 1000 / number
    taken.sort()
    p50, p95 = taken[number // 2], taken[int(number * 0.95)]
    told = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, the slowest {taken[-1]:.1f} ms"
    print(f"{number} webhooks: {told}, {cpu_ms:.1f} ms of work", flush=True)


def _wait(line: HTTPConnection) -> None:
    for _ in range(300):
        try:
            line.request("GET", "/health")
            line.getresponse().read()
            return
        except OSError:
            line.close()
            time.sleep(0.2)
    raise TimeoutError("the API does not come up")


async def queued() -> None:
    from ai2.kit.database import Database, Role, one

    async with Database(Role.PIPELINE) as database, database.transaction() as db:
        taken = await one(db, "select count(*) as webhooks from connect.webhooks where connection_id is not null")
        waiting = await one(db, "select count(*) as jobs from queue.jobs where kind = 'sync' and state = 'queued'")
    print(f"written down: {taken}; one job serves all of them: {waiting}")


if __name__ == "__main__":
    main()
