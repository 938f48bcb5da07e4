"""The import step: whole or held, once, and told to Dagster as it was."""

import asyncio
import re

import dagster as dg
import pytest

from ai2 import flows
from ai2.ingest.service import ImportOptions, Source
from pipelines.ingest.outcome import EXPECTATIONS, RAW_FILES, READABLE, STATEMENT_LINES, TRANSACTIONS
from pipelines.ingest.sensors import report
from pipelines.resources import Books
from tests.pipelines.conftest import STATEMENT, Inbox

HELD = re.sub("2026-02", "2031-02", STATEMENT)  # years ahead: a misread date
AMBIGUOUS = "Date,Description,Amount\n01/02/2026,Coffee,-2.50\n03/04/2026,Tea,-3.50\n"


def counts(result: dg.ExecuteInProcessResult) -> dict[dg.AssetKey, object]:
    found = {event.asset_key: event.materialization for event in result.get_asset_materialization_events()}
    return {key: made.metadata["dagster/row_count"].value for key, made in found.items() if key != RAW_FILES}


def failed(result: dg.ExecuteInProcessResult) -> list[str]:
    return [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]


async def test_a_file_becomes_transactions_with_its_counts(inbox: Inbox) -> None:
    path = inbox.drop(STATEMENT)

    result = await inbox.take(path)

    assert result.success
    assert counts(result) == {STATEMENT_LINES: 4, TRANSACTIONS: 4}
    assert failed(result) == []
    assert not path.exists()
    assert (inbox.folder / "done" / "statement.csv").exists()
    assert len(await inbox.read("select 1 from published.transactions")) == 4


async def test_the_suite_that_ran_is_the_one_that_is_shown(inbox: Inbox) -> None:
    await inbox.take(inbox.drop(STATEMENT))

    [batch] = await inbox.read("select checks, source, imported_by from published.batches")
    assert [check["name"] for check in batch["checks"]] == list(EXPECTATIONS)
    assert (batch["source"], batch["imported_by"]) == ("inbox", "system:inbox")


async def test_the_same_file_again_changes_nothing(inbox: Inbox) -> None:
    await inbox.take(inbox.drop(STATEMENT))

    again = await inbox.take(inbox.drop(STATEMENT))

    assert again.success
    assert counts(again) == {STATEMENT_LINES: 4, TRANSACTIONS: 0}
    assert len(await inbox.read("select 1 from published.transactions")) == 4
    assert len(list((inbox.folder / "done").iterdir())) == 2


async def test_a_batch_that_does_not_hold_is_rolled_back_and_stops_what_follows(inbox: Inbox) -> None:
    path = inbox.drop(HELD)

    result = await inbox.take(path)

    assert not result.success
    assert failed(result) == ["dates_in_range"]
    assert counts(result) == {}
    assert path.exists()
    assert await inbox.read("select 1 from published.transactions") == []
    [batch] = await inbox.read("select status, reported_at from published.batches")
    assert batch["status"] == "held"
    assert batch["reported_at"]


async def test_a_file_that_asks_waits_and_is_read_once_answered(inbox: Inbox) -> None:
    path = inbox.drop(AMBIGUOUS)

    asked = await inbox.take(path)

    assert failed(asked) == [READABLE]
    [check] = asked.get_asset_check_evaluations()
    assert check.metadata["code"].value == "needs_answer"
    assert check.metadata["questions"].value[0]["field"] == "date_order"
    assert path.exists()
    [waiting] = await inbox.read("select batch_id, status, questions from published.batches")
    assert waiting["status"] == "needs_answer"

    await answer(inbox)
    result = await inbox.take(path)

    assert result.success
    batches = await inbox.read("select batch_id, status, rows_loaded from published.batches where source = 'inbox'")
    assert [tuple(batch.values()) for batch in batches] == [(waiting["batch_id"], "loaded", 2)]
    days = await inbox.read("select booked_on::text from published.transactions where description in ('Coffee', 'Tea')")
    assert {day["booked_on"] for day in days} == {"2026-02-01", "2026-04-03"}


async def answer(inbox: Inbox) -> None:
    """A person imports another file of the same kind and says how its dates are written."""
    other = inbox.folder.parent / "answered.csv"
    other.write_text(AMBIGUOUS.replace("Coffee", "Bread").replace("Tea", "Milk"))
    await imported(inbox, other, ImportOptions(date_order="dmy"))


async def imported(inbox: Inbox, path: object, options: ImportOptions | None = None) -> None:
    """As the command line imports a file."""
    await flows.import_file(
        inbox.database,
        organization_id=inbox.organization.organization_id,
        account_id=inbox.account.account_id,
        path=path,  # type: ignore[arg-type]
        file_name="statement.csv",
        options=options or ImportOptions(),
        source=Source.CLI,
        imported_by="system",
    )


@pytest.mark.parametrize("content", ["", "PK\x03\x04 broken", "just some words\n"])
async def test_a_file_that_cannot_be_read_says_why_and_stays(inbox: Inbox, content: str) -> None:
    path = inbox.drop(content)

    result = await inbox.take(path)

    assert failed(result) == [READABLE]
    assert path.exists()
    [batch] = await inbox.read("select status, problem from published.batches")
    assert batch["status"] == "failed"
    assert batch["problem"]["detail"]


async def show_what_others_left(instance: dg.DagsterInstance) -> None:
    """The tests share a database, and a look shows so many imports and no more."""
    while await asyncio.to_thread(report, instance, Books()):
        pass


async def test_an_import_elsewhere_is_shown_once(inbox: Inbox, instance: dg.DagsterInstance) -> None:
    await show_what_others_left(instance)
    other = inbox.folder.parent / "elsewhere.csv"
    other.write_text(STATEMENT)
    await imported(inbox, other)

    first = await asyncio.to_thread(report, instance, Books())
    again = await asyncio.to_thread(report, instance, Books())

    assert (first, again) == (1, 0)
    records = instance.fetch_materializations(TRANSACTIONS, limit=10).records
    mine = [
        record.asset_materialization
        for record in records
        if record.asset_materialization.metadata["account_id"].value == str(inbox.account.account_id)
    ]
    assert [(made.metadata["dagster/row_count"].value, made.metadata["source"].value) for made in mine] == [(4, "cli")]
    key = dg.AssetCheckKey(STATEMENT_LINES, "dates_in_range")
    summary = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert summary.status.value == "SUCCEEDED"


async def test_a_held_import_elsewhere_shows_the_check_that_failed(inbox: Inbox, instance: dg.DagsterInstance) -> None:
    await show_what_others_left(instance)
    other = inbox.folder.parent / "elsewhere.csv"
    other.write_text(HELD)
    await imported(inbox, other)

    await show_what_others_left(instance)

    key = dg.AssetCheckKey(STATEMENT_LINES, "dates_in_range")
    summary = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert summary.status.value == "FAILED"
    assert instance.fetch_materializations(TRANSACTIONS, limit=1).records == []
    assert len(instance.fetch_materializations(RAW_FILES, limit=1).records) == 1
