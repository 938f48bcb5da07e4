"""How long 1,000 connections that are due at once take: each call answers after 200 ms, and the provider has limits.

    python -m benchmarks.connections [connections]

The mark (2 cores, nothing else running): all done in 300 s, and the provider's limits never exceeded. The connections
are of 50 organizations; each asks for its accounts, then for two pages of 25 transactions, of a server in a process of
its own that counts: a credential may call 30 times in 10 s, and all of an organization share one for a tenth call.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.books_of_many import throwaway

CONNECTIONS, ORGANIZATIONS, ROWS_OF_A_PAGE, PAGES = 1000, 50, 25, 2
LATENCY_S, CALLS, SECONDS = 0.2, 30, 10.0
PROVIDER = f"""
import asyncio, json, time
from collections import defaultdict

called = defaultdict(list)

async def serve(reader, writer):
    at = time.monotonic()
    path = (await reader.readline()).split()[1].decode()
    while (await reader.readline()).strip():
        pass
    if path == "/most":
        most = 0
        for times in called.values():
            for place, first in enumerate(times):
                most = max(most, sum(first <= other < first + {SECONDS} for other in times[place:]))
        body = json.dumps({{"calls": sum(map(len, called.values())), "most_in_a_window": most}})
    else:
        credential, account, page = path.strip("/").split("/")
        called[credential].append(at)
        await asyncio.sleep({LATENCY_S})
        body = "\\n".join(json.dumps({{"id": f"{{account}}-{{page}}-{{row}}", "date": f"2026-03-{{row + 1:02}}",
            "amount": f"-{{row + 1}}.50", "currency": "GBP", "description": f"Shop {{row}} {{page}}"}})
            for row in range({ROWS_OF_A_PAGE}))
    writer.write(f"HTTP/1.0 200 OK\\r\\nContent-Length: {{len(body)}}\\r\\n\\r\\n{{body}}".encode())
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def main(connections: int = CONNECTIONS) -> None:
    with subprocess.Popen([sys.executable, "-c", PROVIDER], stdout=subprocess.PIPE, text=True) as provider:
        try:
            port = int(provider.stdout.readline()) if provider.stdout else 0
            with throwaway():
                asyncio.run(measure(connections, f"http://127.0.0.1:{port}"))
        finally:
            provider.kill()


async def measure(connections: int, address: str) -> None:
    from ai2 import flows
    from ai2.ingest.sources import names
    from ai2.kit.database import Database, Role

    source = _source(address)
    names.all_of_them = lambda: {source.name: source}  # type: ignore[assignment]
    async with Database() as database, Database(Role.PIPELINE) as pipeline:
        await _fill(database, connections)
        busiest = asyncio.create_task(_busiest(pipeline))
        started, cpu = time.perf_counter(), time.process_time()
        synced = await flows.sync_due(database, pipeline)
        took = time.perf_counter() - started
        busiest.cancel()
        async with pipeline.transaction() as db:
            row = await (
                await db.execute(
                    "select count(*) filter (where outcome = 'ok') as ok, sum(rows_loaded) as loaded from connect.syncs"
                )
            ).fetchone()
    told = json.loads(_get(f"{address}/most"))
    print(
        f"{connections:,} connections due at once: {took:.0f} s (mark 300), {time.process_time() - cpu:.0f} s of CPU; "
        f"{len(synced.ran):,} ran, {row['ok'] if row else 0:,} well, {row['loaded'] if row else 0:,} rows loaded"
    )
    print(
        f"the provider saw {told['calls']:,} calls, of a credential {told['most_in_a_window']} at most in any "
        f"{SECONDS:.0f} s (limit {CALLS}); {_BUSIEST[0]} transactions of ours at once at most"
    )


@dataclass(frozen=True)
class _Fleet:
    address: str

    def pages(self, session: Any) -> Iterator[Any]:
        from ai2.ingest.sources.model import Document, Page

        of_it, shared = session.settings["account"], session.settings["organization"]
        self._call(session, shared if of_it % 10 == 0 else f"c{of_it}", of_it, 9)
        for page in range(PAGES):
            content = self._call(session, f"c{of_it}", of_it, page)
            yield Page(documents=(Document("feed.jsonl", content, "main"),), cursor={"page": page})

    def _call(self, session: Any, credential: str, account: int, page: int) -> bytes:
        session.pace(credential)
        return _get(f"{self.address}/{credential}/{account}/{page}")


def _source(address: str) -> Any:
    from ai2.ingest.sources.model import Connected, Limit, RemoteAccount, Source

    return Source(
        name="fleet", title="Fleet", kind="bank", way="credentials", settings={}, credentials={},
        connect=lambda session: Connected(accounts=(RemoteAccount("main", "Main", "GBP"),)),
        pages=_Fleet(address).pages, limit=Limit(CALLS, SECONDS),
    )  # fmt: skip


async def _fill(database: Any, connections: int) -> None:
    from ai2.books.categories import service as categories
    from ai2.connections import service
    from ai2.identity import organizations

    whose = []
    for number in range(min(ORGANIZATIONS, connections)):
        async with database.transaction() as db:
            made = await organizations.create(db, name=f"Number {number}", base_currency="GBP", country="GB")
            await categories.create_defaults(db, made.organization_id)
            whose.append(made.organization_id)
    for number in range(connections):
        place = number % len(whose)
        await service.connect(
            database, whose[place], provider="fleet", kind="bank", name=f"Bank {number}",
            settings={"account": number, "organization": f"o{place}"}, secret={"token": str(number)},
            created_by="benchmark",
        )  # fmt: skip


_BUSIEST = [0]


async def _busiest(pipeline: Any) -> None:
    """How many transactions of the API's role are open at once, at most."""
    query = """
        select count(*) as open from pg_stat_activity
        where usename = 'ai2_api' and backend_type = 'client backend' and state <> 'idle'
    """
    while True:
        async with pipeline.transaction() as db:
            row = await (await db.execute(query)).fetchone()
            _BUSIEST[0] = max(_BUSIEST[0], row["open"] if row else 0)
        await asyncio.sleep(0.2)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - this machine's own
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
