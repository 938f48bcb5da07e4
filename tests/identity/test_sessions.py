"""Sessions: passwords in, tokens out, each refresh token once."""

import pytest

from ai2.identity import organizations, sessions, users
from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.identity.sessions import NotAMember, RefreshTokenReused, SessionEnded, Tokens, WrongPassword
from ai2.identity.users import User
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Invalid
from ai2.kit.ids import new_id
from ai2.kit.security import BadCredential, read_access_token

PASSWORD = "correct horse battery"


@pytest.fixture
async def user(database: Database, organization: Organization) -> User:
    async with database.transaction() as db:
        user = await users.create(db, email=f"{new_id()}@example.com", name="Ana", password=PASSWORD)
        await users.join(db, organization.organization_id, user.user_id, Role.ACCOUNTANT)
    return user


async def sign_in(database: Database, user: User, password: str = PASSWORD) -> Tokens:
    async with database.transaction() as db:
        return await sessions.login(db, email=user.email.upper(), password=password)


async def test_a_member_signs_in_whatever_the_case_of_the_address(database: Database, user: User) -> None:
    tokens = await sign_in(database, user)
    async with database.transaction() as db:
        who = await sessions.authenticate(db, read_access_token(tokens.access_token))
    assert (who.user_id, who.role, who.organization_id) == (user.user_id, Role.ACCOUNTANT, tokens.organization_id)


@pytest.mark.parametrize("password", ["Correct horse battery", "", PASSWORD + " "])
async def test_refuses_another_password(database: Database, user: User, password: str) -> None:
    with pytest.raises(WrongPassword):
        await sign_in(database, user, password)


async def test_refuses_an_unknown_address_in_the_same_words(database: Database) -> None:
    with pytest.raises(WrongPassword):
        await sign_in(database, User(new_id(), "nobody@example.com", "Nobody"))


async def test_refuses_an_organization_the_user_is_no_member_of(
    database: Database, user: User, stranger: Organization
) -> None:
    async with database.transaction() as db:
        with pytest.raises(NotAMember):
            await sessions.login(db, email=user.email, password=PASSWORD, organization_id=stranger.organization_id)


async def test_a_refresh_token_works_once_and_then_ends_the_session(database: Database, user: User) -> None:
    first = await sign_in(database, user)
    async with database.transaction() as db:
        second = await sessions.refresh(db, first.refresh_token)
    with pytest.raises(RefreshTokenReused):
        async with database.transaction() as db:
            await sessions.refresh(db, first.refresh_token)
    async with database.transaction() as db:
        await sessions.end(db, second.session_id)
        with pytest.raises(SessionEnded):
            await sessions.refresh(db, second.refresh_token)


async def test_a_made_up_refresh_token_of_a_real_session_does_not_end_it(database: Database, user: User) -> None:
    tokens = await sign_in(database, user)
    made_up = tokens.refresh_token.partition(".")[0] + ".made-up"
    async with database.transaction() as db:
        with pytest.raises(BadCredential):
            await sessions.refresh(db, made_up)
        assert await sessions.refresh(db, tokens.refresh_token)


@pytest.mark.parametrize("text", ["", ".", "x.y", "é.é", "AAAAAAAAAAAAAAAAAAAAAA.x", "a" * 9000])
async def test_refuses_what_is_no_refresh_token(database: Database, text: str) -> None:
    async with database.transaction() as db:
        with pytest.raises((BadCredential, SessionEnded)):
            await sessions.refresh(db, text)


async def test_an_ended_session_authenticates_nobody(database: Database, user: User) -> None:
    tokens = await sign_in(database, user)
    async with database.transaction() as db:
        await sessions.end(db, tokens.session_id)
        with pytest.raises(SessionEnded):
            await sessions.authenticate(db, read_access_token(tokens.access_token))


async def test_a_new_password_ends_every_session(database: Database, user: User) -> None:
    tokens = await sign_in(database, user)
    async with database.transaction() as db:
        await users.set_password(db, user.user_id, "another long password")
        with pytest.raises(SessionEnded):
            await sessions.refresh(db, tokens.refresh_token)


async def test_a_role_taken_back_is_gone_at_once(database: Database, user: User, organization: Organization) -> None:
    tokens = await sign_in(database, user)
    async with database.transaction() as db:
        await users.join(db, organization.organization_id, user.user_id, Role.VIEWER)
        who = await sessions.authenticate(db, read_access_token(tokens.access_token))
    assert who.role is Role.VIEWER


async def test_a_user_of_two_organizations_chooses(database: Database, user: User) -> None:
    async with database.transaction() as db:
        other = await organizations.create(db, name=f"Second {new_id()}", base_currency="EUR")
        await users.join(db, other.organization_id, user.user_id, Role.OWNER)
    async with database.transaction() as db:
        tokens = await sessions.login(db, email=user.email, password=PASSWORD, organization_id=other.organization_id)
    assert (tokens.organization_id, tokens.role) == (other.organization_id, Role.OWNER)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "ana@example.com", "x" * 1001])
async def test_refuses_passwords_that_are_guessed_first(db: Connection, password: str) -> None:
    with pytest.raises(Invalid):
        await users.create(db, email="ana@example.com", name="Ana", password=password)
