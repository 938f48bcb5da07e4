"""What a file says of its rows' categories: who comes before it, whom it comes before, and what nobody invents."""

import io
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, TextTest
from ai2.books.transactions import service as transactions
from ai2.identity.organizations import Organization
from ai2.ingest.layout.words import Role
from ai2.ingest.mending.undo import undo
from ai2.ingest.service import ImportOptions, ImportResult, Source
from ai2.kit.database import Database, rows
from ai2.kit.ids import new_id
from ml import learning, registry, service
from ml.answers import Descriptor, Item, Verdict

PERSON = f"user:{new_id()}"
Bring = Callable[..., Awaitable[ImportResult]]
Told = dict[str, tuple[str | None, str | None]]
FILE = """Date,Description,Amount,Category
2026-03-02,QUIMBY,-12.50,gifts AND  novelties
2026-03-03,OF A CODE,-7.00,food_and_drink_coffee
2026-03-04,OF A TREE,-8.00,Food and drink > Groceries
2026-03-05,OF ANOTHER TREE,-8.00,Shopping:Groceries
2026-03-06,TESCO STORES,-9.00,Coffee
2026-03-07,NOBODY,-3.00,Our yacht
2026-03-08,NOTHING,-4.00,
"""


class Public:
    """Knows one merchant, and takes everything else for coffee."""

    version = "test"

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        said = {
            True: Verdict("FOOD_AND_DRINK_GROCERIES", 0.98, "apply", "merchant", "k-1", ("Tesco is known",)),
            False: Verdict("MEDICAL_DENTAL_CARE", 0.97, "apply", "model", "m-1", ("teeth",)),
        }
        return [said["TESCO" in each.description] for each in descriptors]


@pytest.fixture(autouse=True)
def _champion(use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    use_registry()
    monkeypatch.setattr(registry, "champion", Public)


@pytest.fixture
async def account(database: Database, organization: Organization) -> Account:
    async with database.transaction(organization.organization_id) as db:
        return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


@pytest.fixture
def bring(database: Database, organization: Organization, account: Account) -> Bring:
    """Import a file as people do, and have it categorised as the worker does."""

    async def do(text: str = FILE, **options: Any) -> ImportResult:
        found = await flows.import_file(
            database, organization_id=organization.organization_id, account_id=account.account_id,
            path=io.BytesIO(text.encode()), file_name="export.csv", options=ImportOptions(**options),
            source=Source.CLI, imported_by=PERSON,
        )  # fmt: skip
        await flows.categorise(database, organization.organization_id, found.batch_id)
        return found

    return do


@pytest.fixture
def told(database: Database, organization: Organization) -> Callable[[], Awaitable[Told]]:
    """Category and who decided it, by description, of all that is in the books."""

    async def do() -> Told:
        query = """
            select row.description, category.name as category, row.decided_by from books.transactions as row
            left join books.categories as category using (organization_id, category_id)
            where row.deleted_at is null
        """
        async with database.transaction(organization.organization_id) as db:
            return {row["description"]: (row["category"], row["decided_by"]) for row in await rows(db, query)}

    return do


async def choose(database: Database, organization: Organization, description: str, category: str) -> None:
    """A person's own decision for one transaction."""
    who = organization.organization_id
    async with database.transaction(who, actor=PERSON) as db:
        query = "select transaction_id from books.transactions where description = %(description)s"
        [row] = await rows(db, query, {"description": description})
        wanted = await categories.find(db, who, category)
        await transactions.update(db, who, row["transaction_id"], {"category_id": wanted.category_id})


async def test_a_category_that_the_file_names_is_that_one_and_an_unknown_one_is_said_and_not_made(
    bring: Bring, told: Callable[[], Awaitable[Told]], database: Database, organization: Organization
) -> None:
    found = await bring()
    assert await told() == {
        "QUIMBY": ("Gifts and novelties", "import"),
        "OF A CODE": ("Coffee", "import"),
        "OF A TREE": ("Groceries", "import"),
        "OF ANOTHER TREE": ("Dental care", "model"),
        "TESCO STORES": ("Groceries", "merchant"),  # who is known comes before what the file says
        "NOBODY": ("Dental care", "model"),
        "NOTHING": ("Dental care", "model"),
    }
    assert found.unknown_categories == ["Our yacht", "Shopping:Groceries"]
    async with database.transaction(organization.organization_id) as db:
        kept = await rows(db, "select attributes from books.transactions where description = 'NOBODY'")
        names = {each.name for each in await categories.list_all(db, organization.organization_id)}
    assert kept == [{"attributes": {"category": "Our yacht"}}]
    assert "Our yacht" not in names


async def test_a_movement_that_is_not_stored_is_told_the_same(database: Database, organization: Organization) -> None:
    async with database.transaction(organization.organization_id) as db:
        known, unknown = await service.batch_analyze(
            db, organization.organization_id,
            [Item("QUIMBY", Decimal(-5), attributes={"category": said}) for said in ("COFFEE", "Our yacht")],
        )  # fmt: skip
    assert (known.decided_by, known.category.name, known.version) == ("import", "Coffee", "stated-1")
    assert known.reasons == ("the file says COFFEE",)
    assert (unknown.decided_by, unknown.reasons) == ("model", ("teeth", "the file says Our yacht"))


async def test_people_their_rules_and_what_they_taught_come_before_the_file(
    bring: Bring, told: Callable[[], Awaitable[Told]], database: Database, organization: Organization
) -> None:
    who = organization.organization_id
    await bring("Date,Description,Amount\n2026-02-01,QUIMBY,-1.00\n")
    async with database.transaction(who, actor=PERSON) as db:
        [row] = await rows(db, "select transaction_id from books.transactions")
        await learning.learn(
            db, who, transaction_id=row["transaction_id"], field="category", value="Parking", apply_to="always",
            given_by=PERSON,
        )  # fmt: skip
        parking = await categories.find(db, who, "Parking")
        await rules.create(
            db, who, name="Codes", conditions=Conditions(description=TextTest("equals", "OF A CODE")),
            actions=Actions(category_id=parking.category_id),
        )  # fmt: skip
    await bring(FILE)
    found = await told()
    assert (found["OF A CODE"], found["OF A TREE"]) == (("Parking", "rule"), ("Groceries", "import"))
    async with database.transaction(who) as db:
        ways = await rows(db, "select decided_by from books.transactions where description = 'QUIMBY' order by 1")
    assert [row["decided_by"] for row in ways] == ["merchant", "user"]


async def test_the_same_file_again_changes_nothing_that_a_person_decided(
    bring: Bring, told: Callable[[], Awaitable[Told]], database: Database, organization: Organization
) -> None:
    await bring()
    await choose(database, organization, "QUIMBY", "Parking")
    before = await told()
    again = await bring()
    other = await bring(FILE.replace("food_and_drink_coffee", "Groceries"))
    assert (again.rows.loaded, other.rows.loaded, again.unknown_categories) == (0, 0, [])
    assert await told() == before
    assert before["QUIMBY"] == ("Parking", "user")


async def test_a_replay_by_another_column_opens_what_machines_decided_and_an_undo_takes_the_file_s_word_for_no_edit(
    bring: Bring, told: Callable[[], Awaitable[Told]], database: Database, organization: Organization
) -> None:
    who = organization.organization_id
    found = await bring(FILE.replace("Category", "Budget line"))
    assert {by for _, by in (await told()).values()} == {"model", "merchant"}
    assert found.batch_id is not None
    await choose(database, organization, "OF A TREE", "Parking")
    async with database.transaction(who, actor=PERSON) as db:
        mapped = ImportOptions(mapping={Role.CATEGORY: "Budget line"})
        done = await flows.replay_import(db, who, found.batch_id, replayed_by=PERSON, options=mapped, apply=True)
    assert done.counts["changed"] == 6  # the last row has none
    await flows.categorise(database, who, found.batch_id)
    now = await told()
    assert now["QUIMBY"] == ("Gifts and novelties", "import")
    assert now["OF A TREE"] == ("Parking", "user")
    assert now["TESCO STORES"] == ("Groceries", "merchant")
    async with database.transaction(who) as db:
        history = await rows(
            db,
            """
            select version.decided_by from books.transaction_versions as version
            inner join books.transactions as row using (organization_id, transaction_id)
            where row.description = 'QUIMBY' order by version.version
            """,
        )
        report = await undo(db, who, found.batch_id, undone_by=PERSON)
    assert [row["decided_by"] for row in history] == [None, "model", None]
    assert [each["fields"] for each in report["left"]] == [["category"]]
    assert list(await told()) == ["OF A TREE"]
