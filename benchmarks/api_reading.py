"""How soon the API reads: lists, dashboard and search of 200,000 transactions among 1,000,000 of 200 organizations.

    python -m benchmarks.api_reading [rows]

The marks (2 cores, one worker, nothing else running): list of 50, filtered and sorted, and 1,000 pages deep: p50 8 ms,
p99 40 ms at 100 requests a second; dashboard of the last 12 months: 25, 100; search with a typo: p50 40. Throughput of
the list: half of what a bare FastAPI route reaches that runs one pooled SELECT of 50 rows into the same response model,
without credential, row-level security or limits. The list's query under row-level security: 1.15 times what it takes
without. `cpu` is what the API and PostgreSQL worked for one answer: where other programs run, that tells more.
"""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil

from benchmarks.api_latency import settle
from benchmarks.books_of_many import ROWS, Owner, fill, key_of, throwaway
from benchmarks.loading import Target, Work

PORT, BARE_PORT = 18_441, 18_442
LIST = "/api/core/transactions"
FILTERED = f"{LIST}?limit=50&type=expense&start_date=2020-01-01&sort=amount"
TYPOS = (
    "tescco", "lodnon", "sainsburry leeds", "netflx", "amznmktplce", "bristl tesco", "kithcens london", "cafe muler",
    "азбкуа", "octpus enegry", "trainlien", "premeir inn bath",
)  # fmt: skip
SECONDS = 20
LIST_MARK = "p50 8, p99 40"


def main(rows: int = ROWS) -> None:
    with throwaway() as home:
        owner = fill(rows)[0]
        key = key_of(owner)
        print(f"row-level security: {asyncio.run(_cost_of_policies(owner)):.2f} times the same without (mark 1.15)")
        with served(f"from api.serve import run; run({{'core': {PORT}}})", PORT) as api:
            settle(psutil.Process(api))
            _latencies(Target(PORT, key), home, api)
            bare = f"from benchmarks.api_reading import bare; bare({str(owner.organization_id)!r})"
            with served(bare, BARE_PORT):
                _throughput(Target(PORT, key), Target(BARE_PORT))


def _latencies(target: Target, home: Path, api: int) -> None:
    from ai2.kit import postgres

    print(f"{'':28}{'rate':>6}{'p50':>8}{'p99':>8}{'max':>8}{'cpu':>8}   ms")
    for name, per_s, mark, paths in (
        ("list", 100, LIST_MARK, [f"{LIST}?limit=50"]),
        ("list, filtered, by amount", 100, LIST_MARK, [FILTERED]),
        ("list, page 1,000", 100, LIST_MARK, [_deep(target, f"{LIST}?limit=50")]),
        ("filtered, page 1,000", 100, LIST_MARK, [_deep(target, FILTERED)]),
        ("dashboard, 12 months", 20, "p50 25, p99 100", ["/api/core/dashboard"]),
        ("search with a typo", 20, "p50 40", [f"{LIST}?limit=50&search={quote(typo)}" for typo in TYPOS]),
    ):
        target.at_rate(paths, per_s, 2)
        work = Work(api, postgres.server_pid(home) or api)
        latency = target.at_rate(paths, per_s, SECONDS)
        cpu_ms = work.ms() / len(latency.taken_ms)
        figures = "".join(f"{latency.at(share):8.1f}" for share in (0.5, 0.99, 1))
        print(
            f"{name:28}{per_s:6}{figures}{cpu_ms:8.1f}   (mark {mark})",
            f"{latency.refused} refused" * (latency.refused > 0),
            flush=True,
        )


def _deep(target: Target, path: str) -> str:
    """The same list where 1,000 pages of 50 lie before."""
    cursor = ""
    for _ in range(50):
        page = target.ask(f"{path.replace('limit=50', 'limit=1000')}{cursor}")
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    return path + cursor


def _throughput(ours: Target, bare: Target) -> None:
    """In turns, so that what else runs on the machine slows both."""
    shares = []
    for _ in range(5):
        bare_per_s = bare.throughput("/", 8, 4)
        ours_per_s = ours.throughput(f"{LIST}?limit=50", 8, 4)
        shares.append(ours_per_s / bare_per_s)
        print(f"throughput: bare {bare_per_s:.0f}/s, list {ours_per_s:.0f}/s, {shares[-1]:.2f}", flush=True)
    print(f"throughput of the list: {statistics.median(shares):.2f} of a bare route's (mark 0.50)")


async def _cost_of_policies(owner: Owner, times: int = 300) -> float:
    """The list's page under row-level security, as a multiple of what it takes whom no policy holds."""
    from ai2.books.transactions import listing
    from ai2.kit.database import Database, Role

    taken: dict[Role, list[float]] = {Role.API: [], Role.ADMIN: []}
    async with Database(Role.API) as api, Database(Role.ADMIN) as admin:
        for number in range(times + 20):
            for role, database in ((Role.API, api), (Role.ADMIN, admin)):
                async with database.transaction(owner.organization_id) as db:
                    started = time.perf_counter()
                    await listing.page(db, owner.organization_id, listing.Filter(), cursor=None, limit=50)
                    if number >= 20:
                        taken[role].append(time.perf_counter() - started)
    return statistics.median(taken[Role.API]) / statistics.median(taken[Role.ADMIN])


def bare(organization_id: str) -> None:
    """A FastAPI route that runs one SELECT of 50 rows by a pool and answers by the list's own response model."""
    from contextlib import asynccontextmanager

    import uvicorn
    import uvloop
    from fastapi import FastAPI

    from ai2.books.transactions.repository import COLUMNS
    from ai2.kit.database import Database, Role
    from api.core.transactions import Transactions

    database = Database(Role.ADMIN)
    query = f"""
        select {COLUMNS} from published.transactions
        where organization_id = '{organization_id}' and deleted_at is null
        order by booked_on desc limit 50
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI):  # type: ignore[no-untyped-def]
        async with database:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/", response_model=Transactions)
    async def rows() -> dict[str, object]:
        async with database._pool.connection() as db:
            return {"items": await (await db.execute(query)).fetchall()}

    server = uvicorn.Server(
        uvicorn.Config(app, port=BARE_PORT, http="httptools", log_config=None, access_log=False, server_header=False)
    )
    uvloop.run(server.serve())


@contextmanager
def served(command: str, port: int) -> Iterator[int]:
    """A server in a process of its own, once it answers: its process id."""
    process = subprocess.Popen([sys.executable, "-c", command])
    try:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
