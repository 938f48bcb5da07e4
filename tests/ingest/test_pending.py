"""Pending to posted: one payment is one transaction, whatever the bank says of it before it is booked."""

import pytest

from ai2.books.accounts.service import Account
from ai2.books.transactions import service as transactions
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from tests.ingest.conftest import Ask
from tests.ingest.feeding import Feeder, Row


def pending(booked_on: str, amount: str, description: str, **more: object) -> Row:
    return {"booked_on": booked_on, "amount": amount, "description": description, "status": "pending", **more}


def posted(booked_on: str, amount: str, description: str, **more: object) -> Row:
    return {**pending(booked_on, amount, description), "status": "posted", **more}


COFFEE = ("2026-03-02", "-3.20", "COSTA COFFEE 43010 LONDON")
RENT = posted("2026-03-01", "-900.00", "RENT")


@pytest.fixture
def feed(database: Database, organization: Organization, account: Account) -> Feeder:
    return Feeder(database, organization, account)


class TestCompleted:
    async def test_the_booked_line_completes_the_announced_one(self, feed: Feeder, ask: Ask) -> None:
        assert await feed(RENT, pending(*COFFEE)) == (2, 0)
        [before] = await ask("select transaction_id, batch_id from books.transactions where status = 'pending'")
        assert await feed.balance() == "-900.00"
        assert await feed(RENT, posted("2026-03-03", *COFFEE[1:])) == (1, 1)
        assert await feed.books() == [
            ("2026-03-01", "-900.00", "RENT", "posted"),
            ("2026-03-03", "-3.20", "COSTA COFFEE 43010 LONDON", "posted"),
        ]
        assert await feed.balance() == "-903.20"
        [after] = await ask("select transaction_id, batch_id from books.transactions where amount = -3.20")
        assert after == {"transaction_id": before["transaction_id"], "batch_id": feed.batch_id}
        [former] = await ask("select status, booked_on, batch_id, changed_by from books.transaction_versions")
        assert (former["status"], str(former["booked_on"])) == ("pending", "2026-03-02")
        assert (former["batch_id"], former["changed_by"]) == (before["batch_id"], f"batch:{feed.batch_id}")

    @pytest.mark.parametrize(
        ("announced", "booked"),
        [
            (pending(*COFFEE), posted(*COFFEE)),
            (pending(*COFFEE, provider_id="a"), posted("2026-03-09", "-4.00", "Something else", pending_id="a")),
            (pending(*COFFEE, provider_id="a"), posted("2026-03-03", "-3.20", "COSTA", provider_id="a")),
            (pending(*COFFEE), posted("2026-03-01", "-3.20", "costa coffee")),
            (pending("2026-03-02", "-20.00", "JOES DINER"), posted("2026-03-04", "-24.00", "JOES DINER")),
            (pending("2026-03-02", "-1.00", "SHELL 1234"), posted("2026-03-04", "-63.40", "SHELL 1234")),
            (pending("2026-03-02", "-100.00", "ESSO"), posted("2026-03-04", "-63.40", "ESSO STATION")),
            (pending("2026-03-02", "-300.00", "HILTON", mcc="3504"), posted("2026-03-20", "-412.10", "HILTON HOTELS")),
            (pending("2026-03-02", "-11.83", "RATP PARIS"), posted("2026-03-04", "-11.97", "RATP PARIS EUR 13.50")),
            (pending("2026-03-02", "-25.00", "PAYPAL *PENDING"), posted("2026-03-04", "-25.00", "PAYPAL *STEAM")),
            (pending("2026-03-02", "0.00", "UBER TRIP"), posted("2026-03-02", "-14.10", "UBER TRIP HELP.UBER.COM")),
        ],
    )
    async def test_by_each_rule(self, feed: Feeder, announced: Row, booked: Row) -> None:
        await feed(announced)
        assert await feed(booked) == (1, 0)
        assert await feed.books() == [(booked["booked_on"], booked["amount"], booked["description"], "posted")]

    @pytest.mark.parametrize(
        ("announced", "booked"),
        [
            (pending(*COFFEE), posted("2026-03-02", "-3.20", "TFL TRAVEL")),
            (pending(*COFFEE), posted("2026-03-20", *COFFEE[1:])),
            (pending(*COFFEE), posted("2026-02-25", *COFFEE[1:])),
            (pending(*COFFEE), posted("2026-03-02", "3.20", COFFEE[2])),
            (pending("2026-03-02", "-20.00", "AMAZON"), posted("2026-03-04", "-80.00", "AMAZON")),
            (pending("2026-03-02", "-20.00", "AMAZON"), posted("2026-03-04", "-12.00", "AMAZON")),
        ],
    )
    async def test_what_is_another_payment_is_left_apart(self, feed: Feeder, announced: Row, booked: Row) -> None:
        await feed(announced)
        await feed(booked)
        assert sorted(row[3] for row in await feed.books()) == ["pending", "posted"]
        assert await feed.balance() == booked["amount"]

    async def test_a_stable_id_follows_the_amount(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE, provider_id="a"), ids_are_stable=True)
        assert await feed(posted("2026-03-04", "-3.90", "COSTA", provider_id="a"), ids_are_stable=True) == (1, 0)
        assert await feed.books() == [("2026-03-04", "-3.90", "COSTA", "posted")]

    async def test_what_people_wrote_stays(
        self, feed: Feeder, ask: Ask, database: Database, organization: Organization
    ) -> None:
        await feed(pending(*COFFEE))
        [row] = await ask("select transaction_id from books.transactions")
        [category] = await ask("select category_id from books.category_codes where code = 'FOOD_AND_DRINK_COFFEE'")
        changes = {"notes": "with Ann", "tags": ["work"], "description": "Coffee with Ann", **category}
        async with database.transaction(organization.organization_id, actor="user:ann") as db:
            await transactions.update(db, organization.organization_id, row["transaction_id"], changes)
        await feed(posted("2026-03-04", "-3.20", "COSTA COFFEE 43010 LONDON GB"))
        [now] = await ask("select booked_on, description, notes, tags, category_id, decided_by from books.transactions")
        assert str(now.pop("booked_on")) == "2026-03-04"
        assert now == {**changes, "decided_by": "user"}

    async def test_a_deleted_one_stays_away(
        self, feed: Feeder, ask: Ask, database: Database, organization: Organization
    ) -> None:
        await feed(pending(*COFFEE))
        [row] = await ask("select transaction_id from books.transactions")
        async with database.transaction(organization.organization_id) as db:
            await transactions.delete(db, organization.organization_id, row["transaction_id"])
        assert await feed(posted("2026-03-03", *COFFEE[1:])) == (1, 0)
        assert await feed.books() == []

    async def test_never_across_accounts(self, feed: Feeder, database: Database, organization: Organization) -> None:
        from ai2.books.accounts import service as accounts

        async with database.transaction(organization.organization_id) as db:
            other = await accounts.create(db, organization.organization_id, name="Other", currency="GBP")
        await feed(pending(*COFFEE, provider_id="a"))
        await Feeder(database, organization, other)(posted(*COFFEE, pending_id="a"))
        assert await feed.books() == [(*COFFEE, "pending")]


class TestEqualOnes:
    async def test_of_two_equal_coffees_one_is_booked_and_one_vanishes(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE), pending(*COFFEE))
        await feed(posted("2026-03-03", *COFFEE[1:]), pending(*COFFEE))
        assert [row[3] for row in await feed.books()] == ["pending", "posted"]
        await feed(pending("2026-03-05", "-8.00", "LUNCH"), posted("2026-03-05", "-1.00", "FEE"))
        assert [row[3] for row in await feed.books()] == ["closed", "posted", "pending", "posted"]
        assert await feed.balance() == "-4.20"

    async def test_both_are_booked(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE), pending(*COFFEE))
        assert await feed(posted("2026-03-03", *COFFEE[1:]), posted("2026-03-03", *COFFEE[1:])) == (2, 0)
        assert await feed.balance() == "-6.40"
        assert len(await feed.books()) == 2

    async def test_two_that_may_be_it_are_left_to_a_person(self, feed: Feeder, ask: Ask) -> None:
        await feed(pending("2026-03-02", "-20.00", "JOES DINER"), pending("2026-03-02", "-22.00", "JOES DINER"))
        await feed(posted("2026-03-04", "-24.00", "JOES DINER"))
        assert [row[3] for row in await feed.books()] == ["pending", "pending", "posted"]
        found = await ask("select may_be from published.pending_lines")
        [booked] = await ask("select transaction_id from books.transactions where status = 'posted'")
        assert [row["may_be"] for row in found] == [[booked["transaction_id"]]] * 2

    async def test_the_same_coffee_again_on_the_announced_day_is_another(self, feed: Feeder) -> None:
        """The first was announced on the 2nd and booked on the 3rd; this one was booked on the 2nd."""
        await feed(pending(*COFFEE))
        await feed(posted("2026-03-03", *COFFEE[1:]))
        assert await feed(posted(*COFFEE), posted("2026-03-03", *COFFEE[1:])) == (1, 1)
        assert await feed.balance() == "-6.40"


class TestAgain:
    async def test_every_file_again_changes_nothing(self, feed: Feeder, ask: Ask) -> None:
        first = (RENT, pending(*COFFEE), pending("2026-03-02", "-8.00", "LUNCH"))
        second = (RENT, posted("2026-03-03", *COFFEE[1:]), pending("2026-03-03", "-5.00", "TEA"))
        await feed(*first)
        await feed(*second)
        before = await feed.books("transaction_id, version, status, booked_on")
        for file in (first, second, first, second):
            assert await feed(*file) == (0, 3)
        assert await feed.books("transaction_id, version, status, booked_on") == before
        assert [row[2] for row in before] == ["posted", "closed", "pending", "posted"]

    async def test_a_late_file_with_what_is_booked_already_brings_no_twin(self, feed: Feeder) -> None:
        await feed(posted("2026-03-03", *COFFEE[1:]))
        assert await feed(RENT, pending(*COFFEE)) == (1, 1)
        assert await feed.books() == [
            ("2026-03-01", "-900.00", "RENT", "posted"),
            ("2026-03-03", *COFFEE[1:], "posted"),
        ]

    async def test_an_amount_that_changes_while_pending_is_followed(self, feed: Feeder) -> None:
        await feed(pending("2026-03-02", "-1.00", "SHELL", provider_id="a"))
        assert await feed(pending("2026-03-02", "-50.00", "SHELL", provider_id="a")) == (0, 1)
        assert await feed.books() == [("2026-03-02", "-50.00", "SHELL", "pending")]

    async def test_what_is_dated_anew_each_day_is_the_same(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE))
        assert await feed(pending("2026-03-03", *COFFEE[1:])) == (0, 1)
        assert await feed(posted("2026-03-03", *COFFEE[1:])) == (1, 0)
        assert len(await feed.books()) == 1


class TestGone:
    async def test_a_file_without_pending_rows_closes_nothing(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE))
        await feed(posted("2026-03-05", "-1.00", "FEE"))
        assert [row[3] for row in await feed.books()] == ["pending", "posted"]

    async def test_by_age_it_is_closed(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE))
        await feed(posted("2026-04-02", "-1.00", "FEE"))
        assert [row[3] for row in await feed.books()] == ["closed", "posted"]

    async def test_an_older_statement_closes_nothing(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE), posted("2026-03-04", "-1.00", "FEE"))
        await feed(pending("2026-03-01", "-7.00", "LUNCH"))
        assert [row[3] for row in await feed.books()] == ["pending", "pending", "posted"]

    async def test_what_was_closed_is_completed_when_it_is_booked_after_all(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE))
        await feed(pending("2026-03-03", "-8.00", "LUNCH"))
        assert [row[3] for row in await feed.books()] == ["closed", "pending"]
        assert await feed(posted("2026-03-06", *COFFEE[1:])) == (1, 0)
        assert [row[3] for row in await feed.books()] == ["pending", "posted"]

    async def test_what_shows_again_is_pending_again(self, feed: Feeder) -> None:
        await feed(pending(*COFFEE))
        await feed(pending("2026-03-03", "-8.00", "LUNCH"))
        await feed(pending(*COFFEE), pending("2026-03-03", "-8.00", "LUNCH"))
        assert [row[3] for row in await feed.books()] == ["pending", "pending"]


async def test_every_batch_still_has_the_lines_that_it_loaded(feed: Feeder, ask: Ask) -> None:
    await feed(RENT, pending(*COFFEE))
    await feed(RENT, posted("2026-03-03", *COFFEE[1:]))
    wrong = await ask(
        """
        select batch.batch_id from published.batches as batch
        where rows_loaded <> (
            select count(*) from published.statement_lines as line
            where line.batch_id = batch.batch_id and line.state = 'loaded')
        """
    )
    assert wrong == []
