"""Listing: the right rows, each once, whatever arrives between two pages."""

from datetime import date
from decimal import Decimal

import pytest

from ai2.books.categories import service as categories
from ai2.books.transactions import listing
from ai2.books.transactions import service as transactions
from ai2.books.transactions.listing import Filter
from ai2.kit.cursors import UnknownCursor


async def _list(db, organization, **wanted):
    page = await listing.page(db, organization.organization_id, Filter(**wanted), cursor=None, limit=100)
    assert await listing.total(db, organization.organization_id, Filter(**wanted)) == len(page.items)
    return [item.description for item in page.items]


@pytest.fixture
async def books(book) -> None:
    await book(
        "-4.20", "2026-01-10", description="COFFEE 100% ARABICA", category="FOOD_AND_DRINK_COFFEE", tags=("trip",)
    )
    await book("2500.00", "2026-01-31", description="SALARY ACME", merchant="Acme Ltd")
    await book("-800.00", "2026-02-01", description="RENT")
    await book("-60.00", "2026-02-15", description="TO SAVINGS", category="TRANSFER_OUT_SAVINGS")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["TO SAVINGS", "RENT", "SALARY ACME", "COFFEE 100% ARABICA"]),
        ({"start_date": date(2026, 2, 1)}, ["TO SAVINGS", "RENT"]),
        ({"end_date": date(2026, 1, 10)}, ["COFFEE 100% ARABICA"]),
        ({"type": "income"}, ["SALARY ACME"]),
        ({"type": "transfer"}, ["TO SAVINGS"]),
        ({"type": "expense"}, ["RENT", "COFFEE 100% ARABICA"]),
        ({"min_amount": Decimal("-60"), "max_amount": Decimal("0")}, ["TO SAVINGS", "COFFEE 100% ARABICA"]),
        ({"uncategorized": True}, ["RENT", "SALARY ACME"]),
        ({"uncategorized": False}, ["TO SAVINGS", "COFFEE 100% ARABICA"]),
        ({"currency": "EUR"}, []),
        ({"merchant": "acme ltd"}, ["SALARY ACME"]),
        ({"tag": "trip"}, ["COFFEE 100% ARABICA"]),
        ({"search": "acme salary"}, ["SALARY ACME"]),
        ({"search": "100%"}, ["COFFEE 100% ARABICA"]),  # a per cent sign is a per cent sign
        ({"search": "1_0"}, []),
        ({"status": "pending"}, []),
    ],
)
async def test_filters(books, db, organization, wanted, expected) -> None:
    assert await _list(db, organization, **wanted) == expected


@pytest.mark.parametrize("sort", ["-date", "date", "-amount", "amount", "-description", "description"])
@pytest.mark.parametrize(
    "wanted",
    [{"type": "transfer"}, {"type": "expense"}, {"currency": "GBP"}, {"merchant": "ACME LTD"}, {"tag": "trip"}],
)
async def test_every_filter_pages_in_every_order(book, db, organization, sort, wanted) -> None:
    for number in range(7):
        code = "TRANSFER_OUT_SAVINGS" if number % 2 else "TRANSFER_OUT_ACCOUNT_TRANSFER"
        await book(f"-{number % 3}.50", f"2026-03-0{number % 4 + 1}", description=f"MOVED {number % 5}", category=code)
        await book(f"-{number % 4}.25", f"2026-03-0{number % 3 + 1}", merchant="Acme Ltd", tags=("trip",))
    whole = await listing.page(db, organization.organization_id, Filter(**wanted), sort=sort, cursor=None, limit=100)
    column = {"date": "booked_on"}.get(sort.removeprefix("-"), sort.removeprefix("-"))
    keys = [(getattr(item, column), item.transaction_id) for item in whole.items]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    assert len(keys) == await listing.total(db, organization.organization_id, Filter(**wanted)) >= 7
    seen, cursor = [], None
    while not seen or cursor:
        page = await listing.page(db, organization.organization_id, Filter(**wanted), sort=sort, cursor=cursor, limit=3)
        seen, cursor = seen + page.items, page.next_cursor
    assert seen == whole.items


async def test_amounts_beyond_all_ranks_are_listed_each_once(book, db, organization) -> None:
    amounts = ["999999999999999.99", "9999999999999999.99", "-999999999999999.99", "1.00"]
    for amount in amounts:
        await book(amount, "2026-03-01")
    seen, cursor = [], None
    while not seen or cursor:
        page = await listing.page(db, organization.organization_id, Filter(), sort="amount", cursor=cursor, limit=1)
        seen, cursor = seen + [str(item.amount) for item in page.items], page.next_cursor
    assert sorted(seen) == sorted(amounts)
    assert (seen[0], seen[1]) == ("-999999999999999.99", "1.00")
    great = Filter(min_amount=Decimal("9999999999999999"))
    page = await listing.page(db, organization.organization_id, great, cursor=None, limit=9)
    assert [str(item.amount) for item in page.items] == ["9999999999999999.99"]


async def test_filters_by_category(books, db, organization) -> None:
    coffee = await categories.find(db, organization.organization_id, "FOOD_AND_DRINK_COFFEE")
    assert await _list(db, organization, category_id=coffee.category_id) == ["COFFEE 100% ARABICA"]


@pytest.mark.parametrize("sort", ["-date", "date", "-amount", "amount", "-description", "description"])
async def test_pages_show_every_row_once_while_rows_arrive(book, db, organization, sort) -> None:
    there = {(await book(f"-{i % 3 + 1}.00", f"2026-03-{i % 4 + 1:02}")).transaction_id for i in range(11)}
    seen, cursor = [], None
    while True:
        page = await listing.page(db, organization.organization_id, Filter(), sort=sort, cursor=cursor, limit=3)
        seen += [item.transaction_id for item in page.items]
        await book("-2.00", "2026-03-02")  # somebody writes meanwhile
        cursor = page.next_cursor
        if cursor is None or len(seen) > 60:
            break
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


async def test_deleted_rows_are_not_listed(book, db, organization) -> None:
    written = await book()
    await transactions.delete(db, organization.organization_id, written.transaction_id)
    assert await _list(db, organization) == []


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "WyJkYXRlIiwgIjIwMjYtMDEtMDEiLCAieCJd", "é"])
async def test_refuses_a_cursor_of_somebody_elses_making(db, organization, cursor) -> None:
    with pytest.raises(UnknownCursor):
        await listing.page(db, organization.organization_id, Filter(), cursor=cursor, limit=3)


async def test_refuses_a_cursor_of_another_order(book, db, organization) -> None:
    await book(), await book()
    page = await listing.page(db, organization.organization_id, Filter(), sort="date", cursor=None, limit=1)
    with pytest.raises(UnknownCursor):
        await listing.page(db, organization.organization_id, Filter(), sort="-date", cursor=page.next_cursor, limit=1)
