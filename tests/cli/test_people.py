"""`ai2 user` and `ai2 api-key`: who may come in."""

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from ai2.identity import api_keys, audit, organizations, second_factors, sessions, users
from ai2.identity.principal import Principal, Role, Scope
from ai2.identity.second_factors import Proof, SecondFactorNeeded
from ai2.kit.database import Database
from ai2.kit.database import Role as DatabaseRole
from ai2.kit.ids import new_id

from .conftest import Command


def password_of(output: str) -> str:
    return output.rsplit("Password: ", 1)[1].strip()


async def log_in(email: str, password: str) -> None:
    async with Database() as database, database.transaction() as db:
        await sessions.login(db, email=email, password=password)


async def told_of(operation: str, company: str) -> int:
    async with Database(DatabaseRole.PIPELINE) as pipeline, pipeline.transaction() as db:
        known = await organizations.find(db, company)
        return await audit.total(
            db, known.organization_id, actor=None, operation=operation, entity_id=None, start=None, end=None
        )


def test_a_new_user_can_sign_in_and_a_new_password_replaces_the_old(ai2: Command, company: str) -> None:
    email = f"ann-{new_id()}@example.org"
    words = ("user", email, "--organization", company, "--role", "accountant")
    made = ai2(*words, typed="")
    assert made.exit_code == 0, made.output
    assert f"{email} is accountant of {company}" in made.stdout.replace("\n", " ")
    asyncio.run(log_in(email, password_of(made.stdout)))
    ai2(*words, typed="correct horse battery staple\n")
    asyncio.run(log_in(email, "correct horse battery staple"))


def test_a_lost_second_factor_is_taken_away(ai2: Command, company: str) -> None:
    email, password = f"eve-{new_id()}@example.org", "correct horse battery staple"
    ai2("user", email, "--organization", company, typed=f"{password}\n")

    async def guard() -> None:
        async with Database() as database, database.transaction() as db:
            person = await users.find(db, email)
            who = Principal(new_id(), Role.VIEWER, user_id=person.user_id)
            made = await second_factors.begin(db, who, Proof(password))
            await second_factors.confirm(db, who, pyotp.TOTP(made.secret).now())

    asyncio.run(guard())
    with pytest.raises(SecondFactorNeeded):
        asyncio.run(log_in(email, password))
    assert ai2("second-factor-off", email.upper()).exit_code == 0
    asyncio.run(log_in(email, password))
    assert asyncio.run(told_of("remove_second_factor", company)) == 1
    assert ai2("second-factor-off", "nobody@example.org").exit_code == 1


def test_an_organization_that_is_not_there_is_made(ai2: Command) -> None:
    name = f"New Company {new_id()}"
    made = ai2("user", f"bob-{new_id()}@example.org", "--organization", name, "--currency", "EUR", typed="")
    assert made.exit_code == 0, made.output
    assert ai2("api-key", "--role", "viewer", "--organization", name).exit_code == 0


def test_a_weak_password_is_refused(ai2: Command, company: str) -> None:
    refused = ai2("user", "cy@example.org", "--organization", company, typed="short\n")
    assert refused.exit_code == 1
    assert "password" in refused.stderr


def test_quiet_prints_a_key_that_opens_and_nothing_else(ai2: Command, company: str) -> None:
    key = ai2("api-key", "--role", "viewer", "--organization", company, "--quiet").stdout.strip()

    assert asyncio.run(holder(key)).role == Role.VIEWER


async def holder(key: str) -> Principal:
    async with Database() as database, database.transaction() as db:
        return await api_keys.authenticate(db, key)


def test_a_key_may_have_scopes_and_an_end(ai2: Command, company: str) -> None:
    words = ("api-key", "--role", "admin", "--organization", company, "--quiet")
    who = asyncio.run(holder(ai2(*words, "--scope", "read", "--scope", "imports", "--days", "30").stdout.strip()))
    assert who.scopes == {Scope.READ, Scope.IMPORTS}
    assert who.expires_at is not None
    assert timedelta(days=29) < who.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert asyncio.run(holder(ai2(*words).stdout.strip())).scopes is None


@pytest.mark.parametrize("words", [("--role", "king"), ("--role", "viewer", "--scope", "king")])
def test_an_unknown_role_or_scope_is_exit_code_2(ai2: Command, company: str, words: tuple[str, ...]) -> None:
    assert ai2("api-key", *words, "--organization", company).exit_code == 2


def test_which_of_several_organizations_must_be_said(ai2: Command, company: str) -> None:
    ai2("user", f"dee-{new_id()}@example.org", "--organization", f"Another {new_id()}", typed="")
    refused = ai2("api-key", "--role", "viewer")
    assert refused.exit_code == 1
    assert "--organization" in refused.stderr
