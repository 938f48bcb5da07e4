"""Imports: whole or not at all, once and only once, and every row accounted for."""

import asyncio
import io
import zipfile
from pathlib import Path

import pytest
from psycopg import errors

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account, AccountNotFound
from ai2.identity.organizations import Organization
from ai2.ingest import problems, service
from ai2.ingest.layout import saved
from ai2.ingest.problems import NeedsAnswer
from ai2.ingest.service import ImportOptions, Source
from ai2.kit import blobs
from ai2.kit.database import Database
from ai2.kit.settings import settings
from tests.ingest.conftest import Ask, Import
from tests.ingest.test_ofx import BUS, TEA, ofx

MARCH = """Date,Description,Amount,Balance
2024-03-01,Rent,-900.00,100.00
2024-03-02,Coffee,-3.20,96.80
2024-03-02,Coffee,-3.20,93.60
2024-03-05,Salary,2000.00,2093.60
"""
OVERLAPPING = """Date,Description,Amount,Balance
2024-03-02,Coffee,-3.20,96.80
2024-03-02,COFFEE ,-3.20,93.60
2024-03-05,Salary,2000.00,2093.60
2024-03-06,Coffee,-3.20,2090.40
"""
BOOKED = """
    select booked_on, amount, description, merchant, reference, mcc, attributes, line_number, batch_id, transaction_id
    from books.transactions where deleted_at is null order by booked_on, description, amount
"""


class TestLoaded:
    async def test_every_row_is_in_the_books(self, import_text: Import, ask: Ask) -> None:
        result = await import_text(MARCH)
        assert (result.status, result.format, result.rows.in_, result.rows.loaded) == ("loaded", "csv", 4, 4)
        assert (str(result.first_date), str(result.last_date), result.currency) == ("2024-03-01", "2024-03-05", "GBP")
        rows = await ask(BOOKED)
        assert [str(row["amount"]) for row in rows] == ["-900.00", "-3.20", "-3.20", "2000.00"]
        assert [row["line_number"] for row in rows] == [2, 3, 4, 5]
        assert {row["batch_id"] for row in rows} == {result.batch_id}

    async def test_answers_as_the_contract_says(self, import_text: Import) -> None:
        answer = (await import_text(MARCH)).model_dump(mode="json")
        assert answer["rows"] == {"in": 4, "loaded": 4, "duplicate": 0, "quarantined": 0}
        assert {
            "batch_id",
            "status",
            "format",
            "questions",
            "first_date",
            "last_date",
            "currency",
            "account_id",
        } <= set(answer)

    async def test_daily_totals_follow(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        [total] = await ask("select sum(money_in) as money_in, sum(money_out) as money_out from books.daily_totals")
        assert (str(total["money_in"]), str(total["money_out"])) == ("2000.00", "906.40")

    async def test_quarantined_rows_are_kept_with_reason_and_text(self, import_text: Import, ask: Ask) -> None:
        result = await import_text(MARCH + "2024-02-30,Ghost,-1.00,2092.60\n")
        assert result.rows.model_dump() == {"in": 5, "loaded": 4, "duplicate": 0, "quarantined": 1}
        [row] = await ask("select line_number, reason_code, reason, original from ingest.unloaded_lines")
        assert row == {
            "line_number": 6,
            "reason_code": "bad_date",
            "reason": "there is no such day between 1970 and 2100",
            "original": "2024-02-30,Ghost,-1.00,2092.60",
        }

    async def test_a_file_of_which_no_row_can_be_read_loads_none(self, import_text: Import) -> None:
        result = await import_text("Date,Description,Amount\n2024-02-30,Ghost,-1.00\n")
        assert (result.status, result.rows.quarantined, result.rows.loaded) == ("loaded", 1, 0)

    async def test_an_empty_statement_is_loaded_too(self, import_text: Import) -> None:
        result = await import_text("Date,Description,Amount\n")
        assert (result.status, result.rows.in_) == ("loaded", 0)

    async def test_what_no_column_is_for_becomes_attributes(self, import_text: Import, ask: Ask) -> None:
        await import_text('Date,Description,Amount,Cost "centre"\n2024-03-01,"Née, Ltd",-1.00,"A ""B"" \\ c"\n')
        [row] = await ask(BOOKED)
        assert row["attributes"] == {'Cost "centre"': 'A "B" \\ c'}
        assert row["description"] == "Née, Ltd"

    async def test_a_description_may_be_missing(self, import_text: Import, ask: Ask) -> None:
        await import_text("Date,Description,Amount\n2024-03-01,,-1.00\n2024-03-01,A,-1.00\n")
        assert [row["description"] for row in await ask(BOOKED)] == ["", "A"]

    async def test_the_database_itself_refuses_counts_that_do_not_balance(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        with pytest.raises(errors.CheckViolation, match="rows_balance"):
            await ask("update ingest.batches set rows_loaded = 3 returning 1")


class TestRaw:
    async def test_bytes_are_kept_encrypted_under_their_digest(
        self, import_text: Import, ask: Ask, organization: Organization, database: Database
    ) -> None:
        from ai2.identity import organizations

        await import_text(MARCH)
        [raw] = await ask("select digest, size_bytes, blob_key from ingest.raw_files")
        assert raw["size_bytes"] == len(MARCH)
        assert b"Coffee" not in (Path(settings().blobs) / raw["blob_key"]).read_bytes()
        async with database.transaction(organization.organization_id) as db:
            key = await organizations.file_key(db, organization.organization_id)
        with blobs.get(raw["blob_key"], key) as kept:
            assert kept.read() == MARCH.encode()


class TestOnce:
    async def test_the_same_file_again_changes_nothing(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        again = await import_text(MARCH)
        assert again.rows.model_dump() == {"in": 4, "loaded": 0, "duplicate": 4, "quarantined": 0}
        assert len(await ask(BOOKED)) == 4

    async def test_a_duplicate_names_the_row_that_it_repeats(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        again = await import_text(MARCH)
        found = await ask(
            """
            select line.line_number, transaction.line_number as of_line
            from ingest.unloaded_lines as line join books.transactions as transaction using (transaction_id)
            where line.batch_id = %(batch_id)s order by 1
            """,
            batch_id=again.batch_id,
        )
        assert [row["line_number"] for row in found] == [row["of_line"] for row in found] == [2, 3, 4, 5]

    async def test_two_equal_rows_are_two_and_a_third_is_a_third(self, import_text: Import) -> None:
        await import_text(MARCH)
        row = "2024-03-02,Coffee,-3.20,96.80\n"
        again = await import_text(MARCH.replace(row, row * 2))
        assert (again.rows.loaded, again.rows.duplicate) == (1, 4)

    async def test_overlapping_files_share_their_rows(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        result = await import_text(OVERLAPPING)
        assert (result.rows.loaded, result.rows.duplicate) == (1, 3)
        assert len(await ask(BOOKED)) == 5

    async def test_the_order_of_rows_does_not_matter(self, import_text: Import) -> None:
        await import_text(MARCH)
        header, *rows = MARCH.splitlines()
        shuffled = "\n".join([header, *reversed(rows)]) + "\n"
        assert (await import_text(shuffled)).rows.loaded == 0

    async def test_another_account_has_rows_of_its_own(
        self, import_text: Import, database: Database, organization: Organization
    ) -> None:
        async with database.transaction(organization.organization_id) as db:
            other = await accounts.create(db, organization.organization_id, name="Other", currency="GBP")
        await import_text(MARCH)
        assert (await import_text(MARCH, into=other)).rows.loaded == 4

    async def test_a_deleted_row_stays_away(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        await ask("update books.transactions set deleted_at = now() where description = 'Rent' returning 1")
        assert (await import_text(MARCH)).rows.loaded == 0

    async def test_an_edited_row_is_still_known(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        await ask(
            "update books.transactions set description = 'Home', amount = -901 where description = 'Rent' returning 1"
        )
        assert (await import_text(MARCH)).rows.loaded == 0

    async def test_overlapping_files_in_one_zip(self, import_text: Import, ask: Ask) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("march.csv", MARCH)
            archive.writestr("april.csv", OVERLAPPING)
        result = await import_text(made.getvalue())
        assert result.rows.model_dump() == {"in": 8, "loaded": 5, "duplicate": 3, "quarantined": 0}
        assert sorted(row["line_number"] for row in await ask(BOOKED)) == [2, 3, 4, 5, 10]

    async def test_importers_of_the_same_file_at_once_make_no_twins(self, import_text: Import, ask: Ask) -> None:
        results = await asyncio.gather(*(import_text(MARCH) for _ in range(4)))
        assert sorted(result.rows.loaded for result in results) == [0, 0, 0, 4]
        assert len(await ask(BOOKED)) == 4


class TestProviderId:
    async def test_the_banks_id_knows_a_row_whatever_its_text(self, import_text: Import) -> None:
        await import_text(ofx(TEA, BUS))
        again = await import_text(ofx(TEA.replace("Tea &amp; Co", "TEA AND COMPANY"), BUS))
        assert (again.rows.loaded, again.rows.duplicate) == (0, 2)

    async def test_equal_rows_with_different_ids_are_different(self, import_text: Import) -> None:
        await import_text(ofx(TEA))
        later = await import_text(ofx(TEA.replace("A1", "A9")))
        assert later.rows.loaded == 1

    async def test_an_id_used_again_for_another_payment_loses_none(self, import_text: Import) -> None:
        await import_text(ofx(TEA))
        later = await import_text(ofx(TEA.replace("-6.60", "-7.00")))
        assert later.rows.loaded == 1

    async def test_an_id_that_all_rows_share_identifies_none(self, import_text: Import) -> None:
        same = ofx(TEA.replace("A1", "0"), TEA.replace("A1", "0"), BUS.replace("A2", "0"))
        assert (await import_text(same)).rows.loaded == 3
        assert (await import_text(same)).rows.loaded == 0

    @pytest.mark.parametrize("feed_first", [True, False])
    async def test_a_row_comes_once_by_csv_and_by_ofx(self, import_text: Import, feed_first: bool) -> None:
        table = "Date,Description,Amount\n2024-01-13,Tea & Co,-6.60\n2024-01-14,Bus,-2.50\n"
        first, second = (ofx(TEA, BUS), table) if feed_first else (table, ofx(TEA, BUS))
        await import_text(first)
        assert (await import_text(second)).rows.loaded == 0
        assert (await import_text(first)).rows.loaded == 0


class TestAsked:
    POSITIVE = "Date,Merchant,Amount\n2024-03-01,Ryman,66.15\n2024-03-02,Refund,-9.25\n2024-03-03,Tesco,5\n"

    async def test_a_question_loads_nothing_and_leaves_nothing(self, import_text: Import, ask: Ask) -> None:
        with pytest.raises(NeedsAnswer):
            await import_text(self.POSITIVE)
        assert await ask("select from ingest.batches") == []
        assert await ask("select from ingest.raw_files") == []

    async def test_the_answer_serves_the_next_file(self, import_text: Import, ask: Ask) -> None:
        await import_text(self.POSITIVE, positive_is="out")
        following = await import_text("Date,Merchant,Amount\n2024-04-01,Ryman,7\n")
        assert following.rows.loaded == 1
        assert [str(row["amount"]) for row in await ask(BOOKED)] == ["-66.15", "9.25", "-5.00", "-7.00"]

    async def test_a_layout_that_a_person_puts_is_used(
        self, import_text: Import, database: Database, organization: Organization, account: Account, ask: Ask
    ) -> None:
        await import_text(self.POSITIVE, positive_is="out")
        async with database.transaction(organization.organization_id) as db:
            [kept] = await saved.of_account(db, organization.organization_id, account.account_id)
            assert (kept.decided_by, kept.layout.positive_is) == ("person", "out")
            turned = kept.layout.model_copy(update={"positive_is": "in"})
            put = await saved.put(db, organization.organization_id, account.account_id, turned)
        assert put.version == 2
        await import_text("Date,Merchant,Amount\n2024-04-01,Gift,7\n")
        assert "7.00" in [str(row["amount"]) for row in await ask(BOOKED)]

    async def test_what_was_inferred_is_kept_as_inferred(
        self, import_text: Import, database: Database, organization: Organization, account: Account
    ) -> None:
        await import_text(MARCH)
        async with database.transaction(organization.organization_id) as db:
            [kept] = await saved.of_account(db, organization.organization_id, account.account_id)
        assert (kept.decided_by, kept.layout.positive_is, kept.version) == ("inferred", "in", 1)


class TestHeld:
    FAR = MARCH.replace("2024-03-05", "2064-03-05")

    async def test_a_failed_expectation_loads_nothing_and_says_why(self, import_text: Import, ask: Ask) -> None:
        result = await import_text(self.FAR)
        assert result.status == "held"
        assert [check["name"] for check in result.checks if not check["holds"]] == ["dates_in_range"]
        assert await ask(BOOKED) == []
        assert await ask("select from ingest.fingerprints") == []
        [batch] = await ask("select status, checks from ingest.batches")
        assert batch["status"] == "held"

    async def test_what_was_held_can_come_again_corrected(self, import_text: Import) -> None:
        await import_text(self.FAR)
        assert (await import_text(MARCH)).rows.loaded == 4

    async def test_a_file_of_which_most_cannot_be_read_is_held(self, import_text: Import) -> None:
        rows = "".join(f"2024-02-{30 + day % 2},A,-{day}.00\n" for day in range(1, 30))
        result = await import_text(MARCH.replace(",Balance", "").split("\n")[0] + "\n2024-02-01,A,-1.00\n" + rows)
        assert result.status == "held"
        assert [check["name"] for check in result.checks if not check["holds"]] == ["rows_read"]


class TestDryRun:
    async def test_gives_the_same_answer_and_writes_nothing(self, import_text: Import, ask: Ask) -> None:
        await import_text(MARCH)
        preview = await import_text(OVERLAPPING, dry_run=True)
        assert (preview.rows.loaded, preview.rows.duplicate, preview.batch_id) == (1, 3, None)
        assert preview.sample is not None
        assert preview.sample[0] == {
            "line_number": 2, "date": "2024-03-02", "amount": "-3.20", "currency": "GBP", "description": "Coffee",
            "merchant": None, "reference": None,
        }  # fmt: skip
        for table in ("ingest.batches", "ingest.raw_files", "ingest.layouts"):
            assert len(await ask(f"select from {table}")) == 1
        assert (await import_text(OVERLAPPING)).rows.loaded == 1


class TestAccount:
    async def test_an_archived_account_takes_nothing(
        self, import_text: Import, database: Database, organization: Organization, account: Account
    ) -> None:
        async with database.transaction(organization.organization_id) as db:
            await accounts.archive(db, organization.organization_id, account.account_id)
        with pytest.raises(problems.AccountIsArchived):
            await import_text(MARCH)

    async def test_a_strangers_account_is_not_there(
        self, database: Database, stranger: Organization, account: Account
    ) -> None:
        async with database.transaction(stranger.organization_id) as db:
            with pytest.raises(AccountNotFound):
                await service.import_file(
                    db,
                    organization_id=stranger.organization_id,
                    account_id=account.account_id,
                    file=io.BytesIO(MARCH.encode()),
                    file_name="statement.csv",
                )


class TestCouncil:
    """The real file: purchase cards, positive for money out."""

    async def test_asks_and_then_loads_every_row(
        self, data: Path, database: Database, organization: Organization, account: Account
    ) -> None:
        path = data / "purchases" / "council_cards_2013_2016.csv.gz"

        async def load(**options: str) -> service.ImportResult:
            async with database.transaction(organization.organization_id) as db:
                return await service.import_file(
                    db,
                    organization_id=organization.organization_id,
                    account_id=account.account_id,
                    file=path,
                    file_name=path.name,
                    options=ImportOptions.model_validate(options),
                    source=Source.CLI,
                )

        with pytest.raises(NeedsAnswer) as asking:
            await load()
        assert [question.field for question in asking.value.questions] == ["positive_is"]
        first = await load(positive_is="out")
        assert first.rows.model_dump() == {"in": 131_618, "loaded": 131_618, "duplicate": 0, "quarantined": 0}
        again = await load()
        assert again.rows.model_dump() == {"in": 131_618, "loaded": 0, "duplicate": 131_618, "quarantined": 0}
