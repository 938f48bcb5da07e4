"""Transfers: paired where certain, left to a person where not, and given back when a pair comes apart."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.transactions import decisions
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.books.transfers import service as transfers
from ai2.books.transfers.service import AlreadyPaired, NotPaired, NoTransfer, SideNotFound, TransferNotFound
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, one, rows
from ai2.kit.ids import new_id

Move = Callable[..., Awaitable[Transaction]]


@pytest.fixture
async def own(db: Connection, organization: Organization) -> dict[str, Account]:
    """Own accounts, by name."""
    made = [
        ("Current", "GBP", "bank", "GB33BUKB20201555555555"),
        ("Rainy day", "GBP", "savings", "GB82WEST12345698765432"),
        ("Everyday card", "GBP", "card", None),
        ("Travel", "EUR", "bank", "DE89370400440532013000"),
        ("Wallet", "GBP", "cash", None),
    ]
    return {
        name: await accounts.create(
            db, organization.organization_id, name=name, currency=currency, kind=kind, number=number
        )
        for name, currency, kind, number in made
    }


@pytest.fixture
def move(db: Connection, organization: Organization, own: dict[str, Account]) -> Move:
    """Write a transaction into an account by its name."""

    async def write(account: str, amount: str, description: str, day: int = 5, **more: Any) -> Transaction:
        new = NewTransaction(
            booked_on=date(2026, 3, day),
            amount=Decimal(amount),
            currency=own[account].currency,
            description=description,
            account_id=own[account].account_id,
            **more,
        )
        return await transactions.create(db, organization.organization_id, new)

    return write


async def states(db: Connection, organization: Organization) -> list[str]:
    items, _ = await transfers.page(db, organization.organization_id, limit=100)
    return sorted(item.state for item in items)


async def totals(db: Connection) -> list[tuple[str | None, str, str]]:
    found = await rows(
        db,
        """
        select kind, sum(money_in)::text as money_in, sum(money_out)::text as money_out
        from books.daily_totals left join books.categories using (organization_id, category_id)
        where transactions > 0 group by kind order by kind
        """,
    )
    return [tuple(row.values()) for row in found]


async def test_a_pair_is_neither_income_nor_expense(db, organization, move) -> None:
    out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
    assert out.type == "expense"
    into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
    out = await transactions.get(db, organization.organization_id, out.transaction_id)
    assert (out.type, out.category, out.decided_by, out.decided_version) == (
        "transfer",
        "To another account",
        "rule",
        "transfers-1",
    )
    assert (into.type, into.category) == ("transfer", "From another account")
    assert await totals(db) == [("transfer", "500.00", "500.00")]
    [pair], _ = await transfers.page(db, organization.organization_id, limit=10)
    assert (pair.state, pair.decided_by) == ("paired", "rule")
    assert "both speak of a transfer" in pair.reasons


@pytest.fixture
def paired(move: Move) -> Callable[[], Awaitable[tuple[Transaction, Transaction]]]:
    async def make() -> tuple[Transaction, Transaction]:
        out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
        return out, await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)

    return make


class TestComingApart:
    async def test_deleting_a_side_gives_the_other_its_decision_back(self, db, organization, move, paired) -> None:
        out, into = await paired()
        organization_id = organization.organization_id
        await transactions.delete(db, organization_id, into.transaction_id)
        left = await transactions.get(db, organization_id, out.transaction_id)
        assert (left.type, left.category_id, left.decided_by) == ("expense", None, None)
        assert await states(db, organization) == []
        again = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
        assert again.type == "transfer"

    async def test_changing_an_amount_dissolves_the_pair(self, db, organization, paired) -> None:
        out, into = await paired()
        await transactions.update(db, organization.organization_id, into.transaction_id, {"amount": Decimal("123.00")})
        left = await transactions.get(db, organization.organization_id, out.transaction_id)
        assert left.type == "expense"

    async def test_the_models_decision_comes_back(self, db, organization, move, paired) -> None:
        organization_id = organization.organization_id
        out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
        rent = await categories.find(db, organization_id, "Rent")
        await db.execute(
            "update books.transactions set category_id = %s, decided_by = 'model', decided_version = 'm-1', "
            "confidence = 0.9 where transaction_id = %s",
            [rent.category_id, out.transaction_id],
        )
        into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
        assert into.type == "transfer"
        await transfers.take_apart(db, organization_id, into.transaction_id)
        left = await transactions.get(db, organization_id, out.transaction_id)
        assert (left.category, left.decided_by, left.decided_version, str(left.confidence)) == (
            "Rent",
            "model",
            "m-1",
            "0.9",
        )

    async def test_what_a_person_takes_apart_is_never_paired_again(self, db, organization, paired) -> None:
        out, _ = await paired()
        organization_id = organization.organization_id
        await transfers.take_apart(db, organization_id, out.transaction_id)
        assert await states(db, organization) == ["rejected"]
        await transfers.pair(db, organization_id, transaction_ids=[out.transaction_id])
        assert await states(db, organization) == ["rejected"]
        with pytest.raises(NotPaired):
            await transfers.take_apart(db, organization_id, out.transaction_id)

    async def test_a_persons_category_takes_the_pair_apart(self, db, organization, paired) -> None:
        out, into = await paired()
        organization_id = organization.organization_id
        rent = await categories.find(db, organization_id, "Rent")
        await decisions.decide(db, organization_id, out.transaction_id, rent.category_id)
        assert (await transactions.get(db, organization_id, out.transaction_id)).category == "Rent"
        assert (await transactions.get(db, organization_id, into.transaction_id)).type == "income"
        assert await states(db, organization) == ["rejected"]

    async def test_another_transfers_category_does_not(self, db, organization, paired) -> None:
        out, _ = await paired()
        savings = await categories.find(db, organization.organization_id, "To savings")
        changes = {"category_id": savings.category_id}
        await transactions.update(db, organization.organization_id, out.transaction_id, changes)
        assert await states(db, organization) == ["paired"]


class TestPeopleWin:
    async def test_over_a_persons_category_it_is_only_suggested(self, db, organization, move) -> None:
        out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY", category="Rent")
        into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
        assert into.type == "income"
        assert await states(db, organization) == ["suggested"]
        assert (await transactions.get(db, organization.organization_id, out.transaction_id)).category == "Rent"

    async def test_a_persons_own_transfer_category_stays(self, db, organization, move) -> None:
        out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY", category="To savings")
        into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
        assert into.type == "transfer"
        left = await transactions.get(db, organization.organization_id, out.transaction_id)
        assert (left.category, left.decided_by) == ("To savings", "user")

    async def test_models_leave_a_pair_alone(self, db, organization, paired) -> None:
        out, _ = await paired()
        organization_id = organization.organization_id
        rent = await categories.find(db, organization_id, "Rent")
        await db.execute(
            """
            create temporary table decided on commit drop as
            select transaction_id, %s::uuid as category_id, 'model' as decided_by, 'm-2' as decided_version,
                0.99 as confidence
            from books.transactions
            """,
            [rent.category_id],
        )
        assert await decisions.apply_decided(db, organization_id) == 0
        changed, _ = await decisions.decide_for_merchant(
            db, organization_id, out.merchant_key, money_in=False, category_id=rent.category_id, version="taught"
        )
        assert changed == 0

    async def test_a_person_pairs_what_no_rule_would(self, db, organization, move) -> None:
        organization_id = organization.organization_id
        out = await move("Current", "-500.00", "SOMETHING", 1, category="Rent")
        into = await move("Rainy day", "480.00", "ELSE", 28)
        made = await transfers.pair_by_person(db, organization_id, into.transaction_id, out.transaction_id)
        assert (made.state, made.decided_by, made.out_transaction_id) == ("paired", "user", out.transaction_id)
        again = await transfers.pair_by_person(db, organization_id, out.transaction_id, into.transaction_id)
        assert again == made
        now = await transactions.get(db, organization_id, out.transaction_id)
        assert (now.type, now.decided_by) == ("transfer", "user")
        await transfers.take_apart(db, organization_id, out.transaction_id)
        now = await transactions.get(db, organization_id, out.transaction_id)
        assert (now.category, now.decided_by) == ("Rent", "user")

    async def test_a_person_may_pair_what_was_rejected(self, db, organization, paired) -> None:
        out, into = await paired()
        organization_id = organization.organization_id
        await transfers.take_apart(db, organization_id, out.transaction_id)
        made = await transfers.pair_by_person(db, organization_id, out.transaction_id, into.transaction_id)
        assert made.state == "paired"

    async def test_refuses_what_cannot_be(self, db, organization, move, paired) -> None:
        out, _ = await paired()
        organization_id = organization.organization_id
        same_way = await move("Rainy day", "-500.00", "A")
        same_account = await move("Current", "7.00", "B")
        into = await move("Rainy day", "500.00", "C", 20)
        for other in (same_way, same_account):
            with pytest.raises(NoTransfer):
                await transfers.pair_by_person(db, organization_id, out.transaction_id, other.transaction_id)
        with pytest.raises(AlreadyPaired):
            await transfers.pair_by_person(db, organization_id, out.transaction_id, into.transaction_id)
        with pytest.raises(SideNotFound):
            await transfers.pair_by_person(db, organization_id, out.transaction_id, new_id())
        with pytest.raises(TransferNotFound):
            await transfers.accept(db, organization_id, new_id())


class TestReview:
    async def test_a_suggestion_is_accepted_or_rejected(self, db, organization, move) -> None:
        organization_id = organization.organization_id
        for day in (5, 20):
            await move("Current", "-500.00", "ONLINE TRANSFER", day)
            await move("Everyday card", "500.00", "DEPOSIT", day)
        items, _ = await transfers.page(db, organization_id, state="suggested", limit=10)
        assert len(items) == 2
        assert (await transfers.accept(db, organization_id, items[0].transfer_id)).state == "paired"
        assert (await transfers.reject(db, organization_id, items[1].transfer_id)).state == "rejected"
        assert await states(db, organization) == ["paired", "rejected"]
        with pytest.raises(transfers.Rejected):
            await transfers.accept(db, organization_id, items[1].transfer_id)

    async def test_two_equally_good_partners_are_never_guessed(self, db, organization, move) -> None:
        await move("Rainy day", "100.00", "TRANSFER")
        await move("Everyday card", "100.00", "TRANSFER")
        out = await move("Current", "-100.00", "TRANSFER")
        assert out.type == "expense"
        assert await states(db, organization) == ["suggested", "suggested"]

    async def test_a_better_partner_that_comes_later_decides(self, db, organization, move) -> None:
        await move("Everyday card", "100.00", "DEPOSIT")
        out = await move("Current", "-100.00", "TRANSFER TO RAINY DAY")
        assert out.type == "expense"
        into = await move("Rainy day", "100.00", "TRANSFER FROM CURRENT")
        assert into.type == "transfer"
        assert "paired" in await states(db, organization)


async def test_a_missing_category_is_made(db, organization, move) -> None:
    organization_id = organization.organization_id
    for name in ("To another account", "Transfers out"):
        await db.execute(
            """
            delete from books.category_codes
            where category_id in (select category_id from books.categories where name = %s)
            """,
            [name],
        )
    await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
    into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
    assert into.type == "transfer"
    assert (await categories.find(db, organization_id, "TRANSFER_OUT_ACCOUNT_TRANSFER")).kind == "transfer"


async def test_a_pending_side_is_suggested_only(db, organization, move) -> None:
    out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
    await db.execute("update books.transactions set status = 'pending' where transaction_id = %s", [out.transaction_id])
    into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
    assert into.type == "income"
    assert await states(db, organization) == ["suggested"]


async def test_a_batch_that_is_undone_gives_its_partners_back(db, organization, own, move) -> None:
    out = await move("Current", "-500.00", "TRANSFER TO RAINY DAY")
    into = await move("Rainy day", "500.00", "TRANSFER FROM CURRENT", 6)
    batch_id = new_id()
    await db.execute(
        "update books.transactions set batch_id = %s, deleted_at = now() where transaction_id = %s",
        [batch_id, into.transaction_id],
    )
    await transfers.dissolve_of_batch(db, organization.organization_id, batch_id)
    assert (await transactions.get(db, organization.organization_id, out.transaction_id)).type == "expense"
    assert await states(db, organization) == []


async def test_strangers_are_no_partners(db, organization, move, database: Database, stranger: Organization) -> None:
    async with database.transaction(stranger.organization_id) as theirs:
        for name in ("One", "Two"):
            await accounts.create(theirs, stranger.organization_id, name=name, currency="GBP")
        account = await accounts.find(theirs, stranger.organization_id, "One")
        new = NewTransaction(
            booked_on=date(2026, 3, 5), amount=Decimal("500"), currency="GBP", description="TRANSFER",
            account_id=account.account_id,
        )  # fmt: skip
        made = await transactions.create(theirs, stranger.organization_id, new)
        assert made.type == "income"
    out = await move("Current", "-500.00", "TRANSFER")
    assert out.type == "expense"
    found = await one(db, "select count(*) as n from books.transfers")
    assert found == {"n": 0}


async def test_sides_that_two_write_at_once_find_each_other(database: Database, organization: Organization) -> None:
    """The second waits for a total that the first writes, and looks again once it may go on."""
    owner = organization.organization_id
    async with database.transaction(owner) as db:
        ids = [
            (await accounts.create(db, owner, name=name, currency="GBP")).account_id for name in ("Current", "Savings")
        ]

    async def written(db: Connection, account_id: UUID, amount: str) -> Transaction:
        new = NewTransaction(
            booked_on=date(2026, 3, 5),
            amount=Decimal(amount),
            currency="GBP",
            description="Internal transfer",
            account_id=account_id,
        )
        return await transactions.create(db, owner, new)

    async def second() -> Transaction:
        async with database.transaction(owner) as db:
            return await written(db, ids[1], "500.00")

    async with database.transaction(owner) as db:
        out = await written(db, ids[0], "-500.00")
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.4)
        assert out.type == "expense"
        assert not waiting.done()
    assert (await waiting).type == "transfer"
