"""Agreement: whatever is in the books, a report says what plain arithmetic over their rows says, to the cent."""

import os
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from ai2.kit.database import Database
from ai2.reports import service
from tests.reports.agreement import assert_agrees, assert_entries_are_these
from tests.reports.random_books import keep, question
from tests.reports.reading import assert_explained
from tests.reports.recomputed import rows_of
from tests.seeds import seeds

EVERY = ("profit_and_loss", "balance_sheet", "cash_flow", "spending", "category_breakdown", "trend")
# AI2_TEST_BOOKS=<how many> asks for more of them than the test command has time for.
FEW = 6
BOOKS = int(os.environ.get("AI2_TEST_BOOKS", FEW))
[SEED] = seeds("agreement", 1)


@seeded(SEED)
@settings(
    max_examples=BOOKS, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink) if BOOKS > FEW else (Phase.generate,),
)  # fmt: skip
@given(chance=st.randoms(use_true_random=False), acts=st.integers(5, 45), fiscal=st.integers(1, 12))
async def test_random_books(database: Database, marts: None, chance: Random, acts: int, fiscal: int) -> None:
    books = await keep(database, chance, acts, fiscal_year_start=fiscal)
    rows = await rows_of(books)
    looked_into = chance.choice(EVERY)
    for name in EVERY:
        asked = question(chance, name, list(books.accounts.values()))
        async with database.transaction(books.organization_id) as db:
            report = await service.generate(db, books.organization_id, asked, created_by="test")
        assert_agrees(rows, report)
        if name == looked_into or BOOKS > FEW:
            await assert_entries_are_these(books, rows, report)
            await assert_explained(books, report)
