"""Undo: a batch is taken back as one, and what people did since is left alone."""

import io
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import Rollback

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.transactions import attachments, decisions, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.splits import Part
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.mending.undo import NothingToUndo, undo
from ai2.ingest.problems import BatchNotFound
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask, Import

PERSON = f"user:{new_id()}"
MARCH = """Date,Description,Amount,Balance
2024-03-01,Salary,2000.00,2000.00
2024-03-02,Coffee,-3.20,1996.80
2024-03-02,Coffee,-3.20,1993.60
2024-03-05,Rent,-900.00,1093.60
"""
# Shares its first three rows with March.
OVERLAPPING = """Date,Description,Amount,Balance
2024-03-02,Coffee,-3.20,1996.80
2024-03-02,Coffee,-3.20,1993.60
2024-03-05,Rent,-900.00,1093.60
2024-04-01,Bread,-4.00,1089.60
"""
LIVE = "select description, batch_id, line_number from books.transactions where deleted_at is null order by 1, 3"
TOTALS = "select sum(money_in - money_out) as net, sum(transactions) as transactions from books.daily_totals"

Undo = Callable[..., Awaitable[dict[str, Any]]]
As = Callable[..., Awaitable[Any]]


@pytest.fixture
def take_back(database: Database, organization: Organization) -> Undo:
    async def do(batch_id: UUID | None, by: str = PERSON) -> dict[str, Any]:
        assert batch_id
        async with database.transaction(organization.organization_id, actor=by) as db:
            return await undo(db, organization.organization_id, batch_id, undone_by=by)

    return do


@pytest.fixture
def change(database: Database, organization: Organization, ask: Ask) -> As:
    """Change the transaction of this description, as a person does."""

    async def do(of: str, **changes: Any) -> UUID:
        [row, *_] = await ask(
            "select transaction_id from books.transactions where description = %(d)s and deleted_at is null",
            d=of,
        )
        transaction_id: UUID = row["transaction_id"]
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            await transactions.update(db, organization.organization_id, transaction_id, changes)
        return transaction_id

    return do


async def keep_receipt(database: Database, organization: Organization, ask: Ask, of: str) -> None:
    """Keep a file beside the transaction of this description."""
    [row] = await ask("select transaction_id from books.transactions where description = %(d)s", d=of)
    who, said = organization.organization_id, b"%PDF-1.4 paid"
    async with database.transaction(who, actor=PERSON) as db:
        await attachments.add(
            db, who, row["transaction_id"], file=io.BytesIO(said), file_name="a.pdf", size_bytes=len(said),
            added_by=PERSON,
        )  # fmt: skip


async def balanced(ask: Ask) -> list[dict[str, Any]]:
    """Every batch with its counts, each proved by its rows."""
    found = await ask(
        """
        select batch.status, batch.rows_in, batch.rows_loaded, batch.rows_duplicate, batch.rows_quarantined,
            count(*) filter (where line.state = 'loaded') as loaded,
            count(*) filter (where line.state = 'duplicate') as duplicate,
            count(*) filter (where line.state = 'quarantined') as quarantined
        from ingest.batches as batch
        left join published.statement_lines as line using (organization_id, batch_id)
        where batch.status in ('loaded', 'undone')
        group by batch.organization_id, batch.batch_id order by batch.batch_id
        """
    )
    for row in found:
        assert row["rows_in"] == row["rows_loaded"] + row["rows_duplicate"] + row["rows_quarantined"]
        assert [row[state] for state in ("loaded", "duplicate", "quarantined")] == [
            row[f"rows_{state}"] for state in ("loaded", "duplicate", "quarantined")
        ]
    return found


class TestWhole:
    async def test_closes_what_the_batch_inserted(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        done = await import_text(MARCH)
        report = await take_back(done.batch_id)
        assert {name: report[name] for name in ("closed", "given_back", "handed_over", "left_alone")} == {
            "closed": 4, "given_back": 0, "handed_over": 0, "left_alone": 0,
        }  # fmt: skip
        assert await ask(LIVE) == []
        assert (await ask(TOTALS))[0] == {"net": 0, "transactions": 0}
        [batch] = await balanced(ask)
        assert (batch["status"], batch["rows_loaded"]) == ("undone", 4)

    async def test_the_history_says_who_and_by_which_act(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        done = await import_text(MARCH)
        await take_back(done.batch_id)
        found = await ask("select distinct changed_by from books.transaction_versions")
        assert found == [{"changed_by": f"{PERSON} undo:{done.batch_id}"}]
        [batch] = await ask("select undone_by, undone_at is not null as is_dated from ingest.batches")
        assert batch == {"undone_by": PERSON, "is_dated": True}

    async def test_the_file_can_come_again(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        await take_back((await import_text(MARCH)).batch_id)
        again = await import_text(MARCH)
        assert (again.rows.loaded, again.rows.duplicate) == (4, 0)
        assert (await import_text(MARCH)).rows.duplicate == 4
        assert len(await ask(LIVE)) == 4

    async def test_twice_is_once(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        done = await import_text(MARCH)
        first = await take_back(done.batch_id)
        versions = await ask("select count(*) as n from books.transaction_versions")
        assert await take_back(done.batch_id, by="system") == first
        assert await ask("select count(*) as n from books.transaction_versions") == versions

    async def test_other_batches_keep_theirs(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        await import_text(MARCH)
        april = await import_text("Date,Description,Amount\n2024-04-02,Milk,-1.00\n")
        await take_back(april.batch_id)
        assert [row["description"] for row in await ask(LIVE)] == ["Coffee", "Coffee", "Rent", "Salary"]

    async def test_nothing_happens_where_the_transaction_fails(
        self, import_text: Import, database: Database, organization: Organization, ask: Ask
    ) -> None:
        done = await import_text(MARCH)
        async with database.transaction(organization.organization_id) as db, db.transaction() as all_of_it:
            await undo(db, organization.organization_id, done.batch_id, undone_by=PERSON)  # type: ignore[arg-type]
            raise Rollback(all_of_it)
        assert len(await ask(LIVE)) == 4
        assert (await balanced(ask))[0]["status"] == "loaded"


class TestPeople:
    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"notes": "Ask Ana"}, ["notes"]),
            ({"tags": ["home"], "amount": Decimal("-901.00")}, ["amount", "tags"]),
            ({"description": "Flat"}, ["description"]),
        ],
    )
    async def test_what_they_edited_is_listed_and_left_alone(
        self, import_text: Import, take_back: Undo, change: As, ask: Ask, changes: dict[str, Any], fields: list[str]
    ) -> None:
        done = await import_text(MARCH)
        transaction_id = await change("Rent", **changes)
        report = await take_back(done.batch_id)
        assert (report["closed"], report["left_alone"]) == (3, 1)
        assert report["left"] == [
            {"transaction_id": str(transaction_id), "line_number": 5, "why": "edited", "fields": fields}
        ]
        assert len(await ask(LIVE)) == 1
        again = await import_text(MARCH)
        assert (again.rows.loaded, again.rows.duplicate) == (3, 1)
        await balanced(ask)

    async def test_their_category_is_an_edit_and_a_models_is_none(
        self, import_text: Import, take_back: Undo, database: Database, organization: Organization, ask: Ask
    ) -> None:
        done = await import_text(MARCH)
        rows = {row["line_number"]: row for row in await ask("select * from books.transactions")}
        own = organization.organization_id
        async with database.transaction(own, actor=PERSON) as db:
            [category, *_] = await categories.list_all(db, own)
            await decisions.decide(db, own, rows[2]["transaction_id"], category.category_id)
            # a person taught the merchant, and the platform followed
            await decisions.decide_for_merchant(
                db, own, rows[5]["merchant_key"], money_in=False, category_id=category.category_id, version="taught"
            )
        async with database.transaction(own) as db:
            await db.execute(
                "update books.transactions set category_id = %s, decided_by = 'model' where line_number = 3",
                [category.category_id],
            )
        report = await take_back(done.batch_id)
        assert [(row["line_number"], row["fields"]) for row in report["left"]] == [(2, ["category"])]
        assert report["closed"] == 3

    async def test_what_they_deleted_stays_deleted_and_away(
        self, import_text: Import, take_back: Undo, database: Database, organization: Organization, ask: Ask
    ) -> None:
        done = await import_text(MARCH)
        [row] = await ask("select transaction_id from books.transactions where description = 'Rent'")
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            await transactions.delete(db, organization.organization_id, row["transaction_id"])
        report = await take_back(done.batch_id)
        assert (report["closed"], [left["why"] for left in report["left"]]) == (3, ["deleted"])
        again = await import_text(MARCH)
        assert (again.rows.loaded, again.rows.duplicate) == (3, 1)


class TestShared:
    async def test_a_later_batchs_duplicate_takes_over(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        march, overlapping = await import_text(MARCH), await import_text(OVERLAPPING)
        report = await take_back(march.batch_id)
        assert (report["closed"], report["handed_over"]) == (1, 3)
        assert report["heirs"] == [{"batch_id": str(overlapping.batch_id), "transactions": 3}]
        live = await ask(LIVE)
        assert [(row["description"], row["line_number"]) for row in live] == [
            ("Bread", 5), ("Coffee", 2), ("Coffee", 3), ("Rent", 4),
        ]  # fmt: skip
        assert {row["batch_id"] for row in live} == {overlapping.batch_id}
        undone, heir = await balanced(ask)
        assert (undone["rows_loaded"], undone["rows_duplicate"]) == (1, 3)
        assert (heir["rows_loaded"], heir["rows_duplicate"]) == (4, 0)
        assert (await import_text(OVERLAPPING)).rows.loaded == 0
        assert (await import_text(MARCH)).rows.loaded == 1

    async def test_undoing_every_batch_leaves_nothing(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        batches = [(await import_text(text)).batch_id for text in (MARCH, OVERLAPPING, MARCH)]
        for batch_id in batches:
            await take_back(batch_id)
        assert await ask(LIVE) == []
        assert await ask("select from ingest.identities union all select from ingest.fingerprints") == []
        assert (await ask(TOTALS))[0]["transactions"] == 0
        await balanced(ask)
        assert (await import_text(MARCH)).rows.loaded == 4

    async def test_equal_rows_are_known_where_the_first_of_them_is_gone(
        self, import_text: Import, take_back: Undo, ask: Ask
    ) -> None:
        coffee = '{"id": "%s", "date": "2024-03-02", "amount": "-3.20", "currency": "GBP", "description": "Coffee"}\n'
        first, _ = await import_text(coffee % "a"), await import_text(coffee % "b" + coffee % "c")
        await take_back(first.batch_id)
        three = "Date,Description,Amount\n" + "2024-03-02,Coffee,-3.20\n" * 3
        assert (await import_text(three)).rows.loaded == 1
        assert (await import_text(three)).rows.loaded == 0
        assert len(await ask(LIVE)) == 3

    async def test_undoing_the_later_batch_first_takes_only_its_own(
        self, import_text: Import, take_back: Undo, ask: Ask
    ) -> None:
        march, overlapping = await import_text(MARCH), await import_text(OVERLAPPING)
        assert (await take_back(overlapping.batch_id))["closed"] == 1
        assert len(await ask(LIVE)) == 4
        assert (await take_back(march.batch_id))["closed"] == 4

    async def test_what_is_handed_over_keeps_the_edits(
        self, import_text: Import, take_back: Undo, change: As, ask: Ask
    ) -> None:
        march = await import_text(MARCH)
        await import_text(OVERLAPPING)
        await change("Rent", notes="Ask Ana")
        report = await take_back(march.batch_id)
        assert (report["handed_over"], report["left_alone"]) == (3, 0)
        [row] = await ask("select notes from books.transactions where description = 'Rent'")
        assert row["notes"] == "Ask Ana"


class TestRefused:
    async def test_a_batch_that_loaded_nothing(self, import_text: Import, take_back: Undo) -> None:
        held = await import_text(MARCH.replace("2024-03-05", "2064-03-05"))
        with pytest.raises(NothingToUndo, match="held"):
            await take_back(held.batch_id)

    async def test_a_strangers_batch_is_not_there(
        self, import_text: Import, database: Database, stranger: Organization, account: Account, ask: Ask
    ) -> None:
        done = await import_text(MARCH)
        async with database.transaction(stranger.organization_id) as db:
            with pytest.raises(BatchNotFound):
                await undo(db, stranger.organization_id, done.batch_id, undone_by=PERSON)  # type: ignore[arg-type]
        assert len(await ask(LIVE)) == 4

    async def test_the_report_is_kept_with_the_batch(
        self, import_text: Import, take_back: Undo, database: Database, organization: Organization
    ) -> None:
        done = await import_text(MARCH)
        report = await take_back(done.batch_id)
        async with database.transaction(organization.organization_id) as db:
            kept = await service.batch(db, organization.organization_id, done.batch_id)  # type: ignore[arg-type]
        assert (kept.status, kept.undo_report, kept.undone_by) == ("undone", report, PERSON)


class TestTransfers:
    async def test_the_other_side_is_no_transfer_any_more(
        self, import_text: Import, take_back: Undo, database: Database, organization: Organization, ask: Ask
    ) -> None:
        own = organization.organization_id
        async with database.transaction(own) as db:
            savings = await accounts.create(db, own, name="Savings", currency="GBP", kind="savings")
        out = "Date,Description,Amount\n2024-03-04,Transfer to savings,-250.00\n"
        await import_text(out)
        into = await import_text(out.replace("to savings,-", "from current,"), into=savings, positive_is="in")
        decided = "select decided_by from books.transactions where deleted_at is null"
        assert [row["decided_by"] for row in await ask(decided)] == ["rule", "rule"]
        report = await take_back(into.batch_id)
        assert (report["closed"], report["left_alone"]) == (1, 0)
        assert [row["decided_by"] for row in await ask(decided)] == [None]
        assert await ask("select from books.transfers where state = 'paired'") == []


class TestPending:
    HEAD = "Date,Description,Amount,Status\n"
    ANNOUNCED = HEAD + "2024-03-04,Filling Station,-50.00,pending\n2024-03-03,Tea,-2.00,booked\n"
    BOOKED = HEAD + "2024-03-05,Filling Station,-50.00,booked\n2024-03-03,Tea,-2.00,booked\n"

    async def test_what_it_completed_is_announced_again(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        announced, booked = await import_text(self.ANNOUNCED), await import_text(self.BOOKED)
        assert (booked.rows.loaded, booked.rows.duplicate) == (1, 1)
        fuel = "select status, booked_on::text, batch_id from books.transactions where description like 'Fill%%'"
        assert [(row["status"], row["batch_id"]) for row in await ask(fuel)] == [("posted", booked.batch_id)]
        report = await take_back(booked.batch_id)
        assert (report["given_back"], report["closed"]) == (1, 0)
        assert await ask(fuel) == [{"status": "pending", "booked_on": "2024-03-04", "batch_id": announced.batch_id}]
        again = await import_text(self.BOOKED)
        assert (again.rows.loaded, again.rows.duplicate) == (1, 1)
        assert [row["status"] for row in await ask(fuel)] == ["posted"]

    async def test_where_both_are_undone_nothing_is_left(self, import_text: Import, take_back: Undo, ask: Ask) -> None:
        announced, booked = await import_text(self.ANNOUNCED), await import_text(self.BOOKED)
        first = await take_back(announced.batch_id)
        # the tea goes to the booked file, and the fuel was its own already
        assert (first["closed"], first["handed_over"]) == (0, 1)
        assert (await take_back(booked.batch_id))["closed"] == 2
        assert await ask(LIVE) == []
        assert await ask("select from ingest.identities") == []
        assert (await import_text(self.ANNOUNCED)).rows.loaded == 2


async def test_a_split_by_a_person_is_an_edit(
    database: Database, organization: Organization, import_text: Import, take_back: Undo, ask: Ask
) -> None:
    batch = (await import_text(MARCH)).batch_id
    [rent] = await ask("select transaction_id from books.transactions where description = 'Rent'")
    told = {"-850": "Rent", "-50": "Electronics"}
    parts = [Part(amount=Decimal(amount), category=category) for amount, category in told.items()]
    async with database.transaction(organization.organization_id, actor=PERSON) as db:
        await splits.put(db, organization.organization_id, rent["transaction_id"], parts)
    report = await take_back(batch)
    [left] = await ask(LIVE)
    assert left["description"] == "Rent"
    assert report["left"][0]["fields"] == ["category", "splits"]


async def test_what_has_a_receipt_stays(
    database: Database, organization: Organization, import_text: Import, take_back: Undo, ask: Ask
) -> None:
    batch = (await import_text(MARCH)).batch_id
    await keep_receipt(database, organization, ask, "Rent")
    report = await take_back(batch)
    assert [row["description"] for row in await ask(LIVE)] == ["Rent"]
    assert [(left["why"], left["fields"]) for left in report["left"]] == [("edited", ["attachments"])]
