"""Members: what two administrators do at the same moment comes one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from ai2.identity import invitations, members, users
from ai2.identity.members import RoleChanged
from ai2.identity.organizations import Organization
from ai2.identity.principal import Principal, Role
from ai2.kit.database import Connection, Database
from ai2.kit.ids import new_id

Act = Callable[[Connection, Principal, Principal], Awaitable[object]]


async def join(database: Database, organization: Organization) -> Principal:
    """An owner, as a request of theirs knows them."""
    async with database.transaction() as db:
        user = await users.create(db, email=f"{new_id()}@example.com", name="Ana", password="correct horse battery")
        await users.join(db, organization.organization_id, user.user_id, Role.OWNER)
    return Principal(organization.organization_id, Role.OWNER, user_id=user.user_id)


def user_of(who: Principal) -> UUID:
    assert who.user_id
    return who.user_id


async def lower(db: Connection, who: Principal, other: Principal) -> object:
    return await members.change_role(db, who, user_of(other), Role.ADMIN)


async def remove(db: Connection, who: Principal, other: Principal) -> None:
    await members.remove(db, who, user_of(other))


async def invite(db: Connection, who: Principal, other: Principal) -> object:
    return await invitations.create(db, who, email=f"{new_id()}@example.com", role=Role.OWNER)


@pytest.mark.parametrize("first", [lower, remove])
@pytest.mark.parametrize("second", [lower, remove, invite])
async def test_who_loses_the_right_while_they_wait_does_nothing_with_it(
    database: Database, organization: Organization, first: Act, second: Act
) -> None:
    ana, ben = await join(database, organization), await join(database, organization)
    await join(database, organization)  # so that neither of them is the last owner

    async def answer_back() -> None:
        async with database.transaction(organization.organization_id) as db:
            await second(db, ben, ana)

    async with database.transaction(organization.organization_id) as db:
        await first(db, ana, ben)
        waiting = asyncio.create_task(answer_back())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(RoleChanged):
        await waiting
    async with database.transaction(organization.organization_id) as db:
        assert (await members.get(db, organization.organization_id, user_of(ana))).role is Role.OWNER
        assert await invitations.list_open(db, organization.organization_id) == []


@pytest.mark.parametrize("act", [lower, remove, invite])
async def test_who_keeps_the_right_uses_it(database: Database, organization: Organization, act: Act) -> None:
    ana, ben = await join(database, organization), await join(database, organization)
    async with database.transaction(organization.organization_id) as db:
        await act(db, ana, ben)


async def test_a_key_whose_maker_is_lowered_while_it_waits_does_nothing_with_what_it_had(
    database: Database, organization: Organization
) -> None:
    ana, ben = await join(database, organization), await join(database, organization)
    key = Principal(organization.organization_id, Role.OWNER, api_key_id=new_id(), stands_for=ben.user_id)
    async with database.transaction(organization.organization_id) as db:
        await invitations.create(db, key, email=f"{new_id()}@example.com", role=Role.OWNER)
        await lower(db, ana, ben)
        with pytest.raises(RoleChanged):
            await invitations.create(db, key, email=f"{new_id()}@example.com", role=Role.OWNER)
