"""Load: what the API does, while the schema changes under it: how long anyone waited, and for how long a lock was held.

Its statements are those that every version since the second has: list, create, change, delete.
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg

from ai2.kit.database import Role, connection_parameters

LIST = """
select transaction_id, booked_on, amount, description, category, type from published.transactions
where organization_id = %(organization_id)s and deleted_at is null order by booked_on desc, transaction_id desc limit 50
"""
CREATE = """
insert into books.transactions (organization_id, transaction_id, account_id, booked_on, amount, currency, description)
select organization_id, %(transaction_id)s, account_id, date '2026-01-01' + %(day)s, %(amount)s, 'GBP', 'by load'
from books.accounts where organization_id = %(organization_id)s limit 1
"""
CHANGE = """
update books.transactions set notes = %(notes)s
where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
"""
DELETE = """
update books.transactions set deleted_at = now()
where organization_id = %(organization_id)s and transaction_id = %(transaction_id)s
"""
HELD = """
select lock.pid, lock.relation::regclass::text from pg_locks as lock
inner join pg_stat_activity as activity on activity.pid = lock.pid
where lock.mode = 'AccessExclusiveLock' and lock.granted and lock.locktype = 'relation'
    and activity.usename = 'ai2_owner' and activity.datname = current_database() and lock.relation > 16384
"""
WAITING = """
select coalesce(max(extract(epoch from clock_timestamp() - lock.waitstart)), 0)::float8 from pg_locks as lock
inner join pg_stat_activity as activity on activity.pid = lock.pid
where not lock.granted and activity.usename = 'ai2_api'
"""


@dataclass
class Load:
    """Callers that go on until they are stopped, and what they saw."""

    organization_id: UUID
    callers: int = 3
    seed: int = field(default_factory=lambda: random.randrange(1 << 32))
    longest_s: float = 0
    longest_what: str = ""
    longest_held_s: float = 0
    longest_held_what: str = ""
    longest_blocked_s: float = 0
    statements: Counter[str] = field(default_factory=Counter)
    notes: dict[UUID, str | None] = field(default_factory=dict)
    deleted: set[UUID] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(self.callers)]
        self._threads.append(threading.Thread(target=self._look))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        return (
            f"{self.statements.total()} transactions; the longest took {self.longest_s * 1000:.0f} ms "
            f"({self.longest_what}), of which waiting for a lock {self.longest_blocked_s * 1000:.0f} ms; the longest "
            f"exclusive lock {self.longest_held_s * 1000:.0f} ms ({self.longest_held_what}); seed {self.seed}"
        )

    def _call(self, number: int) -> None:
        chance, mine = random.Random(self.seed + number), list[UUID]()
        with psycopg.connect(**connection_parameters(Role.API)) as db:
            while not self._end.is_set():
                self._act(db, chance, mine)
                time.sleep(0.005)

    def _act(self, db: "psycopg.Connection[Any]", chance: random.Random, mine: list[UUID]) -> None:
        what = chance.choice(["list", "create", "change", "delete"]) if len(mine) > 20 else "create"
        transaction_id = chance.choice(mine) if what in {"change", "delete"} else uuid4()
        known = {
            "organization_id": self.organization_id, "transaction_id": transaction_id, "day": chance.randrange(30),
            "amount": chance.randrange(-5000, 5000), "notes": str(uuid4()),
        }  # fmt: skip
        statement = {"list": LIST, "create": CREATE, "change": CHANGE, "delete": DELETE}[what]
        began = time.monotonic()
        try:
            with db.transaction():
                db.execute("select set_config('app.organization_id', %s, true)", [str(self.organization_id)])
                db.execute(statement, known)
        except psycopg.Error as error:
            self.errors.append(f"{what}: {error}")
            return
        took = time.monotonic() - began
        if took > self.longest_s:
            self.longest_s, self.longest_what = took, what
        self.statements[what] += 1
        if what == "create":
            mine.append(transaction_id)
            self.notes[transaction_id] = None
        elif what == "change":
            self.notes[transaction_id] = str(known["notes"])
        elif what == "delete":
            self.deleted.add(transaction_id)

    def _look(self) -> None:
        """Sample who waits, and which exclusive locks the revisions hold, and for how long."""
        since: dict[tuple[int, str], float] = {}
        with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2"), autocommit=True) as db:
            while not self._end.is_set():
                waited = (db.execute(WAITING).fetchone() or [0])[0]
                self.longest_blocked_s = max(self.longest_blocked_s, waited)
                held = set(db.execute(HELD).fetchall())
                now = time.monotonic()
                since = {each: since.get(each, now) for each in held}
                for (_, what), first in since.items():
                    if now - first > self.longest_held_s and not what.endswith("_next"):
                        self.longest_held_s, self.longest_held_what = now - first, what
                time.sleep(0.01)
