"""Closed periods: the database lets nobody change what counts in them, and machines leave them alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import DatabaseError

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.periods.service import AlreadyClosed, NotClosed, PeriodClosed
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, TextTest
from ai2.books.rules.runs import Scope
from ai2.books.transactions import decisions, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.books.transactions.splits import Part
from ai2.books.transfers import service as transfers
from ai2.identity import erasure
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, one
from ai2.kit.errors import Invalid
from ai2.kit.ids import new_id
from ml import learning, service

SHUT = date(2026, 3, 31)
CLOSED_DAY, OPEN_DAY = "2026-03-05", "2026-04-05"
WHO = f"user:{new_id()}"

Do = Callable[[Connection], Awaitable[Any]]


class Books:
    """An organization with an account, and one database transaction an act."""

    def __init__(self, database: Database, organization: Organization, account: Account) -> None:
        self.database, self.id, self.account = database, organization.organization_id, account

    async def do(self, act: Do) -> Any:
        async with self.database.transaction(self.id, actor=WHO) as db:
            return await act(db)

    async def book(self, day: str, amount: str = "-12.50", **more: Any) -> Transaction:
        fields = {"description": "TESCO STORES 3297", "currency": "GBP", "account_id": self.account.account_id, **more}
        new = NewTransaction(booked_on=date.fromisoformat(day), amount=Decimal(amount), **fields)
        made: Transaction = await self.do(lambda db: transactions.create(db, self.id, new))
        return made

    async def close(self, through: date = SHUT) -> periods.Closed:
        closed: periods.Closed = await self.do(lambda db: periods.close(db, self.id, through, closed_by=WHO))
        return closed

    async def reopen(self, first_day: date) -> None:
        await self.do(lambda db: periods.reopen(db, self.id, first_day, reason="late bill", reopened_by=WHO))

    async def change(self, transaction: Transaction, **changes: Any) -> Transaction:
        changed: Transaction = await self.do(
            lambda db: transactions.update(db, self.id, transaction.transaction_id, changes)
        )
        return changed

    async def category(self, kind: str = "expense") -> Any:
        named = f"{kind} {new_id()}"
        return await self.do(lambda db: categories.create(db, self.id, name=named, kind=kind, parent_id=None))  # type: ignore[arg-type]

    async def execute(self, query: str, *parameters: Any) -> None:
        await self.do(lambda db: db.execute(query, parameters))  # type: ignore[call-overload]


@pytest.fixture
async def books(database: Database, organization: Organization) -> Books:
    async with database.transaction(organization.organization_id) as db:
        account = await accounts.create(
            db, organization.organization_id, name="Current", currency="GBP", opening_on=date(2026, 1, 1)
        )
    return Books(database, organization, account)


class TestRefuses:
    async def test_what_counts_in_a_closed_period_and_lets_it_through_once_reopened(self, books: Books) -> None:
        closed, later = await books.book(CLOSED_DAY), await books.book(OPEN_DAY)
        category = await books.category()
        await books.close()
        acts: list[Callable[[], Awaitable[Any]]] = [
            lambda: books.change(closed, amount=Decimal(-1)),
            lambda: books.change(closed, booked_on=date(2026, 4, 1)),
            lambda: books.change(closed, category_id=category.category_id),
            lambda: books.change(later, booked_on=SHUT),
            lambda: books.book(CLOSED_DAY, "-3.00"),
            lambda: books.do(lambda db: transactions.delete(db, books.id, closed.transaction_id)),
        ]
        for act in acts:
            with pytest.raises(PeriodClosed, match="POST /api/core/periods/reopen") as refused:
                await act()
            assert refused.value.extra == {"closed_through": "2026-03-31"}
        await books.reopen(date(2026, 3, 1))
        for act in acts:
            await act()

    async def test_a_split_of_closed_days_but_not_a_note_at_a_part(self, books: Books) -> None:
        whole, split = await books.book(CLOSED_DAY), await books.book(CLOSED_DAY)
        category = (await books.category()).category_id
        parts = [Part(amount=Decimal(each), category_id=category) for each in ("-10.00", "-2.50")]
        await books.do(lambda db: splits.put(db, books.id, split.transaction_id, parts))
        await books.close()
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: splits.put(db, books.id, whole.transaction_id, parts))
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: splits.put(db, books.id, split.transaction_id, []))
        noted = [replace(part, notes="seen") for part in parts]
        changed = await books.do(lambda db: splits.put(db, books.id, split.transaction_id, noted))
        assert [part["notes"] for part in changed.splits] == ["seen", "seen"]

    @pytest.mark.parametrize(
        "change", [{"notes": "seen"}, {"tags": ["seen"]}, {"attributes": {"seen": "yes"}}, {"merchant": "Tesco"}]
    )
    async def test_not_what_counts_nowhere(self, books: Books, change: dict[str, Any]) -> None:
        closed = await books.book(CLOSED_DAY)
        await books.close()
        assert (await books.change(closed, **change)).version == 2

    async def test_not_what_is_open_nor_what_only_stays_out_of_closed_days(self, books: Books) -> None:
        later = await books.book(OPEN_DAY)
        await books.close()
        assert (await books.change(later, amount=Decimal(-1))).amount == Decimal("-1.00")
        assert (await books.change(later, booked_on=SHUT + timedelta(days=1))).booked_on == date(2026, 4, 1)
        await books.book(OPEN_DAY)

    @pytest.mark.parametrize("column", ["amount = -1", "booked_on = '2026-04-01'", "deleted_at = now()"])
    async def test_any_writer_by_the_database_alone(self, books: Books, pipeline: Database, column: str) -> None:
        closed = await books.book(CLOSED_DAY)
        await books.close()
        change = f"update books.transactions set {column} where organization_id = %s and transaction_id = %s"
        with pytest.raises(PeriodClosed):
            await books.execute(change, books.id, closed.transaction_id)
        with pytest.raises(PeriodClosed):  # the role that sees every organization
            async with pipeline.transaction() as db:
                await db.execute(change, [books.id, closed.transaction_id])
        with pytest.raises(PeriodClosed):
            await books.execute("delete from books.transactions where organization_id = %s", books.id)

    async def test_another_organizations_close_binds_nobody_else(
        self, books: Books, database: Database, stranger: Organization
    ) -> None:
        async with database.transaction(stranger.organization_id) as db:
            await periods.close(db, stranger.organization_id, SHUT, closed_by=WHO)
        await books.book(CLOSED_DAY)

    async def test_an_opening_balance_that_closed_days_stand_on(self, books: Books) -> None:
        await books.close()
        change = {"opening_balance": Decimal(5)}
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: accounts.update(db, books.id, books.account.account_id, dict(change)))
        fresh = await books.do(lambda db: accounts.create(db, books.id, name="New", currency="GBP"))
        changed = await books.do(lambda db: accounts.update(db, books.id, fresh.account_id, dict(change)))
        assert changed.opening_balance == Decimal("5.00")

    async def test_no_erasure(self, books: Books, pipeline: Database) -> None:
        await books.book(CLOSED_DAY)
        await books.close()
        async with pipeline.transaction() as db:
            erased = await erasure.erase_rows(db, books.id, erased_by="test")
        assert erased.rows["books.transactions"] == 1


class TestTransfers:
    async def pair(self, books: Books) -> tuple[Transaction, Transaction]:
        savings = await books.do(lambda db: accounts.create(db, books.id, name="Savings", currency="GBP"))
        out = await books.book(CLOSED_DAY, "-300.00", description="TRANSFER TO SAVINGS")
        into = await books.book(
            "2026-03-06", "300.00", description="TRANSFER FROM CURRENT", account_id=savings.account_id
        )
        return out, into

    async def test_in_closed_days_are_not_taken_apart(self, books: Books) -> None:
        out, _ = await self.pair(books)
        await books.close()
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: transfers.take_apart(db, books.id, out.transaction_id))
        await books.reopen(date(2026, 3, 1))
        await books.do(lambda db: transfers.take_apart(db, books.id, out.transaction_id))

    async def test_a_late_side_waits_for_a_person(self, books: Books) -> None:
        savings = await books.do(lambda db: accounts.create(db, books.id, name="Savings", currency="GBP"))
        out = await books.book("2026-03-31", "-300.00", description="TRANSFER TO SAVINGS")
        await books.close()
        into = await books.book(
            "2026-04-01", "300.00", description="TRANSFER FROM CURRENT", account_id=savings.account_id
        )
        assert into.type == "income"
        [found], _ = await books.do(
            lambda db: transfers.page(db, books.id, transaction_id=into.transaction_id, limit=5)
        )
        assert (found.state, found.out_transaction_id) == ("suggested", out.transaction_id)
        assert "one side lies in a closed period" in found.reasons
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: transfers.accept(db, books.id, found.transfer_id))
        await books.reopen(date(2026, 3, 31))
        await books.do(lambda db: transfers.accept(db, books.id, found.transfer_id))


class TestMachines:
    async def test_leave_closed_days_alone_and_say_how_many(self, books: Books) -> None:
        shop = {"description": "STARBUCKS 1234 LONDON"}
        closed = await books.book(CLOSED_DAY, **shop)
        later = await books.book(OPEN_DAY, **shop)
        await books.close()
        suggested = await books.do(lambda db: service.suggest(db, books.id))
        assert (suggested.transactions, suggested.closed) == (1, 1)

        category = await books.category()
        learned = await books.do(
            lambda db: learning.learn(
                db,
                books.id,
                transaction_id=later.transaction_id,
                field="category",
                value=str(category.category_id),
                apply_to="always",
                given_by=WHO,
            )
        )
        assert (learned.others_changed, learned.others_closed) == (0, 1)
        assert (await books.do(lambda db: transactions.get(db, books.id, closed.transaction_id))).category_id is None
        with pytest.raises(PeriodClosed):
            await books.do(lambda db: decisions.decide(db, books.id, closed.transaction_id, category.category_id))

    async def test_a_rule_changes_open_days_only(self, books: Books) -> None:
        await books.book(CLOSED_DAY)
        later = await books.book(OPEN_DAY)
        await books.close()
        category = await books.category()
        rule = await books.do(
            lambda db: rules.create(
                db,
                books.id,
                name="Groceries",
                conditions=Conditions(description=TextTest("contains", "tesco")),
                actions=Actions(category_id=category.category_id, tags=("food",)),
            )
        )
        shown = await books.do(lambda db: rule_runs.preview(db, books.id, rule_id=rule.rule_id, scope=Scope()))
        assert (shown.changed, shown.closed) == (1, 1)
        done = await books.do(lambda db: rule_runs.apply(db, books.id, rule.rule_id, scope=Scope(), applied_by=WHO))
        assert (done.rows_changed, done.rows_closed) == (1, 1)
        found = await books.do(lambda db: transactions.get(db, books.id, later.transaction_id))
        assert found.category_id == category.category_id


class TestHistory:
    async def test_keeps_who_when_and_why(self, books: Books) -> None:
        await books.book(CLOSED_DAY)
        closed = await books.close()
        assert closed.left_open == periods.LeftOpen(uncategorized=1, pending=0)
        with pytest.raises(AlreadyClosed):
            await books.close(SHUT)
        await books.close(date(2026, 4, 30))
        await books.reopen(date(2026, 3, 10))
        with pytest.raises(NotClosed):
            await books.reopen(date(2026, 3, 10))
        acts, _ = await books.do(lambda db: periods.history(db, books.id, limit=10))
        assert [(a.act, str(a.day), str(a.closed_before), str(a.closed_after), a.reason) for a in acts] == [
            ("reopened", "2026-03-10", "2026-04-30", "2026-03-09", "late bill"),
            ("closed", "2026-04-30", "2026-03-31", "2026-04-30", None),
            ("closed", "2026-03-31", "None", "2026-03-31", None),
        ]
        assert {act.acted_by for act in acts} == {WHO}

    async def test_reopened_from_before_the_first_day_nothing_is_closed(self, books: Books) -> None:
        await books.book(CLOSED_DAY)
        await books.close()
        await books.reopen(date.min)
        assert await books.do(lambda db: periods.closed_through(db, books.id)) is None

    async def test_the_future_is_not_closed(self, books: Books) -> None:
        with pytest.raises(Invalid):
            await books.close(datetime.now(UTC).date() + timedelta(days=2))

    async def test_cannot_be_rewritten(self, books: Books) -> None:
        await books.close()
        with pytest.raises(DatabaseError, match="permission denied"):
            await books.execute("update books.period_acts set reason = 'none'")


class TestTogether:
    """Two connections: a write and a close come one after the other, whichever began first."""

    async def test_a_close_waits_for_a_write_that_began_before(self, books: Books) -> None:
        wrote, may_end = asyncio.Event(), asyncio.Event()

        async def write(db: Connection) -> None:
            await transactions.create(
                db,
                books.id,
                NewTransaction(
                    booked_on=SHUT, amount=Decimal(-1), currency="GBP", description="Tea",
                    account_id=books.account.account_id,
                ),
            )  # fmt: skip
            wrote.set()
            await may_end.wait()

        writing = asyncio.create_task(books.do(write))
        await wrote.wait()
        closing = asyncio.create_task(books.close())
        await asyncio.sleep(0.3)
        assert not closing.done()
        may_end.set()
        await writing
        assert (await closing).left_open.uncategorized == 1  # it sees what it waited for

    async def test_a_write_waits_for_a_close_and_is_refused(self, books: Books) -> None:
        closed, may_end = asyncio.Event(), asyncio.Event()

        async def close(db: Connection) -> None:
            await periods.close(db, books.id, SHUT, closed_by=WHO)
            closed.set()
            await may_end.wait()

        closing = asyncio.create_task(books.do(close))
        await closed.wait()
        writing = asyncio.create_task(books.book(CLOSED_DAY))
        await asyncio.sleep(0.3)
        assert not writing.done()
        may_end.set()
        await closing
        with pytest.raises(PeriodClosed):
            await writing

    async def test_of_many_writes_beside_a_close_each_is_either_kept_or_refused(self, books: Books) -> None:
        async def write() -> bool:
            try:
                await books.book(CLOSED_DAY)
            except PeriodClosed:
                return False
            return True

        async def close_soon() -> datetime:
            await asyncio.sleep(0.05)
            return (await books.close()).act.acted_at

        *kept, _ = await asyncio.gather(*(write() for _ in range(30)), close_soon())
        found = await books.do(lambda db: one(db, "select coalesce(sum(transactions), 0) as n from books.daily_totals"))
        assert found["n"] == sum(bool(each) for each in kept)
