"""What the crash tests share: an installation of their own, whose PostgreSQL is as in production, and its killing."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from ai2.kit import postgres
from ai2.kit.database import Role, connection_parameters
from ai2.kit.settings import Settings

ROWS = int(os.environ.get("AI2_CRASH_ROWS", "5000"))
SEED = int(os.environ.get("AI2_CRASH_SEED", str(random.randrange(1 << 32))))
WORDS = ("--positive-is", "in", "--json")
# An import beside ever more accounts that have the same rows takes ever longer to look for transfers.
PATIENCE_S = 120 + ROWS / 250
PREPARE = """
import asyncio, sys
from ai2.books.categories import service as categories
from ai2.identity import organizations
from ai2.kit.database import Database
from ai2.kit.migrate import migrate

async def make():
    async with Database() as database, database.transaction() as db:
        made = await organizations.create(db, name="Crash", base_currency="GBP", country="GB")
        await categories.create_defaults(db, made.organization_id)
    print(made.organization_id)

migrate()
asyncio.run(make())
"""
RECEIVE = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from ai2 import flows
from ai2.ingest.service import ImportOptions, Source
from ai2.kit.database import Database

async def receive(organization, account, file):
    async with Database() as database:
        return await flows.receive_file(
            database, organization_id=UUID(organization), account_name=account, path=Path(file), file_name="s.csv",
            options=ImportOptions(positive_is="in"), source=Source.API, imported_by="system")

print(asyncio.run(receive(*sys.argv[1:])))
"""


@dataclass
class Installation:
    """A home with its server, a file to import, and how long that takes undisturbed."""

    home: Path
    file: Path
    rows: Counter[tuple[str, str, str]]
    organization: str = ""
    usual_s: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    @property
    def log(self) -> Path:
        return self.home / "command.log"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "AI2_HOME": str(self.home), "ENABLE_AI": "false"}

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """Start a command of Python. What it answers is read by whoever waits for it; what it logs goes to a file."""
        command = [sys.executable, *map(str, words)]
        with self.log.open("w") as log:
            return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)

    def run(self, *words: object) -> str:
        process = self.start(*words)
        said, _ = process.communicate(timeout=280)
        assert process.returncode == 0, said + self.log.read_text()
        return said

    def importing(self, account: str) -> "subprocess.Popen[str]":
        return self.start("-m", "ai2", "import", self.file, "--account", account, *WORDS)

    def import_whole(self, account: str) -> dict[str, Any]:
        """Import, undisturbed; what it answers."""
        found: dict[str, Any] = json.loads(self.run("-m", "ai2", "import", self.file, "--account", account, *WORDS))
        return found

    def kill_server(self) -> None:
        """As a power cut takes it: the postmaster, and no word to its backends."""
        pid = postgres.server_pid(self.home)
        assert pid
        server = psutil.Process(pid)
        server.send_signal(signal.SIGKILL)
        server.wait(10)

    def ask(self, query: str, **parameters: Any) -> list[Any]:
        with self.connect() as connection:
            return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]

    @contextlib.contextmanager
    def connect(self) -> Iterator[Any]:
        known = connection_parameters(Role.ADMIN, using=Settings(ai2_home=self.home))
        with psycopg.connect(**known) as connection:
            yield connection

    def settled(self) -> None:
        """Wait until what the killed left behind has ended: nobody is in a transaction."""
        query = """
            select count(*) from pg_stat_activity
            where usename = 'ai2_api' and pid <> pg_backend_pid() and state <> 'idle'
        """
        deadline = time.monotonic() + PATIENCE_S
        while self.ask(query)[0][0]:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def ended(self, job_id: str) -> str:
        """How a job ended; it waits for that."""
        query = "select state from queue.jobs where job_id = %(job_id)s"
        deadline = time.monotonic() + PATIENCE_S
        while (state := self.ask(query, job_id=job_id)[0][0]) in ("queued", "running"):
            if time.monotonic() > deadline:
                return f"still {self.ask('select to_jsonb(job) from queue.jobs as job')}"
            time.sleep(0.2)
        return str(state)

    def is_loaded(self, account: str) -> bool:
        """Whether the account has the whole file; having a part of it is the failure that is looked for."""
        found = Counter(
            (str(day), str(amount), text)
            for day, amount, text in self.ask(
                """
                select transaction.booked_on, transaction.amount, transaction.description
                from books.transactions as transaction
                inner join books.accounts as account using (organization_id, account_id)
                where account.name = %(account)s and transaction.deleted_at is null
                """,
                account=account,
            )
        )
        assert found in (Counter(), self.rows), f"{found.total()} of {self.rows.total()} rows"
        self._check_rest(account, found)
        return bool(found)

    def _check_rest(self, account: str, found: Counter[tuple[str, str, str]]) -> None:
        """Batches, lines, identities and totals say the same as the transactions."""
        net = sum((Decimal(amount) * number for (_, amount, _), number in found.items()), Decimal(0))
        [(total, counted)] = self.ask(
            """
            select coalesce(sum(money_in - money_out), 0), coalesce(sum(transactions), 0)
            from books.daily_totals inner join books.accounts as account using (organization_id, account_id)
            where account.name = %(account)s
            """,
            account=account,
        )
        assert (total, counted) == (net, found.total())
        loaded = self.ask(
            """
            select rows_in, rows_loaded, (
                select count(*) from ingest.identities as known
                where known.organization_id = batch.organization_id and known.batch_id = batch.batch_id
            )
            from ingest.batches as batch inner join books.accounts as account using (organization_id, account_id)
            where account.name = %(account)s and batch.status = 'loaded' and batch.rows_loaded > 0
            """,
            account=account,
        )
        assert loaded == ([(found.total(),) * 3] if found else [])


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """An installation with the settings of production, held up for as long as the tests run."""
    print(f"AI2_CRASH_SEED={SEED} AI2_CRASH_ROWS={ROWS}")
    home = Path(tempfile.mkdtemp(prefix="ai2-crash-"))
    home.chmod(0o711)
    file = home / "statement.csv"
    made = Installation(home, file, _written(file))
    with postgres.running(home):
        made.organization = made.run("-c", PREPARE).strip()
        started = time.monotonic()
        made.import_whole("usual")
        made.usual_s = time.monotonic() - started
        assert made.is_loaded("usual")
        yield made
    shutil.rmtree(home)
    shutil.rmtree(postgres.cluster(home).folder, ignore_errors=True)


def _written(file: Path) -> Counter[tuple[str, str, str]]:
    """A statement with equal rows among its rows; what should be in the books."""
    chance = random.Random(1)
    rows = [
        (f"2025-{1 + row * 12 // ROWS:02}-{1 + row % 28:02}", f"{chance.randrange(-9999, 9999) / 100:.2f}",
         f"SHOP {chance.randrange(300)}")
        for row in range(ROWS)
    ]  # fmt: skip
    rows[1::50] = rows[: len(rows[1::50])]
    rows = [(day, amount, text) for day, amount, text in rows if amount not in ("0.00", "-0.00")]
    file.write_text("Date,Amount,Description\n" + "".join(f"{','.join(row)}\n" for row in rows))
    return Counter(rows)
