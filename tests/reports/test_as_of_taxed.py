"""As of, of taxes: a summary or a return is for ever what was known, said, evidenced and the law's figure then."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.books.transactions import attachments, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.splits import Part
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database
from ai2.reports import moments
from ai2.reports.model import Asked, Report
from ml.tax import loading
from ml.tax import service as tax
from ml.tax.loading import NoRulesThen
from ml.tax.rules import Rules
from tests.bookkeeping import Books, open_books
from tests.ml.tax import test_loading as rules
from tests.reports import test_as_of as acts
from tests.reports import test_vat as vat
from tests.reports.reading import assert_explained, figures, made
from tests.reports.test_as_of import as_of, assert_the_same, one_of
from tests.reports.test_as_of_planned import unstamped

QUARTER = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 31)}
ASKED = (
    Asked(report="tax_summary", group_by="month", **QUARTER),  # type: ignore[arg-type]
    Asked(report="tax_summary", group_by="year", jurisdiction="IE", **QUARTER),  # type: ignore[arg-type]
    Asked(report="vat", **QUARTER),  # type: ignore[arg-type]
)
registered, folder, name = vat.registered, rules.folder, rules.name
Change = Callable[[Books, Connection], Awaitable[Any]]


async def setting(books: Books, db: Connection, **changes: Any) -> None:
    await organizations.update(db, books.organization_id, changes)


async def role(books: Books, db: Connection) -> None:
    await setting(books, db, tax_role="company")
    await setting(books, db, tax_role="employee")


async def no_more_registered(books: Books, db: Connection) -> None:
    await setting(books, db, tax_registered=False)


async def moved_abroad(books: Books, db: Connection) -> None:
    await setting(books, db, tax_jurisdiction="DE", country="DE")


async def say(books: Books, db: Connection, amount: str, field: Any, value: str, apply_to: str = "this") -> None:
    transaction = await transactions.get(db, books.organization_id, await one_of(db, amount))
    await tax.confirm(db, books.organization_id, transaction, field, value, apply_to=apply_to, said_by="user:test")


async def said_no(books: Books, db: Connection) -> None:
    await say(books, db, "-60.00", "tax", "yes")
    await say(books, db, "-60.00", "tax", "no")


async def half_for_business(books: Books, db: Connection) -> None:
    await say(books, db, "-9.99", "business_use", "50", "always")


async def rate(books: Books, db: Connection) -> None:
    for day in (date(2026, 2, 14), date(2026, 3, 2)):
        for value in ("0.70", "0.80"):
            await rates.set_own(
                db, books.organization_id, base="EUR", quote="GBP", on=day, rate=Decimal(value), set_by="test"
            )


async def recategorised(books: Books, db: Connection) -> None:
    found = await categories.find(db, books.organization_id, "Restaurants")
    changes = {"category_id": found.category_id}
    await transactions.update(db, books.organization_id, await one_of(db, "-60.00"), changes)


async def renamed(books: Books, db: Connection) -> None:
    income = await categories.find(db, books.organization_id, "Income")
    await categories.update(db, books.organization_id, income.category_id, name="Sales", parent_id=income.parent_id)


async def merged(books: Books, db: Connection) -> None:
    """What it is to the taxman went with its code."""
    supplies, groceries = [
        await categories.find(db, books.organization_id, each) for each in ("Office supplies", "Groceries")
    ]
    await categories.merge(db, books.organization_id, supplies.category_id, into=groceries.category_id)


async def means_another_code(books: Books, db: Connection) -> None:
    rent, supplies = [await categories.find(db, books.organization_id, each) for each in ("Rent", "Office supplies")]
    query = "update books.category_codes set category_id = %s where category_id = %s"
    await db.execute(query, [rent.category_id, supplies.category_id])


async def split(books: Books, db: Connection) -> None:
    parts = [Part(amount=Decimal("-50"), category="Office supplies"), Part(amount=Decimal("-10"), category="Groceries")]
    await splits.put(db, books.organization_id, await one_of(db, "-60.00"), parts)


async def deleted(books: Books, db: Connection) -> None:
    await transactions.delete(db, books.organization_id, await one_of(db, "1200.00"))


async def another_day(books: Books, db: Connection) -> None:
    changes = {"booked_on": date(2026, 4, 1), "amount": Decimal("-61.00")}
    await transactions.update(db, books.organization_id, await one_of(db, "-60.00"), changes)


async def tax_rate(books: Books, db: Connection) -> None:
    for said in ("5", "exempt"):
        await transactions.update(
            db, books.organization_id, await one_of(db, "1200.00"), {"attributes": {"tax_rate": said}}
        )


async def receipt(books: Books, db: Connection) -> None:
    await attachments.add(
        db, books.organization_id, await one_of(db, "-36.00"), file=BytesIO(b"%PDF-1.7 too"), file_name="r.pdf",
        size_bytes=12, added_by="test",
    )  # fmt: skip


async def receipt_taken_away(books: Books, db: Connection) -> None:
    bought = await one_of(db, "-60.00")
    [known] = await attachments.list_of(db, books.organization_id, bought)
    await attachments.remove(db, books.organization_id, bought, known.attachment_id)


CHANGES = (
    role, no_more_registered, moved_abroad, said_no, half_for_business, rate, recategorised, renamed, merged,
    means_another_code, split, deleted, another_day, tax_rate, receipt, receipt_taken_away, acts.fiscal_year,
)  # fmt: skip


async def every(books: Books) -> list[Report]:
    return [await made(books, asked) for asked in ASKED]


def said(reports: list[Report]) -> list[Any]:
    """Figures, and by what they were found."""
    return [(report.digest, report.told) for report in reports]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_is_the_same_after(registered: Books, change: Change) -> None:
    before = await every(registered)
    async with registered.database.transaction(registered.organization_id) as db:
        await change(registered, db)
    assert said(await every(registered)) != said(before)  # the change is one
    await assert_the_same(registered, before)


async def test_is_the_same_and_explained_when_all_of_it_changed(registered: Books) -> None:
    before = await every(registered)
    for change in (receipt, half_for_business, rate, tax_rate, said_no, split, renamed, merged, role, deleted):
        async with registered.database.transaction(registered.organization_id) as db:
            await change(registered, db)
        await assert_the_same(registered, before)
    for report in before:
        await assert_explained(registered, report)
        again = await as_of(registered, report.asked, report.as_of)
        assert (again.parts, again.told) == (report.parts, report.told)
        await assert_explained(registered, again)


async def test_of_the_present_is_what_the_rules_answer(registered: Books) -> None:
    for asked in ASKED:
        report = await made(registered, asked)
        assert (await as_of(registered, asked, datetime.now(UTC))).digest == report.digest


async def test_who_is_still_writing_is_not_in_it(registered: Books) -> None:
    async with registered.database.transaction(registered.organization_id) as writing:
        for change in (receipt, receipt_taken_away, said_no, rate, merged, role):
            await change(registered, writing)
        before = await every(registered)
        await assert_the_same(registered, before)
        await tax_rate(registered, writing)
    assert said(await every(registered)) != said(before)
    await assert_the_same(registered, before)


async def test_what_is_deleted_while_it_is_assessed_is_still_in_it(registered: Books) -> None:
    whose = registered.organization_id
    async with registered.database.transaction(whose) as db:
        known, sold = await moments.present(db, whose), await one_of(db, "1200.00")
        async with registered.database.transaction(whose) as other:
            await deleted(registered, other)
        found = await tax.analyse(db, whose, [tax.stored(sold)], known_at=known.moment)
        assert [case.amount for case in found.cases] == [Decimal("1200.00")]


async def test_what_was_there_before_its_history_is_known_by_its_times(registered: Books) -> None:
    async with registered.database.transaction(registered.organization_id) as db:
        await half_for_business(registered, db)
    before = await every(registered)
    tables = dict.fromkeys(("books.attachments", "ml.tax_confirmations"), "row_xid = null")
    await unstamped(registered, {**tables, "books.category_codes": "row_xid = null, known_from = null"})
    await assert_the_same(registered, before)
    async with registered.database.transaction(registered.organization_id) as db:
        for change in (receipt_taken_away, merged, said_no):
            await change(registered, db)
    await assert_the_same(registered, before)


async def test_two_organizations_apart(registered: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    await theirs.book("Current GBP", "2026-03-01", "-60.00", "Office supplies")
    async with database.transaction(stranger.organization_id) as db:
        await setting(theirs, db, tax_jurisdiction="GB", tax_role="self_employed")
    before, of_theirs = await every(registered), await made(theirs, ASKED[0])
    async with database.transaction(stranger.organization_id) as db:
        await receipt_taken_away_or_added(theirs, db)
        await role(theirs, db)
    await assert_the_same(registered, before)
    await assert_the_same(theirs, [of_theirs])
    assert figures(of_theirs.tables[0], "2026-03")["Deductions confirmed"] == Decimal("60.00")


async def receipt_taken_away_or_added(books: Books, db: Connection) -> None:
    await attachments.add(
        db, books.organization_id, await one_of(db, "-60.00"), file=BytesIO(b"%PDF-1.7 they"), file_name="r.pdf",
        size_bytes=13, added_by="test",
    )  # fmt: skip


class TestRules:
    """Which rules were loaded at a moment."""

    async def test_are_those_of_then(self, registered: Books, pipeline: Database, folder: Any, name: str) -> None:
        day = date(2026, 8, 1)
        rules.write(folder, name)
        await loading.refresh(pipeline, folder)
        open_then = await self._now(registered)
        rules.write(folder, name, ends="2026-06-30", more="    - {valid_from: 2026-07-01, value: 2}")
        await loading.refresh(pipeline, folder)
        closed_then = await self._now(registered)
        for _ in range(2):
            before, after = [await self._known(registered, each) for each in (open_then, closed_then)]
            row = before.get(name, day)
            assert (row.value, row.valid_to, after.get(name, day).value) == (Decimal(1), None, Decimal(2))
            # as another process has them, or one that is not looked at yet
            loading._memory.rules = Rules([], "of another process")

    async def test_of_an_older_memory_are_not_believed(
        self, registered: Books, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = await every(registered)
        monkeypatch.setattr(loading, "BELIEVED_S", 600.0)
        monkeypatch.setattr(loading._memory, "rules", Rules([], "of before"))
        assert said(await every(registered)) == said(before)

    async def test_before_there_were_any_are_refused(self, registered: Books) -> None:
        for asked in ASKED:
            with pytest.raises(NoRulesThen):
                await as_of(registered, asked, datetime(2020, 1, 1, tzinfo=UTC))

    async def _now(self, books: Books) -> datetime:
        whose: UUID = books.organization_id
        async with books.database.transaction(whose) as db:
            known = await moments.present(db, whose)
            await moments.keep(db, whose, known)
        return known.moment.at

    async def _known(self, books: Books, at: datetime) -> Rules:
        async with books.database.transaction(books.organization_id) as db:
            known = await moments.past(db, books.organization_id, at)
            return await loading.known_at(db, known.moment)


async def test_a_return_of_who_was_not_registered_then_is_none(registered: Books) -> None:
    async with registered.database.transaction(registered.organization_id) as db:
        await no_more_registered(registered, db)
    unregistered = await made(registered, ASKED[2])
    async with registered.database.transaction(registered.organization_id) as db:
        await setting(registered, db, tax_registered=True)
    again = await as_of(registered, replace(ASKED[2]), unregistered.as_of)
    assert (again.tables, [note.code for note in again.notes]) == ((), ["vat_no_return", "as_of_the_past"])
