"""Tries at passwords: guessing is slow however it is spread, and nobody is locked out by who guesses."""

import asyncio

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database
from api.app import build
from api.edge.counters import MemoryCounters
from api.edge.tries import (
    MANY_ADDRESSES,
    MANY_PEOPLE,
    STRANGER_WAIT_S,
    AddressThrottled,
    LoginThrottled,
    Pair,
    Tries,
    pair_of,
)
from tests.api.asking import PASSWORD, PersonIn, connect

ANA = ("ana@example.com", "198.51.100.1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(MemoryCounters(clock))


async def wait_s(tries: Tries, pair: Pair) -> int:
    try:
        await tries.check(pair)
    except (LoginThrottled, AddressThrottled) as wait:
        return wait.retry_after_s or 0
    return 0


async def guess(tries: Tries, clock: Clock, pair: Pair) -> bool:
    """Whether a wrong password of this pair was looked at."""
    if await wait_s(tries, pair):
        return False
    await tries.failed(pair)
    return True


async def test_each_wrong_password_beyond_five_doubles_the_wait(tries: Tries) -> None:
    waits = []
    for _ in range(20):
        await tries.failed(ANA)
        waits.append(await wait_s(tries, ANA))
    assert waits[:8] == [0, 0, 0, 0, 2, 3, 5, 9]
    assert max(waits) == 901
    assert await wait_s(tries, (ANA[0], "198.51.100.2")) == 0


async def test_an_address_that_tries_many_people_waits_and_who_signs_in_from_there_does_not(
    tries: Tries, clock: Clock
) -> None:
    office = ANA[1]
    await tries.succeeded(ANA)
    looked_at = [await guess(tries, clock, (f"victim{n}@example.com", office)) for n in range(200)]
    assert sum(looked_at) == MANY_PEOPLE
    assert await wait_s(tries, ("new@example.com", office)) > 0
    assert await wait_s(tries, ANA) == 0, "known from there"
    assert await wait_s(tries, ("new@example.com", "198.51.100.9")) == 0, "another address"
    looked_at = []
    for n in range(1000):
        clock.now += 1
        looked_at.append(await guess(tries, clock, (f"next{n}@example.com", office)))
    assert sum(looked_at) < 12, "each doubles the wait"
    clock.now += 3600
    assert await wait_s(tries, ("new@example.com", office)) == 0, "it ends by itself"


async def test_many_addresses_at_one_person_are_slow_and_lock_nobody_out(tries: Tries, clock: Clock) -> None:
    """A thousand addresses, each as often as it may, for an hour; the person signs in at home and on a journey."""
    await tries.succeeded(ANA)
    looked_at = 0
    for _ in range(60):
        for n in range(1000):
            looked_at += await guess(tries, clock, (ANA[0], f"10.0.{n // 250}.{n % 250}"))
        clock.now += 60
    assert looked_at < 1000 * 8, "five at once and one more each minute would be 60,000"
    assert await wait_s(tries, ANA) == 0
    await tries.failed(ANA)
    assert await wait_s(tries, ANA) == 0, "at home a slip is a slip"
    journey = (ANA[0], "203.0.113.4")
    assert await wait_s(tries, journey) == 0, "a right password opens from anywhere"
    await tries.failed(journey)
    assert await wait_s(tries, journey) == STRANGER_WAIT_S + 1
    await tries.succeeded(journey)
    await tries.failed(journey)
    assert await wait_s(tries, journey) == 0, "known from there too, from now on"


async def test_a_few_addresses_are_no_attack(tries: Tries, clock: Clock) -> None:
    for n in range(MANY_ADDRESSES - 1):
        await tries.failed((ANA[0], f"10.0.0.{n}"))
    for _ in range(3):
        assert await guess(tries, clock, (ANA[0], "10.0.0.1"))


async def test_a_day_later_wrong_passwords_are_forgotten(tries: Tries, clock: Clock) -> None:
    for _ in range(4):
        await tries.failed(ANA)
    clock.now += 86_400
    await tries.failed(ANA)
    assert await wait_s(tries, ANA) == 0


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("Ana@Example.COM", "198.51.100.1"), ("ana@example.com", "198.51.100.1"), True),
        (("ana@example。com", "198.51.100.1"), ("ana@example.com", "198.51.100.1"), True),
        (("no address", "unknown"), ("NO ADDRESS", "unknown"), True),
        (("a@example.com", "2001:db8:1:2::1"), ("a@example.com", "2001:db8:1:2:ffff::9"), True),
        (("a@example.com", "2001:db8:1:2::1"), ("a@example.com", "2001:db8:1:3::1"), False),
        (("a@example.com", "::ffff:198.51.100.1"), ("a@example.com", "198.51.100.1"), True),
        (("a@example.com", "198.51.100.1"), ("a@example.com", "198.51.100.2"), False),
        (("a@example.com", "198.51.100.1"), ("b@example.com", "198.51.100.1"), False),
    ],
)
def test_who_and_where_are_known_however_they_are_spelt(left: Pair, right: Pair, same: bool) -> None:
    assert (pair_of(*left) == pair_of(*right)) == same


@pytest.fixture
def own_app(database: Database) -> FastAPI:
    """With tries of its own."""
    return build(["core"], database=database)


async def sign_in(client: AsyncClient, email: str, password: str = "not the password") -> int:  # noqa: S107
    return (await client.post("/api/core/auth/login", json={"email": email, "password": password})).status_code


async def test_guesses_sent_at_once_count_one_by_one(
    own_app: FastAPI, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    async with connect(own_app, "203.0.113.20") as client:
        answers = await asyncio.gather(*(sign_in(client, ana.email) for _ in range(20)))
    assert sorted(answers) == [401] * 5 + [429] * 15


async def test_right_passwords_sent_at_once_all_open(
    own_app: FastAPI, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    async with connect(own_app, "203.0.113.21") as client:
        answers = await asyncio.gather(*(sign_in(client, ana.email, PASSWORD) for _ in range(8)))
    assert set(answers) == {200}


async def test_who_sprays_is_told_to_wait_and_who_works_there_signs_in(
    own_app: FastAPI, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    async with connect(own_app, "203.0.113.22") as client:
        assert await sign_in(client, ana.email, PASSWORD) == 200
        answers = [await sign_in(client, f"victim{n}@example.com") for n in range(MANY_PEOPLE + 1)]
        assert answers == [401] * MANY_PEOPLE + [429]
        assert await sign_in(client, ana.email, PASSWORD) == 200
