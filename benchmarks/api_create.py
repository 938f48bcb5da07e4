"""How soon and how often the API writes a transaction down, with its event and its entry in the audit: one worker.

    python -m benchmarks.api_create [requests] [clients at once]

The marks (2 cores): p50 12 ms with one client, and 300 a second with several, each of an organization of its own. Last
all write into one account and day, whose totals only one at a time can change. Clients and database share the machine;
`cpu` is what the API and PostgreSQL worked for one answer. It takes a minute.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from benchmarks.api_latency import PORT, _cpu_s, served, settle

LUNCH = {"date": "2026-01-05", "amount": "-12.50", "currency": "GBP", "description": "CORNER CAFE LONDON"}


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "RATE_LIMIT_MAX": "1000000000", "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            senders = asyncio.run(_prepare(clients))
            with served() as api:
                workers = [api, psutil.Process(postgres.server_pid(Path(home)))]
                asyncio.run(_report(senders, times, workers))


async def _prepare(clients: int) -> list[bytes]:
    """The request of each client, of an organization of its own."""
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import api_keys, organizations
    from ai2.identity.principal import Role
    from ai2.kit.database import Database

    made = []
    async with Database() as database:
        for number in range(clients):
            async with database.transaction() as db:
                mine = await organizations.create(db, name=f"Bench {number}", base_currency="GBP")
                await categories.create_defaults(db, mine.organization_id)
                account = await accounts.create(db, mine.organization_id, name="Current", currency="GBP")
                key = await api_keys.create(db, mine.organization_id, name="benchmark", role=Role.OWNER)
                made.append(_request(key.secret, {**LUNCH, "account_id": str(account.account_id)}))
    return made


def _request(key: str, body: dict[str, Any]) -> bytes:
    sent = json.dumps(body).encode()
    head = f"Host: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    return f"POST /api/core/transactions HTTP/1.1\r\n{head}".encode() + sent


async def _report(senders: list[bytes], times: int, workers: list[psutil.Process]) -> None:
    await _wait()
    await asyncio.to_thread(settle, workers[0])
    await asyncio.gather(*(_ask(request, 50) for request in senders))
    one = senders[:1]
    for named, requests in (("one", one), ("each its own", senders), ("into one account", one * len(senders))):
        worked, started = _cpu_s(workers), time.perf_counter()
        at_once = len(requests)
        taken = sorted(chain(*await asyncio.gather(*(_ask(request, times // at_once) for request in requests))))
        elapsed_s = time.perf_counter() - started
        cpu_ms = sum(now - worked[pid] for pid, now in _cpu_s(workers).items() if pid in worked) * 1000 / len(taken)
        p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        rate = len(taken) / elapsed_s
        told = f"p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, {rate:6.0f} a second, cpu {cpu_ms:5.1f} ms"
        print(f"{at_once:3} at once, {named}: {told}")


async def _wait() -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return


async def _ask(request: bytes, times: int) -> list[float]:
    """The milliseconds that each answer took, over one connection that stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 201 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode())
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        taken.append((time.perf_counter() - started) * 1000)
    writer.close()
    return taken


if __name__ == "__main__":
    main()
