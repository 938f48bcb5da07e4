"""What a report says of itself: how fresh, how complete and how well proven the books behind it are."""

import os
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.periods import service as periods
from ai2.ingest import balances
from ai2.ingest import repository as ingest
from ai2.ingest.balances import repository as stating
from ai2.ingest.balances.stated import Stated
from ai2.kit.ids import new_id
from ai2.reports import service
from ai2.reports.model import Asked, Note, Report
from tests.bookkeeping import Books
from tests.reports.reading import made

QUARTER = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 31)}
CURRENT, SAVINGS = "Current GBP", "Savings GBP"


async def notes(books: Books, report: str = "profit_and_loss", **asked: object) -> dict[str, Note]:
    found = await made(books, Asked(report=report, **{**QUARTER, **asked}))  # type: ignore[arg-type]
    return by_code(found)


def by_code(report: Report) -> dict[str, Note]:
    codes = [note.code for note in report.notes]
    assert len(codes) == len(set(codes))
    return dict(zip(codes, report.notes, strict=True))


async def file(books: Books, account: str, first: str, last: str, status: str = "loaded", quarantined: int = 0) -> UUID:
    """An import of these days, as a batch says of itself."""
    batch_id, digest = new_id(), os.urandom(32)
    days = {"first_date": date.fromisoformat(first), "last_date": date.fromisoformat(last)}
    async with books.database.transaction(books.organization_id) as db:
        await ingest.insert_raw_file(db, books.organization_id, digest, size_bytes=1, blob_key="none")
        await ingest.insert_batch(
            db, organization_id=books.organization_id, batch_id=batch_id, account_id=books.accounts[account],
            digest=digest, file_name="rows", source="cli", status="running", options={}, imported_by="system",
        )  # fmt: skip
        await ingest.finish_batch(
            db, books.organization_id, batch_id, status=status, rows_in=quarantined + 1, rows_loaded=1,
            rows_duplicate=0, rows_quarantined=quarantined, currency="GBP", **days,
        )  # fmt: skip
    return batch_id


async def state_balance(books: Books, account: str, on: str, amount: str) -> None:
    """A bank's closing balance."""
    batch_id = await file(books, account, on, on)
    said = Stated(date.fromisoformat(on), Decimal(amount), "closing", is_signed=True, line_number=None)
    async with books.database.transaction(books.organization_id) as db:
        await stating.insert(db, books.organization_id, books.accounts[account], batch_id, [said])


async def test_a_report_over_a_broken_account_says_since_when_and_by_how_much(books: Books) -> None:
    await state_balance(books, CURRENT, "2026-01-31", "1250.00")
    proven = await notes(books)
    assert "balance_broken" not in proven
    assert f"{CURRENT} (through 2026-01-31)" in proven["balance_proven"].text
    await state_balance(books, CURRENT, "2026-02-15", "724.96")
    told = (await notes(books))["balance_broken"]
    assert told.is_warning
    assert told.account_ids == (books.accounts[CURRENT],)
    assert "on 2026-02-15 the bank has 10.00 GBP more than the books. It held until 2026-01-31." in told.text
    async with books.database.transaction(books.organization_id) as db:
        found = (await balances.proof(db, books.organization_id, books.accounts[CURRENT])).first_break
    assert found is not None
    assert (found.booked_on.isoformat(), found.difference) == ("2026-02-15", Decimal("10.00"))
    # what breaks later is of no concern to an earlier report
    assert "balance_broken" not in await notes(books, end_date=date(2026, 1, 31))
    # nor is an account that is not behind it
    assert "balance_broken" not in await notes(books, account_ids=(books.accounts[SAVINGS],))


async def test_what_only_anchors_the_opening_proves_nothing(books: Books) -> None:
    for on, where in (("2026-02-01", "balance_unproven"), ("2026-03-01", "balance_proven")):
        await state_balance(books, SAVINGS, on, "500.00")
        async with books.database.transaction(books.organization_id) as db:
            anchor = date(2026, 2, 1), Decimal("500.00")
            await accounts.anchor(db, books.organization_id, books.accounts[SAVINGS], *anchor)
        assert SAVINGS in (await notes(books))[where].text


async def test_every_number_is_exact(books: Books) -> None:
    await books.announce(CURRENT, "2026-02-20", "-30.00", "pending")
    await books.book(CURRENT, "2026-02-21", "12.34")
    await books.book(CURRENT, "2026-04-01", "99.00")
    await file(books, CURRENT, "2026-02-01", "2026-02-28", "needs_answer")
    await file(books, CURRENT, "2026-02-01", "2026-02-28", "loaded", quarantined=3)
    await file(books, CURRENT, "2026-05-01", "2026-05-31", "held")
    told = await notes(books)
    assert told["not_categorised"].text == "Not categorised yet: 2 rows, 12.34 GBP in and 9.99 GBP out."
    assert "1 row, together -30.00 GBP." in told["pending"].text
    assert "1 import for an answer of yours." in told["imports_waiting"].text
    assert told["rows_left_out"].text.startswith("3 rows of imported files")
    assert {code for code, note in told.items() if note.is_warning} >= {"imports_waiting", "rows_left_out"}
    assert [note.is_warning for note in told.values()] == sorted((n.is_warning for n in told.values()), reverse=True)


async def test_says_how_fresh_each_account_is(books: Books) -> None:
    told = (await notes(books))["not_up_to_date"]
    assert f"{SAVINGS} (after 2026-02-01)" in told.text
    assert told.is_warning
    await books.book(SAVINGS, "2026-03-31", "0.01", "Wages")
    assert SAVINGS not in (await notes(books))["not_up_to_date"].text
    # a report that ends later than today is as fresh as today's rows
    today = date.today()  # noqa: DTZ011 - a bank's day
    await books.book(CURRENT, today.isoformat(), "1.00", "Wages")
    late = (await notes(books, end_date=today + timedelta(days=300)))["not_up_to_date"]
    assert CURRENT not in late.text


async def test_days_without_rows_are_told_where_there_usually_are_some(books: Books) -> None:
    days = [date(2026, 1, 1) + timedelta(days=day) for day in range(60) if not 20 <= day < 40]
    for day in days:
        await books.book(SAVINGS, day.isoformat(), "1.00", "Wages")
    told = (await notes(books))["days_missing"]
    assert f"{SAVINGS} has none from 2026-01-21 to 2026-01-31" in told.text
    assert "usually some every 1 day" in told.text
    await file(books, SAVINGS, "2026-01-01", "2026-03-31")
    assert SAVINGS not in (await notes(books)).get("days_missing", Note(code="", text="")).text


async def test_says_what_is_closed_and_what_has_no_rate(books: Books) -> None:
    assert "period_open" in await notes(books)
    async with books.database.transaction(books.organization_id) as db:
        await periods.close(db, books.organization_id, date(2026, 2, 28), closed_by="test")
    assert "closed through 2026-02-28" in (await notes(books))["period_partly_closed"].text
    assert "period_closed" in await notes(books, end_date=date(2026, 2, 28))
    assert (await notes(books, currency="JPY"))["figures_missing"].is_warning


async def test_only_a_balance_asks_what_an_account_began_with(books: Books) -> None:
    told = (await notes(books, "balance_sheet"))["opening_unknown"]
    assert SAVINGS in told.text
    assert CURRENT not in told.text
    assert "opening_unknown" not in await notes(books)


@pytest.mark.parametrize("report", ["profit_and_loss", "balance_sheet"])
async def test_notes_are_kept_with_the_report_and_are_no_part_of_its_digest(books: Books, report: str) -> None:
    before = await made(books, Asked(report=report, **QUARTER))  # type: ignore[arg-type]
    await file(books, CURRENT, "2026-02-01", "2026-02-28", "needs_answer")
    after = await made(books, Asked(report=report, **QUARTER))  # type: ignore[arg-type]
    assert before.notes != after.notes
    assert before.digest == after.digest
    async with books.database.transaction(books.organization_id) as db:
        assert (await service.get(db, books.organization_id, before.report_id)).notes == before.notes
        assert (await service.get(db, books.organization_id, after.report_id)).notes == after.notes
