"""How long a statement of 1,000 rows takes through the API, in an account that has some already; no file is needed.

    python -m benchmarks.api_import [requests]

The mark (2 cores): p95 at most 400 ms. Every file is new to the account. The client waits for each answer.
"""

import asyncio
import io
import os
import sys
import tempfile
import time
from datetime import date, timedelta
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.api_latency import PORT, served

ROWS = 1000
BOUNDARY = "boundary"


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "RATE_LIMIT_MAX": "1000000000", "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            key = asyncio.run(_key())
            with served():
                taken = [_import(key, number) for number in range(times)]
    first, rest = taken[0], sorted(taken[1:])
    print(f"first {first:.0f} ms, then p50 {rest[len(rest) // 2]:.0f} ms, p95 {rest[int(len(rest) * 0.95)]:.0f} ms")


async def _key() -> str:
    from ai2.books.categories import service as categories
    from ai2.identity import api_keys, organizations
    from ai2.identity.principal import Role
    from ai2.kit.database import Database

    async with Database() as database, database.transaction() as db:
        owner = await organizations.create(db, name="Importer", base_currency="GBP")
        await categories.create_defaults(db, owner.organization_id)
        return (await api_keys.create(db, owner.organization_id, name="benchmark", role=Role.OWNER)).secret


def _import(key: str, number: int) -> float:
    """Milliseconds of one upload, the connection open before."""
    body = _form(_statement(number))
    headers = {"X-API-Key": key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection = _connected()
    started = time.perf_counter()
    connection.request("POST", "/api/core/csv-import", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201 or f'"loaded":{ROWS}'.encode() not in text:
        raise SystemExit(text.decode())
    return (time.perf_counter() - started) * 1000


def _connected() -> HTTPConnection:
    """Connected to the API; the first time, once it answers."""
    for _ in range(600):
        connection = HTTPConnection("127.0.0.1", PORT, timeout=120)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit("the API did not start")


def _statement(number: int) -> str:
    text = io.StringIO("Date,Description,Amount\n")
    text.seek(0, io.SEEK_END)
    for row in range(ROWS):
        day = date(2020, 1, 1) + timedelta(days=number * 10 + row // 100)
        text.write(f"{day},TESCO STORES {row * 7 % 977} LEEDS,-{row % 90 + 1}.{number % 100:02}\n")
    return text.getvalue()


def _form(text: str) -> bytes:
    parts = {'name="account_name"': "Cards", 'name="file"; filename="statement.csv"': text}
    fields = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n" for name, value in parts.items()
    ]
    return "".join([*fields, f"--{BOUNDARY}--\r\n"]).encode()


if __name__ == "__main__":
    main()
