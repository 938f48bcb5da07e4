"""Limits: how fast a provider may be asked, for each credential, by all processes together.

Each call is given a slot in the database (`slots.py`) and made then, or not at all: one that comes too late for its
slot, as the machine was busy, asks for another. What a provider said by Retry-After closes the credential's bucket,
and so does a breaker: after so many runs in a row that the provider did not answer nobody asks it for a while, then
one tries, and the others follow where it goes well.
"""

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from ai2.connections import limits_repository as repository
from ai2.connections.slots import Slot, margin_s, reserve
from ai2.connections.turns import Turns
from ai2.ingest.sources.model import Source
from ai2.ingest.sources.problems import PutOff, Transient

Answer = TypeVar("Answer")
# A call waits so long at most, in a thread; where it would be longer, the run ends and comes again then.
LONGEST_WAIT_S = 30.0
BREAKS_AT = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 900.0
# Whoever tries whether the provider is back has so long; then another may.
TRY_S = 120.0
MOST_TRIES = 50


class LimitReached(PutOff):
    """The provider's limit for this connection is used up; it is asked again when there is room."""


class ProviderAway(Transient):
    """The provider does not answer, or asked to be left alone for a while; it is asked again then."""


class Stopped(Exception):
    """The run that this thread works for has ended."""


@dataclass(frozen=True)
class Turn:
    """Whether a call may be made, in how many seconds; or why not, and for how long."""

    is_given: bool
    wait_s: float
    is_away: bool = False
    is_try: bool = False
    may_wait: bool = True


class Paced:
    """What a source asks before each call, from a thread of its own; and which credentials it used."""

    def __init__(self, turns: Turns, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self._turns, self._source, self._loop = turns, source, loop
        self._stopped = threading.Event()
        self._is_trying = False
        self.used: list[str] = []

    def __call__(self, credential: str, cost: int = 1) -> None:
        """Come back when the call may be made. Raises LimitReached and ProviderAway."""
        is_known = credential in self.used
        self.used = [*(each for each in self.used if each != credential), credential]
        if self._source.limit is None and is_known:
            return
        for _ in range(MOST_TRIES):
            if self._is_made_in_time(credential, cost):
                return
        raise LimitReached(retry_after_s=int(LONGEST_WAIT_S))

    def stop(self) -> None:
        """Let a thread that works for a run which has ended call nobody any more."""
        self._stopped.set()

    def _is_made_in_time(self, credential: str, cost: int) -> bool:
        asked_at = time.monotonic()
        turn = self._ask(take(self._turns, self._source, credential, cost, is_trying=self._is_trying))
        self._is_trying = self._is_trying or turn.is_try
        if not turn.is_given:
            self._put_off(turn)
            return False
        self._sleep(turn.wait_s)
        if turn.wait_s > 0 and not self._is_trying and self._ask(closed_s(self._turns, self._source, credential)) > 0:
            return False  # meanwhile the provider asked to be left alone
        limit = self._source.limit
        # the other half is for the way to the provider
        return limit is None or time.monotonic() - asked_at - turn.wait_s <= margin_s(limit) / 2

    def _put_off(self, turn: Turn) -> None:
        """Wait for a short time, or let the run end."""
        if turn.wait_s > LONGEST_WAIT_S or not turn.may_wait:
            problem = ProviderAway if turn.is_away else LimitReached
            raise problem(retry_after_s=int(turn.wait_s) + 1)
        self._sleep(turn.wait_s * random.uniform(1, 1.1))  # noqa: S311 - so that not all come back at once

    def _ask(self, question: Coroutine[Any, Any, Answer]) -> Answer:
        if self._stopped.is_set():
            question.close()
            raise Stopped
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped


async def take(turns: Turns, source: Source, credential: str, cost: int = 1, *, is_trying: bool = False) -> Turn:
    """Give a call its slot. Who tries whether the provider is back may go on while others wait."""
    whose = source.name, _digest(credential)
    async with turns.transaction() as db:
        bucket = await repository.hold(db, *whose)
        closed = bucket["closed_s"] or 0
        if closed > 0 and not is_trying:
            return Turn(is_given=False, wait_s=closed, is_away=True, may_wait=bucket["failures"] < BREAKS_AT)
        wait_s = 0.0
        if source.limit is not None:
            log, at = reserve([Slot(*slot) for slot in bucket["slots"]], bucket["now"], source.limit, cost)
            wait_s = at - bucket["now"]
            if wait_s > LONGEST_WAIT_S:
                return Turn(is_given=False, wait_s=wait_s)
            await repository.keep_slots(db, *whose, [[slot.since, slot.at, slot.calls] for slot in log])
        is_try = bucket["failures"] >= BREAKS_AT and not is_trying
        if is_try:
            await repository.close(db, *whose, TRY_S)
    return Turn(is_given=True, wait_s=wait_s, is_try=is_try)


async def closed_s(turns: Turns, source: Source, credential: str) -> float:
    async with turns.transaction() as db:
        return await repository.closed_s(db, source.name, _digest(credential))


async def went_well(turns: Turns, source: Source, used: Sequence[str]) -> None:
    """The provider answered each of these."""
    if used:
        async with turns.transaction() as db:
            await repository.forget_failures(db, source.name, [_digest(each) for each in used])


async def went_wrong(turns: Turns, source: Source, used: Sequence[str], error: Exception) -> None:
    """The provider did not answer the last of these as it should; what is ours to say says nothing of it."""
    if not used or not isinstance(error, Transient) or not error.is_the_providers or isinstance(error, ProviderAway):
        return
    whose = source.name, _digest(used[-1])
    async with turns.transaction() as db:
        if error.retry_after_s:
            await repository.close(db, *whose, error.retry_after_s)
            return
        failures = await repository.count_failure(db, *whose)
        if failures >= BREAKS_AT:
            await repository.close(db, *whose, pause_s(failures))


def pause_s(failures: int) -> float:
    """For how long a breaker stays open, the longer the more often it was tried in vain."""
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - BREAKS_AT, 20), LONGEST_PAUSE_S))


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode(), digest_size=16).digest()
