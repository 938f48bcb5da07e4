"""Imports into closed periods: rows wait in quarantine, the others load, and all come in once it is reopened."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts.service import Account
from ai2.books.periods import service as periods
from ai2.books.periods.service import PeriodClosed
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.mending import rejects
from ai2.ingest.mending.replay import replay
from ai2.ingest.mending.resubmit import Resubmission, resubmit
from ai2.ingest.mending.undo import undo
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask, Import
from tests.ingest.feeding import Feeder
from tests.ingest.test_pending import pending, posted
from tests.ingest.test_undo import balanced

PERSON = f"user:{new_id()}"
CSV = """Date;Description;Amount;Till
28/03/2024;Coffee;-3,20;1
28/03/2024;Coffee;-3,20;1
31/03/2024;"Lunch; with Ben";-1.012,50;
01/04/2024;Rent;-850,00;
30/02/2024;Nonsense;-1,00;
"""
DEBITS = """Date;Description;Debit;Credit
28/03/2024;Coffee;3,20;
28/03/2024;Refund;;5,00
31/03/2024;Lunch;1.012,50;
01/04/2024;Rent;850,00;
30/04/2024;Wage;;1.000,00
"""
DEBITS_BELOW_ZERO = DEBITS.replace(";3,20", ";-3,20").replace(";1.012", ";-1.012").replace(";850", ";-850")
OWED = """Date,Description,Amount
28/03/2024,Coffee,3.20
28/03/2024,Refund,-5.00
31/03/2024,Lunch,"1,012.50"
01/04/2024,Rent,850.00
30/04/2024,Wage,-1000.00
"""
FLAGS = """Date,Description,Amount,D/C
28/03/2024,Coffee,3.20,D
28/03/2024,Refund,5.00,C
31/03/2024,Lunch,"1,012.50",D
01/04/2024,Rent,850.00,D
30/04/2024,Wage,1000.00,C
"""
MARKS = """Date,Description,Amount
28/03/2024,Coffee,3.20
28/03/2024,Refund,5.00CR
31/03/2024,Lunch,"1,012.50"
01/04/2024,Rent,850.00
30/04/2024,Wage,1000.00CR
"""
QIF = "!Type:Bank\nD28/03/2024\nT-3.20\nPCoffee\n^\nD01/04/2024\nT-850.00\nPRent, and more\n^\n"


class Closing:
    """What people do to the books between two files."""

    def __init__(self, database: Database, organization: Organization) -> None:
        self.database, self.id = database, organization.organization_id

    async def close(self, through: str = "2024-03-31") -> None:
        async with self.database.transaction(self.id) as db:
            await periods.close(db, self.id, date.fromisoformat(through), closed_by=PERSON)

    async def reopen(self, first_day: str = "2024-03-01") -> None:
        async with self.database.transaction(self.id) as db:
            day = date.fromisoformat(first_day)
            await periods.reopen(db, self.id, day, reason="late", reopened_by=PERSON)

    async def rejects(self, batch_id: UUID | None) -> str:
        assert batch_id
        async with self.database.transaction(self.id) as db:
            known = await service.batch(db, self.id, batch_id)
            rows = await service.batch_rows(db, self.id, batch_id, state="quarantined")
        return "".join(rejects.as_csv(rejects.files(known.layout), rows))

    async def undo(self, batch_id: UUID | None) -> dict[str, Any]:
        assert batch_id
        async with self.database.transaction(self.id) as db:
            return await undo(db, self.id, batch_id, undone_by=PERSON)

    async def send(self, batch_id: UUID | None, text: str) -> Resubmission:
        assert batch_id
        async with self.database.transaction(self.id, actor=PERSON) as db:
            return await resubmit(db, self.id, batch_id, text.encode(), sent_by=PERSON)


@pytest.fixture
def closing(database: Database, organization: Organization) -> Closing:
    return Closing(database, organization)


BOOKS = "select booked_on::text as day, amount::text as amount, description from books.transactions order by 1, 2, 3"
ALL = [
    {"day": "2024-03-28", "amount": "-3.20", "description": "Coffee"},
    {"day": "2024-03-28", "amount": "-3.20", "description": "Coffee"},
    {"day": "2024-03-31", "amount": "-1012.50", "description": "Lunch; with Ben"},
    {"day": "2024-04-01", "amount": "-850.00", "description": "Rent"},
]

Again = Callable[[Closing, UUID | None], Awaitable[Any]]


async def by_the_file(closing: Closing, batch_id: UUID | None) -> None:
    sent = await closing.send(batch_id, await closing.rejects(batch_id))
    assert (sent.loaded, sent.duplicate, sent.quarantined) == (3, 0, 1)  # the 30th of February stays


async def by_a_replay(closing: Closing, batch_id: UUID | None) -> None:
    assert batch_id
    async with closing.database.transaction(closing.id) as db:
        found = await replay(db, closing.id, batch_id, replayed_by=PERSON, apply=True)
    assert found.counts["now_readable"] == 3


class TestQuarantined:
    @pytest.mark.parametrize("again", [by_the_file, by_a_replay])
    async def test_rows_of_closed_days_wait_and_load_once_reopened(
        self, closing: Closing, import_text: Import, ask: Ask, again: Again
    ) -> None:
        await closing.close()
        done = await import_text(CSV, positive_is="in")
        assert done.rows.model_dump() == {"in": 5, "loaded": 1, "duplicate": 0, "quarantined": 4}
        codes = await ask("select line_number, reason_code from ingest.unloaded_lines order by line_number")
        assert [row["reason_code"] for row in codes] == [*["period_closed"] * 3, "bad_date"]
        await closing.reopen()
        await again(closing, done.batch_id)
        assert await ask(BOOKS) == ALL
        [batch] = await balanced(ask)
        assert (batch["rows_loaded"], batch["rows_quarantined"]) == (4, 1)
        # the very file again is known
        assert (await import_text(CSV)).rows.model_dump() == {"in": 5, "loaded": 0, "duplicate": 4, "quarantined": 1}

    async def test_sent_back_too_early_they_wait_on(self, closing: Closing, import_text: Import, ask: Ask) -> None:
        await closing.close()
        done = await import_text(CSV)
        before = await ask("select * from ingest.unloaded_lines order by line_number")
        sent = await closing.send(done.batch_id, await closing.rejects(done.batch_id))
        assert (sent.loaded, sent.quarantined) == (0, 4)
        assert await ask("select * from ingest.unloaded_lines order by line_number") == before
        await balanced(ask)

    async def test_a_file_without_columns(self, closing: Closing, import_text: Import, ask: Ask) -> None:
        await closing.close()
        done = await import_text(QIF, date_order="dmy")
        assert (done.rows.loaded, done.rows.quarantined) == (1, 1)
        text = await closing.rejects(done.batch_id)
        [_, row] = csv.reader(io.StringIO(text))
        assert row[1:2] + row[3:6] == ["period_closed", "2024-03-28", "-3.20", "Coffee"]
        await closing.reopen()
        assert (await closing.send(done.batch_id, text)).loaded == 1
        assert [row["day"] for row in await ask(BOOKS)] == ["2024-03-28", "2024-04-01"]

    async def test_moved_to_an_open_day_by_a_person_a_row_loads(
        self, closing: Closing, import_text: Import, ask: Ask
    ) -> None:
        await closing.close()
        done = await import_text(QIF, date_order="dmy")
        text = (await closing.rejects(done.batch_id)).replace("2024-03-28", "2024-04-02")
        assert (await closing.send(done.batch_id, text)).loaded == 1
        assert [row["day"] for row in await ask(BOOKS)] == ["2024-04-01", "2024-04-02"]

    @pytest.mark.parametrize("text", [CSV, OWED, DEBITS, DEBITS_BELOW_ZERO, FLAGS, MARKS])
    async def test_moved_to_an_open_day_a_row_of_columns_keeps_its_amount(
        self, closing: Closing, import_text: Import, ask: Ask, text: str
    ) -> None:
        """Whatever the file says of money in and out, and before the decimals."""
        await closing.close()
        options = {"positive_is": "out"} if text is OWED else {}
        done = await import_text(text, **options)
        sent = await closing.rejects(done.batch_id)
        for day in ("2024-03-28", "2024-03-31"):
            sent = sent.replace(day, "2024-04-02")
        assert (await closing.send(done.batch_id, sent)).loaded == 3
        moved = "select amount::text from books.transactions where booked_on = '2024-04-02' order by amount"
        last = "-3.20" if text is CSV else "5.00"
        assert [row["amount"] for row in await ask(moved)] == ["-1012.50", "-3.20", last]

    async def test_what_is_known_stays_a_duplicate(self, closing: Closing, import_text: Import, ask: Ask) -> None:
        await import_text(CSV)
        await closing.close()
        done = await import_text(CSV)
        assert done.rows.model_dump() == {"in": 5, "loaded": 0, "duplicate": 4, "quarantined": 1}
        await balanced(ask)

    async def test_a_correction_whose_day_is_closed_is_kept_for_later(
        self, closing: Closing, import_text: Import, ask: Ask
    ) -> None:
        done = await import_text(CSV)
        await closing.close()
        fixed = (await closing.rejects(done.batch_id)).replace("30/02/2024", "29/02/2024")
        assert (await closing.send(done.batch_id, fixed)).quarantined == 1
        await closing.reopen("2024-02-01")
        assert (await closing.send(done.batch_id, await closing.rejects(done.batch_id))).loaded == 1
        await balanced(ask)


class TestPending:
    async def test_a_booked_line_of_a_closed_day_waits_and_completes_later(
        self, closing: Closing, database: Database, organization: Organization, account: Account, ask: Ask
    ) -> None:
        feed = Feeder(database, organization, account)
        rent, coffee = posted("2026-03-01", "-900.00", "RENT"), ("2026-03-30", "-3.20", "COSTA COFFEE")
        await feed(rent, pending(*coffee))
        await closing.close("2026-03-31")
        await feed(rent, posted("2026-03-31", *coffee[1:]), posted("2026-04-01", "-1.00", "TEA"))
        assert ("2026-03-31", "-3.20", "COSTA COFFEE", "posted") not in await feed.books()
        await balanced(ask)
        await closing.reopen("2026-03-31")
        assert await feed(posted("2026-03-31", *coffee[1:])) == (1, 0)
        assert [row for row in await feed.books() if row[1] == "-3.20"] == [
            ("2026-03-31", "-3.20", "COSTA COFFEE", "posted")
        ]
        await balanced(ask)

    async def test_what_is_booked_in_open_days_completes_what_was_announced_in_closed_ones(
        self, closing: Closing, database: Database, organization: Organization, account: Account
    ) -> None:
        feed = Feeder(database, organization, account)
        await feed(pending("2026-03-30", "-3.20", "COSTA COFFEE"))
        await closing.close("2026-03-31")
        await feed(posted("2026-04-01", "-3.20", "COSTA COFFEE"))
        assert await feed.books() == [("2026-04-01", "-3.20", "COSTA COFFEE", "posted")]


class TestTakenBack:
    async def test_an_import_with_rows_in_closed_days_is_undone_only_once_they_are_open(
        self, closing: Closing, import_text: Import
    ) -> None:
        done = await import_text(CSV)
        await closing.close()
        with pytest.raises(PeriodClosed):
            await closing.undo(done.batch_id)
        await closing.reopen()
        assert (await closing.undo(done.batch_id))["closed"] == 4
