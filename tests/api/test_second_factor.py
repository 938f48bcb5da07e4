"""The second factor over HTTP: set up, asked for, taken once, and lost without being locked out."""

import asyncio
from dataclasses import dataclass
from itertools import count

import pyotp
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from ai2.identity import second_factors
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Database, rows
from tests.api.asking import PASSWORD, Person, PersonIn, connect

LOGIN = "/api/core/auth/login"
FACTOR = "/api/core/auth/second-factor"
ELSEWHERE = count(1)


@dataclass
class Clock:
    """A time that stands still until it is moved."""

    now: float = 1_800_000_000.0

    def move(self, steps: int) -> None:
        self.now += 30 * steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(second_factors, "clock", lambda: clock.now)
    return clock


@dataclass
class Guarded:
    """Somebody with a second factor, and their app."""

    person: Person
    app: pyotp.TOTP
    recovery_codes: list[str]
    clock: Clock

    def code(self, steps: int = 0) -> str:
        return self.app.at(self.clock.now + 30 * steps)


@pytest.fixture
async def ana(person_in: PersonIn, organization: Organization, clock: Clock) -> Guarded:
    ana = await person_in(organization, Role.ADMIN)
    return await guard(ana, clock)


async def guard(person: Person, clock: Clock) -> Guarded:
    made = (await person.client.post(FACTOR, json={"password": PASSWORD})).json()
    app = pyotp.TOTP(made["secret"])
    answer = await person.client.post(f"{FACTOR}/confirm", json={"totp": app.at(clock.now)})
    assert answer.status_code == 200, answer.text
    clock.move(1)
    return Guarded(person, app, answer.json()["recovery_codes"], clock)


async def sign_in(app: FastAPI, email: str, **more: str) -> Response:
    """From an address of its own, so that no other test's wrong codes count."""
    async with connect(app, address=f"198.51.100.{next(ELSEWHERE) % 250}") as client:
        return await client.post(LOGIN, json={"email": email, "password": PASSWORD, **more})


async def test_a_secret_is_shown_once_in_three_forms_and_asks_for_nothing_before_it_is_confirmed(
    app: FastAPI, person_in: PersonIn, organization: Organization, pipeline: Database
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    answer = await ana.client.post(FACTOR, json={"password": PASSWORD})
    made = answer.json()
    assert answer.status_code == 201
    assert pyotp.parse_uri(made["otpauth_uri"]).secret == made["secret"]
    assert (pyotp.parse_uri(made["otpauth_uri"]).name, made["qr_svg"][:4]) == (ana.email, "<svg")
    assert (await ana.client.get(FACTOR)).json()["is_enabled"] is False
    assert (await sign_in(app, ana.email)).status_code == 200
    async with pipeline.transaction() as db:
        kept = await rows(db, "select * from identity.second_factors where user_id = %(id)s", {"id": ana.user_id})
    assert made["secret"].encode() not in kept[0]["sealed_secret"], "what is stored is no secret"
    assert len(kept[0]["sealed_secret"]) > 32


async def test_a_password_alone_opens_nothing_any_more(app: FastAPI, ana: Guarded) -> None:
    email = ana.person.email
    refused = await sign_in(app, email)
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_needed")
    assert "access_token" not in refused.text
    opened = await sign_in(app, email, totp=ana.code())
    assert (opened.status_code, opened.json()["user_id"]) == (200, ana.person.user_id)
    assert (await ana.person.client.get(FACTOR)).json()["recovery_codes_left"] == 10


async def test_a_wrong_password_says_nothing_of_a_second_factor(app: FastAPI, ana: Guarded) -> None:
    wrong = {"password": "not the password"}
    answers = [await sign_in(app, ana.person.email, **wrong), await sign_in(app, "nobody@example.com", **wrong)]
    answers.append(await sign_in(app, ana.person.email, **wrong, totp=ana.code()))
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "wrong_password"
    assert (await sign_in(app, ana.person.email, totp=ana.code())).status_code == 200, "and the code is not spent"


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_a_clock_may_be_half_a_minute_off(app: FastAPI, ana: Guarded, steps: int, status: int) -> None:
    ana.clock.move(5)
    assert (await sign_in(app, ana.person.email, totp=ana.code(steps))).status_code == status


async def test_a_code_works_once_and_no_earlier_one_after_it(app: FastAPI, ana: Guarded) -> None:
    ana.clock.move(5)
    assert (await sign_in(app, ana.person.email, totp=ana.code())).status_code == 200
    for steps in (0, -1):
        again = await sign_in(app, ana.person.email, totp=ana.code(steps))
        assert (again.status_code, again.json()["code"]) == (401, "wrong_code")
    assert (await sign_in(app, ana.person.email, totp=ana.code(1))).status_code == 200, "the next one is another"


async def test_a_code_sent_five_times_at_once_opens_one_session(app: FastAPI, ana: Guarded) -> None:
    code = ana.code()
    answers = await asyncio.gather(*(sign_in(app, ana.person.email, totp=code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]


async def test_a_recovery_code_works_once_however_it_is_typed(app: FastAPI, ana: Guarded, pipeline: Database) -> None:
    code = ana.recovery_codes[0]
    typed = code.upper().replace("-", " ")
    assert (await sign_in(app, ana.person.email, recovery_code=typed)).status_code == 200
    assert (await sign_in(app, ana.person.email, recovery_code=code)).json()["code"] == "wrong_code"
    assert (await ana.person.client.get(FACTOR)).json()["recovery_codes_left"] == 9
    async with pipeline.transaction() as db:
        kept = str(await rows(db, "select * from identity.recovery_codes"))
    assert not any(code in kept or code.replace("-", "") in kept for code in ana.recovery_codes)


async def test_new_recovery_codes_end_the_old_ones(app: FastAPI, ana: Guarded) -> None:
    answer = await ana.person.client.post(f"{FACTOR}/recovery-codes", json={"password": PASSWORD})
    fresh = answer.json()["recovery_codes"]
    assert (await sign_in(app, ana.person.email, recovery_code=ana.recovery_codes[1])).status_code == 401
    assert (await sign_in(app, ana.person.email, recovery_code=fresh[1])).status_code == 200


async def test_wrong_codes_slow_down_their_sender_like_wrong_passwords(app: FastAPI, ana: Guarded) -> None:
    wrong = {"email": ana.person.email, "password": PASSWORD, "totp": "000000"}
    async with connect(app, address="203.0.113.45") as guesser:
        answers = [await guesser.post(LOGIN, json=wrong) for _ in range(5)]
        # knowing the password is no way around the wait
        answers.append(await guesser.post(LOGIN, json={**wrong, "totp": ana.code()}))
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].json()["code"] == "login_throttled"
    assert (await sign_in(app, ana.person.email, totp=ana.code())).status_code == 200, "elsewhere Ana comes in"


async def test_a_right_password_without_a_code_does_not_forget_the_wrong_ones(app: FastAPI, ana: Guarded) -> None:
    alone = {"email": ana.person.email, "password": PASSWORD}
    async with connect(app, address="203.0.113.46") as guesser:
        for _ in range(5):
            await guesser.post(LOGIN, json={**alone, "totp": "000000"})
            last = await guesser.post(LOGIN, json=alone)
    assert last.status_code == 429


async def test_wrong_codes_from_everywhere_make_codes_wait_and_the_owner_still_comes_in(
    app: FastAPI, ana: Guarded
) -> None:
    """Who sends them knows the password; from ten addresses they would have fifty tries, from a thousand, a million."""
    for number in range(second_factors.FREE_TRIES):
        assert (await sign_in(app, ana.person.email, totp="000000")).status_code == 401, number
    waiting = await sign_in(app, ana.person.email, totp=ana.code())
    assert (waiting.status_code, waiting.json()["code"]) == (429, "second_factor_throttled")
    assert int(waiting.headers["Retry-After"]) >= 1
    assert (await sign_in(app, ana.person.email, recovery_code=ana.recovery_codes[2])).status_code == 200
    await asyncio.sleep(1.1)
    assert (await sign_in(app, ana.person.email, totp=ana.code())).status_code == 200


@pytest.mark.parametrize("by", ["password", "totp", "recovery_code"])
async def test_is_disabled_by_a_password_or_a_code_and_by_nothing_else(app: FastAPI, ana: Guarded, by: str) -> None:
    disable = f"{FACTOR}/disable"
    proof = {"password": PASSWORD, "totp": ana.code(), "recovery_code": ana.recovery_codes[0]}[by]
    for refused in ({}, {by: "wrong"}, {"totp": ""}, {"recovery_code": ""}):
        assert (await ana.person.client.post(disable, json=refused)).status_code == 422
    assert (await sign_in(app, ana.person.email)).status_code == 401
    assert (await ana.person.client.post(disable, json={by: proof})).status_code == 204
    assert (await sign_in(app, ana.person.email)).status_code == 200
    assert (await sign_in(app, ana.person.email, recovery_code=ana.recovery_codes[1])).status_code == 200, "not asked"


async def test_a_stolen_session_sets_up_no_factor_and_replaces_none(
    app: FastAPI, person_in: PersonIn, organization: Organization, ana: Guarded
) -> None:
    ben = await person_in(organization, Role.VIEWER)
    for wrong in ({}, {"password": "a guess at it"}):
        assert (await ben.client.post(FACTOR, json=wrong)).status_code == 422
    assert (await ben.client.post(FACTOR, json={"password": PASSWORD})).status_code == 201
    again = await ana.person.client.post(FACTOR, json={"password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (409, "second_factor_there")
    assert (await sign_in(app, ana.person.email, totp=ana.code())).status_code == 200


async def test_a_wrong_code_confirms_nothing(person_in: PersonIn, organization: Organization, clock: Clock) -> None:
    ben = await person_in(organization, Role.VIEWER)
    assert (await ben.client.post(f"{FACTOR}/confirm", json={"totp": "000000"})).json()["code"] == "no_second_factor"
    made = (await ben.client.post(FACTOR, json={"password": PASSWORD})).json()
    refused = await ben.client.post(f"{FACTOR}/confirm", json={"totp": "0000000"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "totp")
    right = pyotp.TOTP(made["secret"]).at(clock.now)
    confirmed = await ben.client.post(f"{FACTOR}/confirm", json={"totp": f"{right[:3]} {right[3:]}"})
    assert len(set(confirmed.json()["recovery_codes"])) == 10


async def test_an_invitation_is_no_way_around_it(
    app: FastAPI, ana: Guarded, their_owner: AsyncClient, anonymous: AsyncClient
) -> None:
    """Who knows only the password invites its owner to an organization of their own, and would be signed in as them."""
    invited = {"email": ana.person.email, "role": "viewer"}
    token = (await their_owner.post("/api/core/members/invitations", json=invited)).json()["token"]
    accept = "/api/core/auth/accept-invitation"
    refused = await anonymous.post(accept, json={"token": token, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_needed")
    wrong = await anonymous.post(accept, json={"token": token, "password": PASSWORD, "totp": "000000"})
    assert wrong.json()["code"] == "wrong_code"
    right = {"token": token, "password": PASSWORD, "totp": ana.code()}
    assert (await anonymous.post(accept, json=right)).status_code == 200


async def test_a_session_goes_on_by_its_refresh_token(ana: Guarded, anonymous: AsyncClient) -> None:
    used = {"refresh_token": ana.person.tokens["refresh_token"]}
    assert (await anonymous.post("/api/core/auth/refresh", json=used)).status_code == 200


async def test_where_it_is_required_who_has_none_may_only_set_it_up(
    owner: AsyncClient, person_in: PersonIn, organization: Organization, clock: Clock
) -> None:
    ben = await person_in(organization, Role.ACCOUNTANT)
    assert (await ben.client.get("/api/core/transactions")).status_code == 200
    assert (await owner.patch("/api/core/organization", json={"require_second_factor": True})).status_code == 200
    refused = await ben.client.get("/api/core/transactions")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert (await ben.client.get(FACTOR)).json()["is_required"] is True
    await guard(ben, clock)
    assert (await ben.client.get("/api/core/transactions")).status_code == 200
    assert (await owner.get("/api/core/transactions")).status_code == 200, "a program's key is no person"


async def test_a_requirement_is_its_organizations_own(
    owner: AsyncClient, person_in: PersonIn, stranger: Organization
) -> None:
    ben = await person_in(stranger, Role.VIEWER)
    await owner.patch("/api/core/organization", json={"require_second_factor": True})
    assert (await ben.client.get("/api/core/transactions")).status_code == 200


async def test_an_api_key_has_none(owner: AsyncClient) -> None:
    answers = [await owner.get(FACTOR), await owner.post(FACTOR, json={}),
               await owner.post(f"{FACTOR}/confirm", json={"totp": "000000"})]  # fmt: skip
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "people_only")}


async def test_one_persons_codes_are_nobody_elses(
    app: FastAPI, ana: Guarded, person_in: PersonIn, organization: Organization, clock: Clock
) -> None:
    ben = await guard(await person_in(organization, Role.VIEWER), clock)
    for theirs in ({"totp": ben.code()}, {"recovery_code": ben.recovery_codes[0]}):
        assert (await sign_in(app, ana.person.email, **theirs)).json()["code"] == "wrong_code"
    assert (await sign_in(app, ben.person.email, totp=ben.code())).status_code == 200


async def test_sessions_from_before_it_end_but_for_the_one_that_set_it_up(
    app: FastAPI, anonymous: AsyncClient, person_in: PersonIn, organization: Organization, clock: Clock
) -> None:
    ben = await person_in(organization, Role.VIEWER)
    other = (await sign_in(app, ben.email)).json()
    elsewhere = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await anonymous.get("/api/core/auth/me", headers=elsewhere)).status_code == 200
    await guard(ben, clock)
    assert (await anonymous.get("/api/core/auth/me", headers=elsewhere)).status_code == 401
    refresh = {"refresh_token": other["refresh_token"]}
    assert (await anonymous.post("/api/core/auth/refresh", json=refresh)).status_code == 401
    assert (await ben.client.get("/api/core/auth/me")).status_code == 200
