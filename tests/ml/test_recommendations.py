"""Recommendations, every type: books where it must be told, with the rows behind it, and books where it must not."""

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import NewBudget
from ai2.books.categories import service as categories
from ai2.books.transactions import attachments
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.books.transfers import service as transfers
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, act_for
from ai2.kit.periods import Period
from ml.anomalies import service as anomalies
from ml.insights.model import Recommendation, Type
from ml.insights.recommendations import recommendations
from ml.recurring import service as recurring
from ml.recurring.finding import find

TODAY = date(2026, 6, 20)
JUNE = Period(date(2026, 6, 1), date(2026, 6, 30))
YEAR = [date(2025, 7, 5), *(date(2025, month, 5) for month in range(8, 13)), *(date(2026, m, 5) for m in range(1, 7))]
NOW = datetime.now(UTC).date()


@dataclass
class Books:
    """An organization's books; what recurs in them, and what is unlike the rest, is looked for when they are read."""

    db: Connection
    who: UUID
    accounts: dict[str, UUID] = field(default_factory=dict)

    async def pay(self, merchant: str, amount: str, *days: date, into: str = "Current", **more: Any) -> list[UUID]:
        """The same payment on each of these days; newest first."""
        if into not in self.accounts:
            kind = "savings" if into == "Savings" else "bank"
            made = await accounts.create(self.db, self.who, name=into, currency="GBP", kind=kind)  # type: ignore[arg-type]
            self.accounts[into] = made.account_id
        done = [
            await transactions.create(
                self.db, self.who,
                NewTransaction(
                    booked_on=day, amount=Decimal(amount), currency="GBP", description=merchant,
                    account_id=self.accounts[into], **more,
                ),
            )
            for day in days
        ]  # fmt: skip
        return [each.transaction_id for each in reversed(done)]

    async def told(self, kind: Type, today: date = TODAY) -> list[Recommendation]:
        await find(self.db, self.who, is_all=True, today=today)
        found = await recommendations(self.db, self.who, today=today)
        return [each for each in found.items if each.type == kind]


Write = Callable[[Books], Awaitable[Sequence[UUID]]]


async def is_once(books: Books) -> list[UUID]:
    for number in range(60):
        day = date(2026, 1, 5) + timedelta(days=2 * number)
        await books.pay("Baker", f"-{4 + number % 5}.{number % 10}0", day)
    await anomalies.find(books.db, books.who, JUNE)
    return []


async def again(books: Books) -> list[UUID]:
    [first] = await books.pay("Baker", "-6.35", date(2026, 6, 10))
    [second] = await books.pay("Baker", "-6.35", date(2026, 6, 10))
    await anomalies.find(books.db, books.who, JUNE)
    return [second, first]


async def is_twice(books: Books) -> list[UUID]:
    await is_once(books)
    return await again(books)


async def is_twice_and_all_right(books: Books) -> list[UUID]:
    await again(books)
    [found] = await anomalies.surest(books.db, books.who, anomalies.Filter(kind="duplicate_charge"), limit=9)
    await anomalies.dismiss(books.db, books.who, found.anomaly_id, by="user:a", note=None, whole_merchant=False)
    return []


async def rises(books: Books) -> list[UUID]:
    before = await books.pay("Netflix", "-9.99", *YEAR[:9])
    return [*await books.pay("Netflix", "-12.99", *YEAR[9:]), *before]


async def rose_long_ago_or_fell(books: Books) -> list[UUID]:
    await books.pay("Spotify", "-9.99", *(day - timedelta(days=365) for day in YEAR))
    await books.pay("Spotify", "-11.99", *YEAR)
    await books.pay("Gymbox", "-30.00", *YEAR[:9])
    await books.pay("Gymbox", "-25.00", *YEAR[9:])
    return []


async def subscribes_twice(books: Books) -> list[UUID]:
    first = await books.pay("Disney Plus", "-7.99", *YEAR)
    second = await books.pay("Disney Plus", "-7.99", *(day + timedelta(days=9) for day in YEAR[3:]), into="Card")
    return [*second, *first]


async def changed_its_card_and_has_two_plans(books: Books) -> list[UUID]:
    await books.pay("Zoom", "-12.00", *YEAR[:7])
    await books.pay("Zoom", "-12.00", *YEAR[7:], into="Card")
    await books.pay("Adobe", "-20.00", *YEAR)
    await books.pay("Adobe", "-55.00", *(day + timedelta(days=9) for day in YEAR), into="Card")
    return []


async def has_no_wage(books: Books) -> list[UUID]:
    await books.pay("Corner Cafe", "-3.00", date(2026, 6, 19))
    return await books.pay("Employer", "2000.00", *YEAR[:-1])


async def has_a_wage(books: Books) -> list[UUID]:
    await books.pay("Corner Cafe", "-3.00", date(2026, 6, 19))
    await books.pay("Employer", "2000.00", *YEAR)
    return []


async def pays_no_rent(books: Books) -> list[UUID]:
    await books.pay("Corner Cafe", "-3.00", date(2026, 6, 19))
    return await books.pay("Landlord", "-900.00", *YEAR[:-1])


async def says_that_there_is_no_rent(books: Books) -> list[UUID]:
    await pays_no_rent(books)
    await find(books.db, books.who, is_all=True, today=TODAY)
    for each in await recurring.list_all(books.db, books.who, "missed"):
        await recurring.dismiss(books.db, books.who, each.pattern_id, actor="user:a")
    return []


async def budget(books: Books, amount: str) -> list[UUID]:
    """Of a category that lies above the one that is spent on, in the month that the clock is in."""
    above = await categories.find(books.db, books.who, "Food and drink")
    wanted = NewBudget(
        category_id=above.category_id, currency="GBP", amount=Decimal(amount), first_month=NOW.replace(day=1)
    )
    await budgets.create(books.db, books.who, wanted)
    await books.pay("Holiday", "-500.00", NOW, category="Flights")
    return await books.pay("Bean", "-14.50", NOW, category="Coffee")


async def passes_its_budget(books: Books) -> list[UUID]:
    return await budget(books, "10")


async def keeps_its_budget(books: Books) -> list[UUID]:
    await budget(books, "1000")
    return []


async def pays_fees(books: Books) -> list[UUID]:
    return await books.pay("Bank", "-35.00", date(2026, 5, 1), category="Overdraft fees")


async def got_its_fees_back(books: Books) -> list[UUID]:
    await pays_fees(books)
    await books.pay("Bank", "35.00", date(2026, 5, 2), category="Overdraft fees")
    return []


async def has_no_receipt(books: Books) -> list[UUID]:
    await organizations.update(books.db, books.who, {"tax_jurisdiction": "GB"})
    return await books.pay("Ryman", "-120.00", date(2026, 5, 1), category="Office supplies")


async def has_a_receipt_or_needs_none(books: Books) -> list[UUID]:
    [bought] = await has_no_receipt(books)
    paper = io.BytesIO(b"%PDF-1.4\n%%EOF\n")
    await attachments.add(books.db, books.who, bought, file=paper, file_name="r.pdf", size_bytes=15, added_by="user:a")
    await books.pay("Ryman", "-74.99", date(2026, 5, 2), category="Office supplies")
    await books.pay("Casino", "-500.00", date(2026, 5, 3), category="Casinos and gambling")
    return []


async def has_an_open_row(books: Books) -> list[UUID]:
    await books.pay("Quimby", "-5.00", date(2026, 5, 1), category="Coffee")
    [small] = await books.pay("Quimby", "-5.00", date(2026, 5, 2))
    [large] = await books.pay("Quimby", "-9.00", date(2026, 5, 3))
    return [large, small]


async def has_none_open_this_year(books: Books) -> list[UUID]:
    await books.pay("Quimby", "-5.00", date(2026, 5, 1), category="Coffee")
    await books.pay("Quimby", "-5.00", date(2025, 5, 1))
    return []


async def may_have_moved(books: Books, amount: str = "500.00") -> list[UUID]:
    out = await books.pay("TRANSFER TO RAINY DAY", f"-{amount}", date(2026, 5, 5), category="Rent")
    return [*out, *await books.pay("TRANSFER FROM CURRENT", amount, date(2026, 5, 6), into="Savings")]


async def said_that_it_did_not_move(books: Books) -> list[UUID]:
    await may_have_moved(books)
    items, _ = await transfers.page(books.db, books.who, state="suggested", limit=10)
    for each in items:
        await transfers.reject(books.db, books.who, each.transfer_id)
    return []


async def deleted_where_it_went(books: Books) -> list[UUID]:
    _, into = await may_have_moved(books, "700.00")
    await transactions.delete(books.db, books.who, into)
    return []


async def moved_out_of_sight(books: Books) -> list[UUID]:
    return await books.pay("Savings elsewhere", "-500.00", date(2026, 5, 5), category="To savings")


async def moved_within_sight_or_took_cash(books: Books) -> list[UUID]:
    await books.pay("TRANSFER TO RAINY DAY", "-500.00", date(2026, 5, 5))
    await books.pay("TRANSFER FROM CURRENT", "500.00", date(2026, 5, 6), into="Savings")
    await books.pay("ATM", "-50.00", date(2026, 5, 7), category="Cash withdrawal")
    await books.pay("Counter", "60.00", date(2026, 5, 8), category="Deposits")
    return []


CASES: list[tuple[Type, Write, list[Write], str, date]] = [
    ("duplicate_charge", is_twice, [is_once, is_twice_and_all_right], "6.35", TODAY),
    ("price_rise", rises, [rose_long_ago_or_fell], "36.00", TODAY),
    ("duplicate_subscription", subscribes_twice, [changed_its_card_and_has_two_plans], "95.88", TODAY),
    ("late_income", has_no_wage, [has_a_wage], "2000.00", TODAY),
    ("missed_payment", pays_no_rent, [has_a_wage, says_that_there_is_no_rent], "900.00", TODAY),
    ("budget_overrun", passes_its_budget, [keeps_its_budget], "4.50", NOW),
    ("fees_and_interest", pays_fees, [got_its_fees_back], "35.00", TODAY),
    ("missing_receipt", has_no_receipt, [has_a_receipt_or_needs_none], "120.00", TODAY),
    ("review_uncategorized", has_an_open_row, [has_none_open_this_year], "14.00", TODAY),
    ("review_transfers", may_have_moved, [said_that_it_did_not_move, deleted_where_it_went], "500.00", TODAY),
    ("unpaired_transfer", moved_out_of_sight, [moved_within_sight_or_took_cash], "500.00", TODAY),
]


def test_every_type_has_its_case() -> None:
    assert {kind for kind, *_ in CASES} == set(get_args(Type))


@pytest.mark.parametrize(("kind", "must", "must_not", "amount", "today"), CASES, ids=[case[0] for case in CASES])
async def test_it_is_told_where_it_is_so_with_its_rows_and_nowhere_else(
    db: Connection,
    organization: Organization,
    stranger: Organization,
    kind: Type,
    must: Write,
    must_not: list[Write],
    amount: str,
    today: date,
) -> None:
    ours = Books(db, organization.organization_id)
    behind = await must(ours)
    [told] = await ours.told(kind, today)
    assert told.amount == Decimal(amount)
    assert told.currency == "GBP"
    assert told.rows.transaction_ids == behind[: len(told.rows.transaction_ids)]
    assert len(told.rows.transaction_ids) == min(len(behind), 20)
    assert told.rows.link
    await act_for(db, stranger.organization_id)
    theirs = Books(db, stranger.organization_id)
    assert await theirs.told(kind, today) == []
    for write in must_not:
        await write(theirs)
        assert await theirs.told(kind, today) == []
