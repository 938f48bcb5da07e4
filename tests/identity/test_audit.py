"""The audit: a chain that whoever holds the database, but no key, cannot change without its being seen."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row

from ai2.identity import audit
from ai2.identity.audit import Entity, Origin, Verdict
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, Role, connection_parameters
from ai2.kit.ids import new_id

SPARED = new_id()


@pytest.fixture
async def chain(database: Database, organization: Organization) -> Organization:
    """Five entries."""
    for number in range(5):
        async with database.transaction(organization.organization_id) as db:
            await record(db, organization, note=number)
    return organization


async def record(db: Connection, organization: Organization, actor: str = f"user:{SPARED}", **details: object) -> None:
    what = Entity("transaction", new_id())
    await audit.record(
        db, organization.organization_id, actor=actor, operation="update_transaction", entity=what, details=details
    )


async def verified(database: Database, organization: Organization, known: audit.Anchor | None = None) -> Verdict:
    async with database.transaction(organization.organization_id) as db:
        return await audit.verify(db, organization.organization_id, known)


@pytest.fixture
async def intruder(server: None) -> AsyncIterator[Connection]:
    """Who holds the database: past policies, grants and triggers. The key is not in it."""
    known = connection_parameters(Role.ADMIN)
    async with await AsyncConnection.connect(**known, autocommit=True, row_factory=dict_row) as connection:
        await connection.execute("set session_replication_role = replica")
        yield connection


async def test_a_chain_that_nobody_touched_holds(database: Database, chain: Organization) -> None:
    verdict = await verified(database, chain)
    assert (verdict.holds, verdict.entries, verdict.end.number) == (True, 5, 5)


TAMPERED = [
    ("update audit.entries set actor = 'user:somebody' where number = 3", 3, "changed"),
    ("update audit.entries set operation = 'get_transaction' where number = 3", 3, "changed"),
    ("update audit.entries set at = at - interval '1 day' where number = 3", 3, "changed"),
    ("update audit.entries set entity_kind = 'account' where number = 3", 3, "changed"),
    ("update audit.entries set entity_id = gen_random_uuid() where number = 3", 3, "changed"),
    ("update audit.entries set entity_id = null where number = 3", 3, "changed"),
    ("""update audit.entries set details = '{"note": 7}' where number = 3""", 3, "details_changed"),
    ("update audit.entries set details_digest = sha256('x') where number = 3", 3, "changed"),
    ("update audit.entries set link = sha256('x') where number = 3", 3, "changed"),
    ("delete from audit.entries where number = 1", 1, "missing"),
    ("delete from audit.entries where number = 3", 3, "missing"),
    ("delete from audit.entries where number = 5", 5, "cut_off"),
    ("delete from audit.entries", 1, "cut_off"),
    ("delete from audit.entries where number = 3; update audit.entries set number = number - 1 where number > 3;"
     "update audit.heads set number = 4", 3, "changed"),
    ("update audit.entries set number = case number when 2 then -3 when 3 then -2 end where number in (2, 3);"
     "update audit.entries set number = -number where number < 0", 2, "changed"),
    ("insert into audit.entries select organization_id, 6, at, actor, operation, entity_kind, entity_id, details,"
     "details_digest, link from audit.entries where number = 5", 6, "changed"),
    ("update audit.heads set base_number = 2, base_link = (select link from audit.entries where number = 2)"
     "where base_number = 0; delete from audit.entries where number <= 2", 2, "beginning_moved"),
    ("update audit.heads set number = 4", 6, "cut_off"),
    ("delete from audit.heads", 1, "anchor_not_met"),
]  # fmt: skip


def of(organization: Organization, statement: str) -> str:
    """The statement for this organization's rows alone."""
    mine = f"organization_id = '{organization.organization_id}'"
    if "where" in statement:
        return statement.replace("where", f"where {mine} and")
    return f"{statement} where {mine}"


@pytest.mark.parametrize(("statements", "broken_at", "why"), TAMPERED, ids=range(len(TAMPERED)))
async def test_whatever_is_done_to_it_is_found(
    database: Database, chain: Organization, intruder: Connection, statements: str, broken_at: int, why: str
) -> None:
    anchor = (await verified(database, chain)).end
    for statement in statements.split(";"):
        await intruder.execute(of(chain, statement))  # type: ignore[arg-type]
    verdict = await verified(database, chain, anchor if why == "anchor_not_met" else None)
    assert (verdict.broken_at, verdict.why) == (broken_at, why)


async def test_a_tail_cut_off_with_its_head_is_found_by_an_anchor_alone(
    database: Database, chain: Organization, intruder: Connection
) -> None:
    anchor = (await verified(database, chain)).end
    whose = {"id": chain.organization_id}
    await intruder.execute("delete from audit.entries where organization_id = %(id)s and number = 5", whose)
    await intruder.execute(
        """
        update audit.heads as head set number = 4, link = entry.link from audit.entries as entry
        where head.organization_id = %(id)s and entry.organization_id = %(id)s and entry.number = 4
        """,
        whose,
    )
    assert (await verified(database, chain)).holds, "what cannot be seen without an anchor"
    assert (await verified(database, chain, anchor)).why == "anchor_not_met"
    async with database.transaction(chain.organization_id) as db:
        await record(db, chain)
    verdict = await verified(database, chain, anchor)
    assert (verdict.broken_at, verdict.why) == (5, "anchor_not_met")
    assert (await verified(database, chain, replace(verdict.end))).holds


@pytest.mark.parametrize("role", [Role.API, Role.PIPELINE])
@pytest.mark.parametrize(
    "statement",
    [
        "update audit.entries set actor = 'x'",
        "update audit.entries set details = '{}'",
        "delete from audit.entries",
        "truncate audit.entries",
        "update audit.heads set number = 1",
        "update audit.heads set link = ''",
        "delete from audit.heads",
    ],
)
async def test_no_role_of_ours_may_change_what_was_written(
    database: Database, pipeline: Database, chain: Organization, role: Role, statement: str
) -> None:
    pool = database if role is Role.API else pipeline
    with pytest.raises(InsufficientPrivilege):
        async with pool.transaction(chain.organization_id) as db:
            await db.execute(statement)  # type: ignore[arg-type]
    assert (await verified(database, chain)).holds


async def test_details_can_be_erased_and_the_chain_holds(database: Database, chain: Organization) -> None:
    async with database.transaction(chain.organization_id) as db:
        await record(db, chain, actor="user:other", note="kept")
        assert await audit.erase_details(db, chain.organization_id, actor=f"user:{SPARED}") == 5
        left = await audit.page(db, chain.organization_id, limit=10)
    assert [entry.details for entry in left][1:] == [None] * 5
    assert left[0].details == {"note": "kept"}
    assert (await verified(database, chain)).holds


async def test_the_retention_takes_the_beginning_and_the_rest_holds(
    database: Database, pipeline: Database, chain: Organization
) -> None:
    async with database.transaction(chain.organization_id) as db:
        third = next(entry for entry in await audit.page(db, chain.organization_id, limit=10) if entry.number == 3)
    async with pipeline.transaction() as db:
        assert await audit.forget(db, chain.organization_id, third.at) == 2
        assert await audit.forget(db, chain.organization_id, third.at) == 0
    verdict = await verified(database, chain)
    assert (verdict.holds, verdict.begins_after, verdict.entries) == (True, 2, 3)
    async with pipeline.transaction() as db:
        assert await audit.forget(db, chain.organization_id, datetime.now(UTC) + timedelta(days=1)) == 3
    assert (await verified(database, chain)).holds


async def test_twenty_at_once_make_one_chain(database: Database, organization: Organization) -> None:
    async def write(number: int) -> None:
        async with database.transaction(organization.organization_id) as db:
            await db.execute("select pg_sleep(random() / 50)")
            await record(db, organization, note=number)

    await asyncio.gather(*(write(number) for number in range(20)))
    async with database.transaction(organization.organization_id) as db:
        entries = await audit.page(db, organization.organization_id, limit=50)
    assert [entry.number for entry in entries] == list(range(20, 0, -1))
    assert {(entry.details or {})["note"] for entry in entries} == set(range(20))
    assert (await verified(database, organization)).holds


async def test_an_address_is_told_by_a_digest_and_each_organization_has_its_own(
    database: Database, organization: Organization, stranger: Organization
) -> None:
    known = audit.origin.set(Origin("request-1", "192.0.2.7"))
    try:
        for each in (organization, organization, stranger):
            async with database.transaction(each.organization_id) as db:
                await record(db, each)
    finally:
        audit.origin.reset(known)
    found = []
    for each in (organization, stranger):
        async with database.transaction(each.organization_id) as db:
            found += [entry.details or {} for entry in await audit.page(db, each.organization_id, limit=5)]
    digests = [details["address_digest"] for details in found]
    assert digests[0] == digests[1] != digests[2]
    assert "192.0.2.7" not in str(found)


def test_a_trigger_guards_what_grants_cannot(server: None) -> None:
    with psycopg.connect(**connection_parameters(Role.ADMIN)) as db:
        guards = db.execute("select count(*) from pg_trigger where tgname = 'guard' and tgenabled = 'O'").fetchone()
    assert guards == (2,)
