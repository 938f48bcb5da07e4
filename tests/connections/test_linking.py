"""Linking: a provider's account is the one of ours that it was, that it must be, or a new one, and nobody's twice."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from ai2.books.accounts import service as accounts
from ai2.connections import linking, repository, service
from ai2.identity.organizations import Organization
from ai2.ingest.sources.model import RemoteAccount
from ai2.kit.database import Database
from tests.connections.conftest import Connect, Known


def told(key: str, name: str = "Main", **more: str) -> RemoteAccount:
    return RemoteAccount(key, name, "GBP", **more)  # type: ignore[arg-type]


async def link(known: Known, *remotes: RemoteAccount) -> dict[str, UUID | None]:
    """Which of ours each is, once these are told of."""
    async with known.database.transaction(known.organization_id) as db:
        await linking.link(db, known.organization_id, known.connection_id, "Bank", remotes)
        found = await service.accounts(db, known.organization_id, known.connection_id)
    return {each.account_key: each.account_id for each in found}


async def test_an_account_of_another_key_is_the_same_as_long_as_nobody_else_looks_like_it(connect: Connect) -> None:
    known = await connect()
    before = await link(known, told("a", match="bank Savings"), told("b", match="bank Card"))
    after = await link(known, told("a2", match="bank Savings"), told("b", match="bank Card"))
    assert (after["a2"], after["b"], "a" in after) == (before["a"], before["b"], False)


async def test_of_two_that_look_alike_nobody_is_taken_for_the_other(connect: Connect) -> None:
    known = await connect()
    twins = [told(key, match="bank Savings") for key in ("a", "b", "a2", "b2")]
    before = await link(known, *twins[:2])
    after = await link(known, *twins[2:])
    assert len({after[key] for key in ("a", "b", "a2", "b2")}) == 4
    assert (after["a"], after["b"]) == (before["a"], before["b"])
    more = await link(known, told("c", match="bank Savings"), told("d", match="bank Savings"))
    assert len({*more.values()}) == len(more)


async def test_what_is_left_out_stays_left_out_under_another_key(connect: Connect) -> None:
    known = await connect()
    await link(known, told("a", match="bank Savings"))
    async with known.database.transaction(known.organization_id) as db:
        await service.link_account(db, known.organization_id, known.connection_id, "a", None)
    assert (await link(known, told("a2", match="bank Savings")))["a2"] is None
    assert (await link(known, told("a2", "Renamed", match="bank Savings")))["a2"] is None


async def test_of_accounts_of_one_number_each_is_one_of_the_provider(
    connect: Connect, database: Database, organization: Organization
) -> None:
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        begun = await accounts.create(db, owner, name="By file", currency="GBP", number="GB33")
        put_away = await accounts.create(db, owner, name="Old", currency="GBP", number="GB94")
        await accounts.archive(db, owner, put_away.account_id)
    known = await connect()
    found = await link(known, told("a", number="GB33"), told("b", number="GB33"), told("c", number="GB94"))
    assert found["a"] == begun.account_id
    assert len({found[key] for key in "abc"} - {put_away.account_id}) == 3
    async with database.transaction(owner) as db:
        names = {each.account_id: each.name for each in await accounts.list_all(db, owner)}
    assert (names[found["b"]], names[found["c"]]) == ("Bank Main", "Bank Main 2")  # type: ignore[index]


async def test_many_accounts_are_looked_up_by_as_few_statements_as_one(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await connect()
    many = [told(f"{place}", f"Account {place}") for place in range(40)]
    first = await link(known, *many)
    statements: list[Any] = []
    execute: Any = psycopg.AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *more: Any, **named: Any) -> Any:
        statements.append(query)
        return await execute(cursor, query, *more, **named)

    async def of(*remotes: RemoteAccount) -> int:
        statements.clear()
        async with known.database.transaction(known.organization_id) as db:
            before = len(statements)
            await linking.link(db, known.organization_id, known.connection_id, "Bank", remotes)
            return len(statements) - before

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    assert await of(*many) == await of(many[0]) > 0
    monkeypatch.undo()
    assert await link(known, *many) == first
    async with known.database.transaction(known.organization_id) as db:
        assert len(await repository.accounts(db, known.organization_id, known.connection_id)) == 41
