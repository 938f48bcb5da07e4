"""Limits: no window ever holds more calls than a provider allows, whoever calls; and what is closed is left alone."""

import asyncio
import itertools
import random
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ai2.connections import limits
from ai2.connections.limits import BREAKS_AT, LimitReached, Paced
from ai2.connections.slots import GRAINS, CostsTooMuch, Slot, margin_s, reserve
from ai2.connections.turns import Turns
from ai2.ingest.sources.model import Limit, Page, Session
from ai2.ingest.sources.problems import Transient
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests import seeds
from tests.connections.conftest import Connect, Known
from tests.connections.fakes.scripted import Scripted
from tests.connections.test_engine import run

ROOT = Path(__file__).parents[2]


def most_in_a_window(times: list[float], seconds: float) -> int:
    """The most calls that any window of so many seconds holds."""
    ordered = sorted(times)
    return max(bisect_left(ordered, first + seconds) - place for place, first in enumerate(ordered))


@pytest.mark.parametrize("limit", [Limit(4, 86_400), Limit(10, 1), Limit(50, 60), Limit(600, 60)], ids=str)
def test_no_window_holds_more_than_the_limit_and_little_is_given_away(limit: Limit) -> None:
    chance = random.Random(seeds.RUN)
    log: list[Slot] = []
    now, given = 1_000_000.0, []
    for _ in range(limit.calls * 4):
        now += chance.choice([0, 0, 0, limit.seconds / limit.calls, limit.seconds / 3]) * chance.random()
        log, at = reserve(log, now, limit)
        late = at + chance.random() * margin_s(limit)  # as late as a call may be
        given.append(late)
        assert at >= now
    assert most_in_a_window(given, limit.seconds) <= limit.calls
    assert len(log) <= GRAINS + limit.calls

    log, given = [], []
    for _ in range(limit.calls * 3 + 1):  # all at once: each window is used but for the grain
        log, at = reserve(log, 0, limit)
        given.append(at)
    assert given[limit.calls - 1] == 0, "the first window's calls need not wait"
    assert given[-1] <= 3 * (limit.seconds + margin_s(limit)) * (1 + 1 / GRAINS)


def test_a_bucket_that_refills_would_let_twice_as_many_through() -> None:
    """The control: what a window may hold is what the test above measures."""
    refilled = [0.0] * 10 + [place / 10 for place in range(1, 10)]
    assert most_in_a_window(refilled, 1) == 19


def test_a_call_that_is_never_within_the_limit_is_refused() -> None:
    with pytest.raises(CostsTooMuch):
        reserve([], 0, Limit(3, 1), cost=4)


CALLER = """
import asyncio, sys, time
from ai2.connections.limits import Paced
from ai2.connections.turns import Turns
from ai2.ingest.sources.model import Limit
from ai2.kit.database import Database
from tests.connections.fakes.scripted import Scripted

async def main(credential, calls):
    async with Database() as database:
        source = Scripted().source(limit=Limit(8, 0.5))
        def call():
            paced = Paced(Turns(database), source, loop)
            for _ in range(calls):
                paced(credential)
                sys.stdout.write(f"{time.time()}\\n")
        loop = asyncio.get_running_loop()
        turns = Turns(database)
        await asyncio.gather(*(asyncio.to_thread(call) for _ in range(3)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.timeout(60)
async def test_processes_share_a_limit(server: None) -> None:
    credential = str(new_id())
    callers = [
        subprocess.Popen([sys.executable, "-c", CALLER, credential, "6"], stdout=subprocess.PIPE, cwd=ROOT, text=True)
        for _ in range(2)
    ]
    times = [float(line) for caller in callers for line in (await asyncio.to_thread(caller.communicate))[0].split()]
    assert len(times) == 2 * 3 * 6
    assert most_in_a_window(times, 0.5) <= 8


async def test_many_threads_are_given_their_turn_in_the_order_in_which_they_asked(database: Database) -> None:
    source, turns, credential = Scripted().source(limit=Limit(5, 0.2)), Turns(database), str(new_id())
    waits = [(await limits.take(turns, source, credential)).wait_s for _ in range(15)]
    assert waits[:5] == [0] * 5
    assert all(before <= after + 0.1 for before, after in itertools.pairwise(waits))


async def test_a_long_wait_ends_the_run_and_takes_nothing(database: Database) -> None:
    source, turns, credential = Scripted().source(limit=Limit(1, 86_400)), Turns(database), str(new_id())
    paced = Paced(turns, source, asyncio.get_running_loop())
    await asyncio.to_thread(paced, credential)
    for _ in range(3):
        with pytest.raises(LimitReached) as refused:
            await asyncio.to_thread(paced, credential)
        assert 86_000 < (refused.value.retry_after_s or 0) < 87_500


async def test_a_call_that_comes_too_late_for_its_slot_asks_for_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, credential = Scripted().source(limit=Limit(2, 1)), str(new_id())
    clock, asked = time.monotonic, []

    class Slow:
        """Of the process's clock the first look is long ago, as if the machine had slept meanwhile."""

        @staticmethod
        def monotonic() -> float:
            asked.append(1)
            return clock() - (5 if len(asked) == 1 else 0)

    monkeypatch.setattr(limits, "time", Slow)
    paced = Paced(Turns(database), source, asyncio.get_running_loop())
    await asyncio.to_thread(paced, credential)
    turn = await limits.take(Turns(database), source, credential)
    assert turn.wait_s > 0.5, "two slots are taken"


async def test_retry_after_closes_the_bucket_for_all(
    script: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await connect(), await connect()
    credential = str(new_id())

    def is_refused(session: Session) -> Iterator[Page]:
        script.call(session, credential)
        raise Transient(retry_after_s=600)
        yield

    script.pages = is_refused
    for known in (first, second):
        await run(known)
    assert len(script.called_at[credential]) == 1
    for known in (first, second):
        now = await known.read()
        assert now.next_run_at
        assert 590 < (now.next_run_at - datetime.now(UTC)).total_seconds() < 760
    errors = [(await known.history())[0].error for known in (first, second)]
    assert [error and error["code"] for error in errors] == ["transient", "provider_away"]


async def test_a_breaker_opens_lets_one_try_and_closes_again(
    script: Scripted, connect: Connect, database: Database
) -> None:
    many = [await connect() for _ in range(BREAKS_AT + 2)]
    credential = str(new_id())
    turns, source = Turns(database), script.source()
    answers = False

    def calls(session: Session) -> Iterator[Page]:
        script.call(session, credential)
        if not answers:
            raise Transient
        yield from ()

    async def wait_is_over() -> None:
        async with database.transaction() as db:
            await db.execute("update connect.buckets set closed_until = now() where closed_until > now()")

    async def run_all(some: list[Known]) -> int:
        before = len(script.called_at.get(credential, []))
        for known in some:
            await run(known)
        return len(script.called_at[credential]) - before

    script.pages = calls
    assert await run_all(many) == BREAKS_AT, "it is open: the others do not call"
    await wait_is_over()
    assert await run_all(many[:3]) == 1, "one tries, in vain"
    await wait_is_over()
    tried = await limits.take(turns, source, credential)
    waits = await limits.take(turns, source, credential)
    assert (tried.is_try, waits.is_given, waits.is_away) == (True, False, True)
    await wait_is_over()
    answers = True
    assert await run_all(many[:3]) == 3, "it answers again, for all"
    assert [limits.pause_s(n) for n in (BREAKS_AT, BREAKS_AT + 1, 99)] == [30, 60, 900]


async def test_a_run_that_ended_calls_nobody_any_more(database: Database) -> None:
    paced = Paced(Turns(database), Scripted().source(), asyncio.get_running_loop())
    paced.stop()
    with pytest.raises(limits.Stopped):
        await asyncio.to_thread(paced, "x")
