"""Agreement: whatever is in the books, a report says what plain arithmetic over their rows says, to the cent."""

import gzip
import itertools
import os
from datetime import date
from pathlib import Path
from random import Random

import pytest

from ai2.kit.database import Database
from ai2.reports.model import Asked, Report
from ai2.reports.service import ReportNotFound
from pipelines import dbt
from tests.bookkeeping import Books
from tests.reports.agreement import assert_agrees, assert_entries_are_these
from tests.reports.council import council
from tests.reports.random_books import keep, keep_on, question
from tests.reports.reading import assert_explained, explained, made
from tests.reports.recomputed import rows_of
from tests.seeds import seeds

EVERY = ("profit_and_loss", "balance_sheet", "cash_flow", "spending", "category_breakdown", "trend")
# AI2_TEST_BOOKS=<how many> asks for more of them than the test command has time for.
FEW, LINES = 6, 4000
BOOKS = int(os.environ.get("AI2_TEST_BOOKS", FEW))
[SEED] = seeds("agreement", 1)


@pytest.mark.parametrize("seed", seeds("random books", BOOKS))
async def test_random_books(database: Database, marts: None, seed: int) -> None:
    chance = Random(seed)
    books, _ = await keep(database, chance, chance.randint(5, 45), fiscal_year_start=chance.randint(1, 12))
    rows = await rows_of(books)
    looked_into = chance.choice(EVERY)
    for name in EVERY:
        asked = question(chance, name, list(books.accounts.values()))
        report = await made(books, asked)
        assert_agrees(rows, report)
        if name == looked_into:
            few = chance if BOOKS == FEW else None
            await assert_entries_are_these(books, rows, report, few)
            await assert_explained(books, report, limit=20, few=few)


async def every_report(books: Books) -> list[Report]:
    """All of them, of the same cut days, apart and converted."""
    days = {"start_date": date(2025, 10, 12), "end_date": date(2026, 2, 20)}
    return [
        await made(books, Asked(report=name, group_by="month", currency=currency, **days))  # type: ignore[arg-type]
        for name in EVERY
        for currency in (None, "GBP")
    ]


async def test_a_digest_stays_when_the_marts_are_built_again(database: Database, marts: None) -> None:
    """Partly of what is kept, partly of what was touched since: reports say the same, and what the rows say."""
    books, keeper = await keep(database, Random(SEED), 60)
    before = [report.digest for report in await every_report(books)]
    for arguments in ((), ("--full-refresh",)):
        dbt.invoke("run", "--select", "fct_ledger_months", *arguments)
        assert [report.digest for report in await every_report(books)] == before
        await keep_on(keeper, database, 25)
        rows = await rows_of(books)
        after = await every_report(books)
        for report in after:
            assert_agrees(rows, report)
        assert before != (before := [report.digest for report in after])


async def test_books_of_the_same_names_and_days_never_mix(database: Database, pipeline: Database, marts: None) -> None:
    (ours, keeper), (theirs, _) = [await keep(database, Random(SEED), 40) for _ in range(2)]
    before = [report.digest for report in await every_report(ours)]
    assert [report.digest for report in await every_report(theirs)] == before, "the same books say the same"
    await keep_on(keeper, database, 20)
    assert [report.digest for report in await every_report(ours)] != before
    untouched = await every_report(theirs)
    assert [report.digest for report in untouched] == before
    for report in untouched:
        assert_agrees(await rows_of(theirs), report)
        with pytest.raises(ReportNotFound):
            await explained(ours, report, report.tables[0].key_of(report.tables[0].cells[0]))
    for relation in ("marts.live_ledger_months", "intermediate.int_ledger__entries_posted", "reports.reports"):
        query = f"select distinct organization_id from {relation} where organization_id = any(%s)"
        both = [ours.organization_id, theirs.organization_id]
        async with database.transaction(ours.organization_id) as db, pipeline.transaction() as all_of_them:
            seen = await (await db.execute(query, [both])).fetchall()
            control = await (await all_of_them.execute(query, [both])).fetchall()
        assert [row["organization_id"] for row in seen] == both[:1], relation
        assert len(control) == 2, relation


async def test_the_councils_purchases(database: Database, marts: None, data: Path, tmp_path: Path) -> None:
    """The first lines of the real file, which are its last months; benchmarks/reports.py takes all of it."""
    file = tmp_path / "cards.csv"
    with gzip.open(data / "purchases" / "council_cards_2013_2016.csv.gz", "rt", encoding="utf-8") as lines:
        file.write_text("".join(itertools.islice(lines, LINES)), encoding="utf-8")
    books = await council(database, file)
    rows = await rows_of(books)
    assert len(rows.legs) > LINES
    for name in EVERY:
        days = {"start_date": date(2016, 9, 12), "end_date": date(2016, 12, 20)}
        report = await made(books, Asked(report=name, group_by="month", compare_to="previous_period", **days))  # type: ignore[arg-type]
        assert_agrees(rows, report)
    await assert_entries_are_these(books, rows, report, Random(SEED))
