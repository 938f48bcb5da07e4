"""Rules at the import: what comes in is decided with it, and undo and replay take no rule for a person."""

import io
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from ai2 import flows
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, TextTest
from ai2.books.rules.runs_repository import Scope
from ai2.consumers import CONSUMERS
from ai2.identity.organizations import Organization
from ai2.ingest.mending.undo import undo
from ai2.ingest.service import ImportOptions, ImportResult, Source
from ai2.kit.database import Database
from ai2.kit.deliveries import deliver
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask
from tests.ingest.test_undo import MARCH, balanced

PERSON = f"user:{new_id()}"
LIVE = """
    select description, decided_by, tags, merchant from books.transactions
    where deleted_at is null order by 1, line_number
"""

Bring = Callable[..., Awaitable[ImportResult]]


@pytest.fixture
async def groceries(database: Database, organization: Organization) -> UUID:
    """The category of a rule for coffee, with a tag and a name."""
    who = organization.organization_id
    async with database.transaction(who) as db:
        category = await categories.find(db, who, "groceries")
        await rules.create(
            db, who, name="Coffee", conditions=Conditions(description=TextTest("equals", "COFFEE")),
            actions=Actions(category_id=category.category_id, tags=("cup",), merchant="The Bean"),
        )  # fmt: skip
    return category.category_id


@pytest.fixture
def bring(database: Database, organization: Organization, account: Account) -> Bring:
    async def do(text: str, **known: Any) -> ImportResult:
        return await flows.import_file(
            database,
            organization_id=organization.organization_id,
            account_id=account.account_id,
            path=io.BytesIO(text.encode()),
            file_name="statement.csv",
            options=ImportOptions(),
            source=Source.CLI,
            imported_by=PERSON,
            **known,
        )

    return do


async def test_what_comes_in_is_decided_with_it(bring: Bring, ask: Ask, groceries: UUID) -> None:
    result = await bring(MARCH)
    live = await ask(LIVE)
    assert [(row["description"], row["decided_by"], row["tags"], row["merchant"]) for row in live] == [
        ("Coffee", "rule", ["cup"], "The Bean"),
        ("Coffee", "rule", ["cup"], "The Bean"),
        ("Rent", None, [], None),
        ("Salary", None, [], None),
    ]
    [batch] = await balanced(ask)
    assert (result.rows.loaded, batch["rows_loaded"]) == (4, 4)


async def test_what_is_known_is_not_decided_again(bring: Bring, ask: Ask, groceries: UUID) -> None:
    await bring(MARCH)
    again = await bring(MARCH)
    assert (again.rows.loaded, again.rows.duplicate) == (0, 4)
    [versions] = await ask("select count(*) as n from books.transaction_versions")
    assert versions["n"] == 2


async def test_a_dry_run_writes_nothing(bring: Bring, ask: Ask, groceries: UUID) -> None:
    await bring(MARCH, dry_run=True)
    assert await ask(LIVE) == []


async def test_a_received_file_is_decided_too(
    database: Database, organization: Organization, account: Account, ask: Ask, groceries: UUID
) -> None:
    who = organization.organization_id
    batch_id = await flows.receive_file(
        database, organization_id=who, account_id=account.account_id, path=io.BytesIO(MARCH.encode()),
        file_name="statement.csv", options=ImportOptions(), source=Source.API, imported_by=PERSON,
    )  # fmt: skip
    await flows.run_import(database, who, batch_id)
    assert [row["decided_by"] for row in await ask(LIVE)] == ["rule", "rule", None, None]


async def test_an_undo_takes_no_rule_for_a_persons_edit(
    bring: Bring, ask: Ask, database: Database, organization: Organization, groceries: UUID
) -> None:
    result = await bring(MARCH)
    assert result.batch_id
    async with database.transaction(organization.organization_id, actor=PERSON) as db:
        report = await undo(db, organization.organization_id, result.batch_id, undone_by=PERSON)
    assert (report["closed"], report["left_alone"]) == (4, 0)
    assert await ask(LIVE) == []
    await balanced(ask)
    await bring(MARCH)
    assert [row["decided_by"] for row in await ask(LIVE)] == ["rule", "rule", None, None]


async def test_nor_does_it_take_an_applied_rule_for_one(
    bring: Bring, ask: Ask, database: Database, organization: Organization
) -> None:
    result, who = await bring(MARCH), organization.organization_id
    async with database.transaction(who, actor=PERSON) as db:
        rule = await rules.create(
            db, who, name="Rent", conditions=Conditions(description=TextTest("contains", "rent")),
            actions=Actions(tags=("home",)),
        )  # fmt: skip
        done = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by=PERSON)
    assert result.batch_id
    async with database.transaction(who, actor=PERSON) as db:
        report = await undo(db, who, result.batch_id, undone_by=PERSON)
        taken_back = await rule_runs.undo(db, who, done.application_id, undone_by=PERSON)
    assert (done.rows_changed, report["closed"], report["left_alone"]) == (1, 4, 0)
    assert (taken_back.rows_given_back, taken_back.rows_left_alone) == (0, 1), "what is gone stays as it is"


async def test_a_replay_takes_no_rule_for_a_difference(
    bring: Bring, ask: Ask, database: Database, organization: Organization, groceries: UUID
) -> None:
    result = await bring(MARCH)
    async with database.transaction(organization.organization_id, actor=PERSON) as db:
        found = await flows.replay_import(
            db, organization.organization_id, result.batch_id, replayed_by=PERSON, apply=True
        )
    assert not found.differs
    assert {row["merchant"] for row in await ask(LIVE)} == {"The Bean", None}


async def test_the_categoriser_is_asked_for_what_rules_leave_open(
    bring: Bring, ask: Ask, groceries: UUID, database: Database, pipeline: Database, organization: Organization
) -> None:
    await bring(MARCH)
    waiting = await ask("select count(*) as n from books.transactions where decided_by is null")
    assert waiting == [{"n": 2}]
    assert await deliver(database, pipeline, CONSUMERS[0], organization.organization_id) == 1
    assert [job["kind"] for job in await ask("select kind from queue.jobs")] == ["categorise"]
