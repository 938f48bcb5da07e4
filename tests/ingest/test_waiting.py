"""Files that wait: received now, imported later, and their batch kept whatever comes."""

import io
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts.service import Account
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.layout import saved
from ai2.ingest.layout.model import Layout
from ai2.ingest.problems import BatchNotFound, LayoutDoesNotHold, NeedsAnswer
from ai2.ingest.service import ImportOptions, ImportResult, Source
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from tests.ingest.conftest import Ask, Import
from tests.ingest.test_import import MARCH, TestAsked

POSITIVE = TestAsked.POSITIVE
Receive = Callable[..., Awaitable[UUID]]
Run = Callable[..., Awaitable[ImportResult]]


@pytest.fixture
def receive(database: Database, organization: Organization, account: Account) -> Receive:
    async def do(text: str, **options: Any) -> UUID:
        async with database.transaction(organization.organization_id) as db:
            return await service.receive(
                db,
                organization_id=organization.organization_id,
                account_id=account.account_id,
                file=io.BytesIO(text.encode()),
                file_name="dropped.csv",
                options=ImportOptions(**options),
                source=Source.INBOX,
            )

    return do


@pytest.fixture
def run(database: Database, organization: Organization) -> Run:
    """Run a batch as the worker does: what it raises is written down in a transaction of its own."""

    async def do(batch_id: UUID, **options: Any) -> ImportResult:
        answers = ImportOptions(**options) if options else None
        try:
            async with database.transaction(organization.organization_id) as db:
                return await service.run(db, organization.organization_id, batch_id, options=answers)
        except Problem as problem:
            async with database.transaction(organization.organization_id) as db:
                await service.fail(db, organization.organization_id, batch_id, problem)
            raise

    return do


class TestWaiting:
    async def test_a_received_file_is_queued_and_then_loaded(self, receive: Receive, run: Run, ask: Ask) -> None:
        batch_id = await receive(MARCH)
        assert [row["status"] for row in await ask("select status from ingest.batches")] == ["queued"]
        result = await run(batch_id)
        assert (result.batch_id, result.status, result.rows.loaded) == (batch_id, "loaded", 4)

    async def test_running_it_again_only_reports(self, receive: Receive, run: Run) -> None:
        batch_id = await receive(MARCH)
        assert await run(batch_id) == await run(batch_id)

    async def test_a_question_waits_for_its_answer(self, receive: Receive, run: Run, ask: Ask) -> None:
        batch_id = await receive(POSITIVE)
        with pytest.raises(NeedsAnswer):
            await run(batch_id)
        [batch] = await ask("select status, questions, problem from ingest.batches")
        assert batch["status"] == "needs_answer"
        assert [question["field"] for question in batch["questions"]] == ["positive_is"]
        assert (await run(batch_id, positive_is="out")).rows.loaded == 3

    async def test_a_layout_put_meanwhile_answers_too(self, receive: Receive, run: Run, import_text: Import) -> None:
        batch_id = await receive(POSITIVE)
        with pytest.raises(NeedsAnswer):
            await run(batch_id)
        await import_text(POSITIVE.replace("2024-03", "2024-02"), positive_is="out")
        assert (await run(batch_id)).rows.loaded == 3

    async def test_the_draft_completed_and_put_answers_too(
        self, receive: Receive, run: Run, ask: Ask, database: Database, organization: Organization, account: Account
    ) -> None:
        batch_id = await receive(POSITIVE)
        with pytest.raises(NeedsAnswer):
            await run(batch_id)
        [batch] = await ask("select problem from ingest.batches")
        layout = Layout.model_validate({**batch["problem"]["layout"], "positive_is": "out"})
        async with database.transaction(organization.organization_id) as db:
            await saved.put(db, organization.organization_id, account.account_id, layout)
        assert (await run(batch_id)).rows.loaded == 3

    async def test_a_layout_without_a_date_is_refused(
        self, database: Database, organization: Organization, account: Account
    ) -> None:
        layout = Layout.model_validate({"signature": "x", "delimiter": ",", "columns": {"amount": [1]}})
        async with database.transaction(organization.organization_id) as db:
            with pytest.raises(LayoutDoesNotHold):
                await saved.put(db, organization.organization_id, account.account_id, layout)

    async def test_a_file_that_cannot_be_read_says_why(self, receive: Receive, run: Run, ask: Ask) -> None:
        batch_id = await receive("Dear customer,\nno statement today.\n")
        with pytest.raises(Problem):
            await run(batch_id)
        [batch] = await ask("select status, problem from ingest.batches")
        assert (batch["status"], batch["problem"]["code"]) == ("failed", "no_transactions")


class TestListed:
    async def test_newest_first_page_by_page(
        self, import_text: Import, database: Database, organization: Organization
    ) -> None:
        made = [(await import_text(MARCH + f"2024-04-0{day},Bus,-1.00,\n")).batch_id for day in (1, 2, 3)]
        async with database.transaction(organization.organization_id) as db:
            first = await service.batch_list(db, organization.organization_id, limit=2)
            rest = await service.batch_list(db, organization.organization_id, limit=2, before=first[-1].batch_id)
        assert [batch.batch_id for batch in [*first, *rest]] == list(reversed(made))

    async def test_rows_by_state(self, import_text: Import, database: Database, organization: Organization) -> None:
        await import_text(MARCH)
        batch_id = (await import_text(MARCH + "2024-04-01,Bus,-1.00,\n2024-02-30,A,1.00,\n")).batch_id
        assert batch_id is not None

        async def lines(state: str | None) -> list[int]:
            async with database.transaction(organization.organization_id) as db:
                found = await service.batch_rows(db, organization.organization_id, batch_id, state=state)
            return [row["line_number"] for row in found]

        assert await lines("duplicate") == [2, 3, 4, 5]
        assert await lines("loaded") == [6]
        assert await lines("quarantined") == [7]
        assert await lines(None) == [2, 3, 4, 5, 6, 7]

    async def test_a_strangers_batch_is_not_there(
        self, import_text: Import, database: Database, stranger: Organization
    ) -> None:
        batch_id = (await import_text(MARCH)).batch_id
        assert batch_id is not None
        async with database.transaction(stranger.organization_id) as db:
            assert await service.batch_list(db, stranger.organization_id) == []
            with pytest.raises(BatchNotFound):
                await service.batch(db, stranger.organization_id, batch_id)
