"""Exports: every format has the same figures, they are the books', and they are whole, harmless and gone in time."""

import hashlib
import io
import json
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.service import NewTransaction
from ai2.books.transactions.splits import Part
from ai2.identity import erasure
from ai2.identity.organizations import Organization
from ai2.kit import blobs, queue
from ai2.kit.database import Database
from ai2.kit.sheets import XlsxSheet
from ai2.reports.exports import rows_repository, service, writing
from ai2.reports.exports.asked import NARROWED_BY, TABLE_FORMATS, Asked, NotSuchAnExport, What
from ai2.reports.exports.tables import TABLES
from ai2.reports.model import Asked as ReportAsked
from tests.bookkeeping import Books
from tests.reports.exporting import amounts, asked_for, read, taken, written
from tests.reports.reading import made

POUNDS, EUROS = Decimal("1114.96"), Decimal("-120.00")


@pytest.mark.parametrize("kind", TABLE_FORMATS)
async def test_every_format_has_the_books_to_the_cent(books: Books, kind: str) -> None:
    content, manifest = await taken(books.database, books.organization_id, what="transactions", format=kind)
    rows = read(content, kind)
    assert amounts(rows) == {"GBP": POUNDS, "EUR": EUROS}
    assert [str(row["date"])[:10] for row in rows] == sorted(str(row["date"])[:10] for row in rows)
    assert manifest["reconciled"]["agrees"]
    assert {each["currency"]: each["books"] for each in manifest["reconciled"]["sums"]} == {
        "EUR": "-120.00", "GBP": "1114.96",
    }  # fmt: skip
    [[total]] = await books.read("select sum(money_in - money_out) from published.daily_totals where currency = 'GBP'")
    assert total == POUNDS
    assert (manifest["rows"], manifest["file"]["size_bytes"]) == (len(rows), len(content)) == (8, len(content))
    assert manifest["file"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("what", TABLES)
async def test_columns_are_as_the_manifest_says_in_every_table(books: Books, what: What) -> None:
    async with books.database.transaction(books.organization_id) as db:
        parameters = rows_repository._known(books.organization_id, Asked(what=what, format="csv"))
        described = (await db.execute(rows_repository.QUERIES[what], parameters)).description
    assert [column.name for column in described or ()] == [column.name for column in TABLES[what].columns]
    for kind in ("json", "parquet"):
        content, manifest = await taken(books.database, books.organization_id, what=what, format=kind)
        rows = read(content, kind)
        assert len(rows) == manifest["rows"]
        names = [column["name"] for column in manifest["columns"]]
        assert all(list(row) == names for row in rows)


async def test_the_ledger_sums_to_zero_and_its_accounts_to_the_books(books: Books) -> None:
    content, manifest = await taken(books.database, books.organization_id, what="entries", format="json")
    rows = read(content, "json")
    assert amounts(rows) == {"GBP": 0, "EUR": 0}
    accounts = [row for row in rows if row["section"] == "account"]
    assert amounts(accounts) == {"GBP": POUNDS + 100, "EUR": EUROS}, "with what they began with"
    assert manifest["reconciled"]["agrees"]
    assert amounts(rows, "debit") == amounts(rows, "credit")
    by_transaction = {row["transaction_id"] for row in rows if row["origin"] == "posted"}
    assert len(by_transaction) == 8


async def test_days_and_accounts_narrow_what_is_written(books: Books) -> None:
    february = {"start_date": date(2026, 2, 1), "end_date": date(2026, 2, 28)}
    only = {**february, "account_ids": (books.accounts["Current GBP"],)}
    content, manifest = await taken(books.database, books.organization_id, what="entries", format="csv", **only)
    rows = read(content, "csv")
    assert amounts([row for row in rows if row["section"] == "account"]) == {"GBP": Decimal("-535.04")}
    assert {row["origin"] for row in rows} == {"posted"}, "what an account began with is before all days"
    assert manifest["filters"]["start_date"] == "2026-02-01"
    assert manifest["reconciled"]["agrees"]


async def test_parts_of_a_split_sum_to_it(books: Books) -> None:
    whole = await books.book("Current GBP", "2026-03-01", "-30.00")
    parts = [Part(amount=Decimal("-20.00"), category="Rent"), Part(amount=Decimal("-10.00"), category="Electronics")]
    async with books.database.transaction(books.organization_id) as db:
        await splits.put(db, books.organization_id, whole.transaction_id, parts)
    content, manifest = await taken(books.database, books.organization_id, what="splits", format="parquet")
    rows = read(content, "parquet")
    assert [(row["place"], row["category"], row["amount"]) for row in rows] == [
        (1, "Rent", Decimal(-20)), (2, "Electronics", Decimal(-10)),
    ]  # fmt: skip
    assert manifest["totals"] == [{"currency": "GBP", "rows": 2, "amount": "-30.00"}]


async def test_parquet_is_exact_and_typed(books: Books) -> None:
    content, _ = await taken(books.database, books.organization_id, what="transactions", format="parquet")
    schema = pq.read_schema(io.BytesIO(content))
    assert schema.field("amount").type == pa.decimal128(38, 4)
    assert schema.field("date").type == pa.date32()
    assert pa.types.is_dictionary(schema.field("account").type)
    assert pa.types.is_timestamp(schema.field("created_at").type)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_no_text_of_anybody_becomes_a_formula(books: Books, kind: str) -> None:
    bad = NewTransaction(
        booked_on=date(2026, 3, 1), amount=Decimal("-1.00"), currency="GBP", description="=HYPERLINK(1)",
        account_id=books.accounts["Current GBP"], merchant="@cafe", notes="+1", reference="-1", tags=("=1+1",),
        attributes={"=a": "=1"},
    )  # fmt: skip
    async with books.database.transaction(books.organization_id) as db:
        await transactions.create(db, books.organization_id, bad)
    content, _ = await taken(books.database, books.organization_id, what="transactions", format=kind)
    row = read(content, kind)[-1]
    texts = [row[name] for name in ("description", "merchant", "notes", "reference", "tags")]
    assert texts == ["'=HYPERLINK(1)", "'@cafe", "'+1", "'-1", "'=1+1"]
    if kind == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert {cell.data_type for line in sheet.iter_rows() for cell in line} <= {"s", "n", "d"}


def test_a_full_sheet_is_followed_by_another() -> None:
    file = io.BytesIO()
    sheet = XlsxSheet(file, "Ledger", head=["n"], most_rows=4)
    sheet.write([[number] for number in range(7)])
    sheet.close()
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["Ledger", "Ledger 2", "Ledger 3"]
    assert [[cell for (cell,) in each.iter_rows(values_only=True)] for each in book] == [
        ["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6],
    ]  # fmt: skip


async def test_all_of_an_export_is_of_one_moment(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written down while it is read is in neither its rows nor what the books say beside them."""
    streamed = rows_repository.stream

    async def slowly(*words: Any) -> Any:
        await books.book("Current GBP", "2026-02-02", "-5.00", "Rent")
        async for some in streamed(*words):
            yield some

    monkeypatch.setattr(rows_repository, "stream", slowly)
    _, manifest = await taken(books.database, books.organization_id, what="transactions", format="csv")
    assert (manifest["rows"], manifest["reconciled"]["agrees"]) == (8, True)
    monkeypatch.undo()
    _, later = await taken(books.database, books.organization_id, what="transactions", format="csv")
    assert later["rows"] == 9, "the control: it is in the books"
    assert later["books"]["digest"] != manifest["books"]["digest"]
    # the row, and the first export, which was told of too
    assert later["books"]["events_position"] == manifest["books"]["events_position"] + 2


async def test_the_same_books_give_the_same_file(books: Books) -> None:
    wanted = {"what": "transactions", "format": "json"}
    first, again = [await taken(books.database, books.organization_id, **wanted) for _ in range(2)]
    assert first[0] == again[0]
    assert first[1]["books"]["digest"] == again[1]["books"]["digest"]


async def test_a_report_is_exported_as_it_was_given_out(books: Books) -> None:
    report = await made(books, ReportAsked(report="trend", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31)))
    wanted = {"what": "report", "format": "json", "report_id": report.report_id}
    content, manifest = await taken(books.database, books.organization_id, **wanted)
    assert json.loads(content)["digest"] == report.digest == manifest["report"]["digest"]


@pytest.mark.parametrize(("kind", "begins"), [("csv", b""), ("xlsx", b"PK"), ("pdf", b"%PDF-"), ("html", b"<!")])
async def test_a_report_is_exported_as_people_read_it(books: Books, kind: str, begins: bytes) -> None:
    report = await made(books, ReportAsked(report="trend", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31)))
    wanted = {"what": "report", "format": kind, "report_id": report.report_id}
    content, manifest = await taken(books.database, books.organization_id, **wanted)
    assert content.lstrip().startswith(begins)
    assert (manifest["file"]["format"], manifest["report"]["digest"]) == (kind, report.digest)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"what": "accounts", "format": "pdf"}, "format"),
        ({"what": "categories", "format": "csv", "start_date": date(2026, 1, 1)}, "start_date"),
        ({"what": "report", "format": "json"}, "report_id"),
        ({"what": "rates", "format": "csv", "start_date": date(2026, 2, 1), "end_date": date(2026, 1, 1)}, "end_date"),
    ],
)
async def test_what_would_have_no_effect_is_refused(books: Books, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(NotSuchAnExport) as refused:
        await asked_for(books.database, books.organization_id, **wanted)
    assert [each.field for each in refused.value.errors] == [field]


async def test_no_more_than_twenty_wait(books: Books) -> None:
    for _ in range(service.MOST_WAITING):
        await asked_for(books.database, books.organization_id, what="accounts", format="csv")
    with pytest.raises(service.TooManyExportsWait):
        await asked_for(books.database, books.organization_id, what="accounts", format="csv")


async def test_a_job_that_runs_again_writes_nothing_anew(books: Books) -> None:
    export = await asked_for(books.database, books.organization_id, what="accounts", format="csv")
    first, _ = await written(books.database, books.organization_id, export.export_id)
    await books.book("Current GBP", "2026-02-02", "-5.00", "Rent")
    again, _ = await written(books.database, books.organization_id, export.export_id)
    assert first == again


async def test_it_is_encrypted_expires_and_is_taken_away(
    books: Books, pipeline: Database, organization: Organization
) -> None:
    whose = organization.organization_id
    old, young = [await asked_for(books.database, whose, what="accounts", format="csv") for _ in range(2)]
    for each in (old, young):
        content, _ = await written(books.database, whose, each.export_id)
        assert b"Current GBP" in content
    async with pipeline.transaction() as db:
        update = "update reports.exports set expires_at = now() - interval '1 second' where export_id = %s"
        await db.execute(update, [old.export_id])
    async with books.database.transaction(whose) as db:
        with pytest.raises(service.ExportExpired):
            await service.opened(db, whose, old.export_id)
    assert await service.purge(pipeline) >= 1
    there = [blobs.exists(service.blob_name(whose, each.export_id)) for each in (old, young)]
    assert there == [False, True]
    async with books.database.transaction(whose) as db:
        assert [each.export_id for each in await service.page(db, whose, before=None, limit=9)] == [young.export_id]


async def test_what_failed_says_why_and_goes_too(books: Books, pipeline: Database) -> None:
    whose = books.organization_id
    export = await asked_for(books.database, whose, what="accounts", format="csv")
    async with books.database.transaction(whose) as db:
        job = await queue.get(db, whose, export.export_id)
        await queue.fail(db, job, {"code": "unexpected"}, again=False)
        known = await service.get(db, whose, export.export_id)
        assert (known.state, known.error) == ("failed", {"code": "unexpected"})
        with pytest.raises(service.ExportNotReady):
            await service.opened(db, whose, export.export_id)
        await db.execute("update reports.exports set created_at = now() - interval '40 days'")
    assert await service.purge(pipeline) >= 1
    async with books.database.transaction(whose) as db:
        assert await service.count(db, whose) == 0


async def test_erasing_an_organization_takes_its_exports(
    books: Books, pipeline: Database, organization: Organization
) -> None:
    whose = organization.organization_id
    export = await asked_for(books.database, whose, what="accounts", format="csv")
    await written(books.database, whose, export.export_id)
    assert blobs.exists(service.blob_name(whose, export.export_id))
    await erasure.erase(pipeline, whose, erased_by="test")
    assert not blobs.exists(service.blob_name(whose, export.export_id))


async def test_without_marts_it_says_what_is_missing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_repository, "QUERIES", {"balances": "select * from marts.not_there"})
    export = await asked_for(books.database, books.organization_id, what="balances", format="csv")
    async with books.database.transaction(books.organization_id) as db:
        job = await queue.get(db, books.organization_id, export.export_id)
    with pytest.raises(service.reports.MartsNotBuilt):
        await writing.write(books.database, job, lambda _: None)


def test_every_kind_of_export_has_a_table() -> None:
    assert set(get_args(What)) == set(NARROWED_BY) == {*TABLES, "report"}
