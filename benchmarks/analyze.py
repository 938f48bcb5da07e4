"""How soon one movement of money is analysed: in process, and over HTTP by one worker.

    python -m benchmarks.analyze [questions]

The marks (2 cores), p50 and p99 in milliseconds: in process 2, 10; over HTTP 8, 40. In process is `service.analyze` in
a database transaction of its own. An organization with 20 rules is asked: one question in four is for a rule, one for
what its people taught, one for merchant knowledge, one for the model. `cpu` is what asker, API and PostgreSQL worked
for one answer: what a quiet machine would take.
"""

import asyncio
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from benchmarks.api_latency import PORT, _Client, _cpu_s, served

RULES = 20


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "RATE_LIMIT_MAX": "1000000000", "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            server = psutil.Process(postgres.server_pid(Path(home)))
            key, owner = asyncio.run(prepare())
            print(f"{'':16}{'p50':>8}{'p99':>8}{'max':>8}{'cpu':>8}   ms")
            asyncio.run(in_process(owner, times, server))
            with served() as api:
                over_http(key, times, [api, server])


def questions(number: int) -> list[dict[str, Any]]:
    """One for each kind of decider, no two texts the same."""
    texts = ("ZORBLAX {} OFFICE", "QUIMBY & SONS {}", "CARD PAYMENT TO TESCO STORES {} LONDON", "Zunthorpe pizzeria {}")
    return [
        {"description": text.format(1000 + place), "amount": "-12.50", "currency": "GBP"}
        for place in range(number)
        for text in texts
    ]


async def prepare() -> tuple[str, UUID]:
    """An organization with rules and something taught, the model trained, and a key."""
    from ai2 import flows
    from ai2.books.categories import service as categories
    from ai2.books.rules import service as rules
    from ai2.books.rules.matching import Actions, Conditions, TextTest
    from ai2.identity import api_keys, organizations
    from ai2.identity.principal import Role
    from ai2.kit import database as roles
    from ai2.kit.database import Database
    from ml import repository

    async with Database(roles.Role.PIPELINE) as pipeline:
        print(await flows.retrain(pipeline))
    async with Database() as database, database.transaction() as db:
        owner = (await organizations.create(db, name="Shop", base_currency="GBP")).organization_id
        await categories.create_defaults(db, owner)
        key = await api_keys.create(db, owner, name="benchmark", role=Role.OWNER)
        coffee = await categories.find(db, owner, "Coffee")
        for number in range(RULES):
            text = TextTest("contains", f"zorblax {number}" if number < RULES - 1 else "zorblax")
            await rules.create(
                db, owner, name=f"Rule {number}", conditions=Conditions(description=text),
                actions=Actions(category_id=coffee.category_id),
            )  # fmt: skip
        await repository.remember(
            db, owner, merchant_key="quimby sons", money_in=False, category_id=coffee.category_id,
            detailed="FOOD_AND_DRINK_COFFEE", merchant=None,
        )  # fmt: skip
    return key.secret, owner


async def in_process(owner: UUID, times: int, server: psutil.Process) -> None:
    from ai2.kit.database import Database
    from ml import service
    from ml.answers import Item

    asked = [Item(each["description"], Decimal(each["amount"]), "GBP") for each in questions(times // 4 + 10)]
    taken, deciders = [], set()
    async with Database() as database:
        for place, item in enumerate(asked):
            if place == 40:
                worked = _cpu_s([server, psutil.Process()])
                taken.clear()
            started = time.perf_counter()
            async with database.transaction(owner) as db:
                found = await service.analyze(db, owner, item)
            taken.append((time.perf_counter() - started) * 1000)
            deciders.add((found.decided_by, found.version == "taught"))
        report("in process", taken, worked, [server, psutil.Process()])
    assert len(deciders) == 4, deciders


def over_http(key: str, times: int, workers: list[psutil.Process]) -> None:
    client = _Client(PORT + 1, key)
    client.wait()
    taken = []
    for place, question in enumerate(questions(times // 4 + 10)):
        if place == 40:
            worked = _cpu_s(workers)
            taken.clear()
        taken.append(client.ask("POST", "/api/ai/analyze-transaction", question)[0])
    report("over HTTP", taken, worked, workers)


def report(name: str, taken: list[float], worked: dict[int, float], workers: list[psutil.Process]) -> None:
    times = sorted(taken)
    cpu_ms = sum(now - worked[pid] for pid, now in _cpu_s(workers).items() if pid in worked) * 1000 / len(times)
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(f"{name:16}{p50:8.1f}{p99:8.1f}{times[-1]:8.1f}{cpu_ms:8.1f}", flush=True)


if __name__ == "__main__":
    main()
