"""Tries: how soon one may try a password again, so that guessing is slow and nobody is locked out by who guesses.

Counted is the pair of e-mail and address: wrong passwords of others, elsewhere, make nobody wait. Two more counts slow
down who spreads guesses, and only those that never signed in from where they are:
- one address that tries many people: it waits before it may try another;
- many addresses that try one person: each wrong one waits a minute and more. A right password always opens.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from weakref import WeakValueDictionary

from ai2.identity.users import normal_email
from ai2.kit.errors import Invalid, TooManyRequests
from api.edge.counters import Counters, MemoryCounters

FREE_TRIES = 5
LONGEST_WAIT_S = 900
REMEMBERED_S = 86_400.0  # a day after the first wrong password they are forgotten
MANY_PEOPLE, MANY_PEOPLE_S = 20, 3600.0  # an office that signs in on a Monday mistypes fewer
MANY_ADDRESSES = 20
STRANGER_WAIT_S = 60
KNOWN_S = 30 * 86_400.0

Pair = tuple[str, str]


class LoginThrottled(TooManyRequests):
    """Too many wrong passwords from here for this address; wait before trying again."""


class AddressThrottled(TooManyRequests):
    """Wrong passwords of too many people came from this address; wait before trying again."""


def pair_of(email: str, address: str) -> Pair:
    """Whom a try is at, however they are spelt, and where it comes from: of IPv6 the network, which one user has."""
    try:
        person = normal_email(email)
    except Invalid:
        person = email.casefold()
    try:
        place = ip_address(address)
    except ValueError:
        return person, address
    if isinstance(place, IPv6Address):
        return person, str(place.ipv4_mapped or IPv6Address(int(place) >> 64 << 64))
    return person, str(place)


class Tries:
    """Wrong passwords, by whom and from where."""

    def __init__(self, counters: Counters | None = None) -> None:
        self.counters = counters or MemoryCounters()
        self._running: WeakValueDictionary[Pair, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, pair: Pair) -> AsyncIterator[None]:
        """One try of a pair after the other: many sent at once would all be looked at before the first counts."""
        lock = self._running.setdefault(pair, asyncio.Lock())
        async with lock:
            yield

    async def check(self, pair: Pair) -> None:
        """Refuse a try that comes too soon."""
        if (wait_s := await self.counters.held_s(_key(pair))) > 0:
            raise LoginThrottled(retry_after_s=int(wait_s) + 1)
        wait_s = await self.counters.held_s(_from(pair))
        if wait_s > 0 and not await self._is_known(pair):
            raise AddressThrottled(retry_after_s=int(wait_s) + 1)

    async def failed(self, pair: Pair) -> None:
        times, _ = await self.counters.add(_key(pair), REMEMBERED_S)
        wait_s = 2.0 ** (times - FREE_TRIES) if times >= FREE_TRIES else 0.0
        if not await self._is_known(pair):
            if times == 1:
                await self._strange(pair)
            if await self.counters.held_s(_at(pair)) > 0:
                wait_s = STRANGER_WAIT_S * 2.0 ** (times - 1)
        if wait_s:
            await self.counters.hold(_key(pair), min(wait_s, LONGEST_WAIT_S))

    async def succeeded(self, pair: Pair) -> None:
        await self.counters.forget(_key(pair))
        await self.counters.hold(_known(pair), KNOWN_S)

    async def _strange(self, pair: Pair) -> None:
        """Count the first wrong password of a pair, for the address and for the person."""
        people, _ = await self.counters.add(_from(pair), MANY_PEOPLE_S)
        if people >= MANY_PEOPLE:
            await self.counters.hold(_from(pair), min(2.0 ** (people - MANY_PEOPLE), LONGEST_WAIT_S))
        addresses, _ = await self.counters.add(_at(pair), REMEMBERED_S)
        if addresses >= MANY_ADDRESSES:
            await self.counters.hold(_at(pair), REMEMBERED_S)

    async def _is_known(self, pair: Pair) -> bool:
        """Whether this person signed in from there in the last 30 days, as far as we remember."""
        return await self.counters.held_s(_known(pair)) > 0


def _key(pair: Pair) -> str:
    return "password " + "\n".join(pair)


def _known(pair: Pair) -> str:
    return "signed in " + "\n".join(pair)


def _at(pair: Pair) -> str:
    return f"passwords at {pair[0]}"


def _from(pair: Pair) -> str:
    return f"passwords from {pair[1]}"
