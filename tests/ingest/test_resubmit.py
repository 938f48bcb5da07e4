"""Quarantine: rejected rows go out as a file, come back corrected, and load once, where they stood."""

import csv
import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.layout.model import Options
from ai2.ingest.mending import rejects
from ai2.ingest.mending.rejects import ColumnsDoNotFit, NotRejects
from ai2.ingest.mending.replay import NotLoaded, ReplayHeld, replay
from ai2.ingest.mending.resubmit import Resubmission, resubmit
from ai2.ingest.mending.undo import undo
from ai2.ingest.problems import BatchNotFound, NeedsAnswer
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from tests.ingest.conftest import Ask, Import
from tests.ingest.test_undo import LIVE, balanced

PERSON = f"user:{new_id()}"
BROKEN = """Date,Description,Amount,Till
2024-03-01,Salary,2000.00,
2024-02-30,=SUM(A1:A9),-1.00,+44 20
2024-03-02,Coffee,-3.20,
2024-03-02,Coffee,three,'=x
"""

Download = Callable[[UUID | None], Awaitable[str]]
Send = Callable[..., Awaitable[Resubmission]]


@pytest.fixture
def download(database: Database, organization: Organization) -> Download:
    async def do(batch_id: UUID | None) -> str:
        assert batch_id
        async with database.transaction(organization.organization_id) as db:
            known = await service.batch(db, organization.organization_id, batch_id)
            rows = await service.batch_rows(db, organization.organization_id, batch_id, state="quarantined")
        return "".join(rejects.as_csv(rejects.files(known.layout), rows))

    return do


@pytest.fixture
def send(database: Database, organization: Organization) -> Send:
    async def do(batch_id: UUID | None, text: str | bytes, **options: Any) -> Resubmission:
        assert batch_id
        raw = text.encode() if isinstance(text, str) else text
        async with database.transaction(organization.organization_id, actor=PERSON) as db:
            return await resubmit(
                db, organization.organization_id, batch_id, raw, sent_by=PERSON, options=Options(**options)
            )

    return do


def outcome(found: Resubmission) -> tuple[int, int, int, list[int | None]]:
    return found.loaded, found.duplicate, found.quarantined, [each["line_number"] for each in found.ignored]


class TestFile:
    async def test_has_the_rows_as_they_came_with_line_and_reason(
        self, import_text: Import, download: Download
    ) -> None:
        text = await download((await import_text(BROKEN)).batch_id)
        header, first, second = csv.reader(io.StringIO(text))
        assert header == ["line", "reason_code", "reason", "Date", "Description", "Amount", "Till"]
        assert first[:2] == ["3", "bad_date"]
        assert first[3:] == ["2024-02-30", "'=SUM(A1:A9)", "-1.00", "'+44 20"]
        assert second[3:] == ["2024-03-02", "Coffee", "three", "''=x"]

    @given(st.text())
    def test_no_cell_is_a_formula_and_each_reads_back_exactly(self, cell: str) -> None:
        out = rejects.safe(cell)
        assert out[:1] not in tuple("=@\t\r\n")
        assert out[:1] not in tuple("+-") or rejects.NUMBER.fullmatch(out)
        assert rejects.plain(out) == cell

    async def test_sent_back_as_it_is_changes_nothing(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        done = await import_text(BROKEN)
        before = await ask("select * from ingest.unloaded_lines order by line_number")
        assert outcome(await send(done.batch_id, await download(done.batch_id))) == (0, 0, 2, [])
        assert await ask("select * from ingest.unloaded_lines order by line_number") == before
        assert await ask("select from ingest.corrections") == []


class TestCorrected:
    async def test_rows_load_into_their_batch_at_their_lines(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        done = await import_text(BROKEN)
        fixed = (await download(done.batch_id)).replace("2024-02-30", "2024-02-29").replace("three", "-3.20")
        assert outcome(await send(done.batch_id, fixed)) == (2, 0, 0, [])
        live = {row["line_number"]: row for row in await ask("select * from books.transactions")}
        assert live[3]["description"] == "=SUM(A1:A9)"
        assert live[3]["attributes"] == {"Till": "+44 20"}
        # equal to the row above, and a payment of its own all the same
        assert (live[5]["description"], str(live[5]["amount"])) == ("Coffee", "-3.20")
        [batch] = await balanced(ask)
        assert (batch["rows_in"], batch["rows_loaded"], batch["rows_quarantined"]) == (4, 4, 0)

    async def test_the_same_file_twice_changes_nothing(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        done = await import_text(BROKEN)
        fixed = (await download(done.batch_id)).replace("2024-02-30", "2024-02-29").replace("three", "-3.20")
        await send(done.batch_id, fixed)
        before = await ask("select * from books.transactions order by transaction_id")
        assert outcome(await send(done.batch_id, fixed)) == (0, 0, 0, [3, 5])
        assert await ask("select * from books.transactions order by transaction_id") == before

    async def test_some_rows_and_no_reasons_will_do(self, import_text: Import, send: Send, ask: Ask) -> None:
        done = await import_text(BROKEN)
        text = "line;Amount;Date;Description;Till\n3;-1.00;2024-02-29;Bread;\n"
        assert outcome(await send(done.batch_id, text)) == (1, 0, 0, [])
        assert "Bread" in [row["description"] for row in await ask(LIVE)]
        assert (await balanced(ask))[0]["rows_quarantined"] == 1

    async def test_what_still_cannot_be_read_has_its_new_reason(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        done = await import_text(BROKEN)
        fixed = (await download(done.batch_id)).replace("2024-02-30", "").replace("three", "-3.20")
        assert outcome(await send(done.batch_id, fixed)) == (1, 0, 1, [])
        [left] = await ask("select line_number, reason_code, original from ingest.unloaded_lines")
        assert left == {"line_number": 3, "reason_code": "no_date", "original": "2024-02-30,=SUM(A1:A9),-1.00,+44 20"}
        await balanced(ask)

    async def test_rows_that_are_not_quarantined_are_ignored(self, import_text: Import, send: Send, ask: Ask) -> None:
        done = await import_text(BROKEN)
        text = "line,Date,Description,Amount,Till\n" + "".join(
            f"{line},2024-02-29,Bread,-1.00,\n" for line in ("2", "3", "3", "99", "x")
        )
        assert outcome(await send(done.batch_id, text)) == (1, 0, 0, [None, 2, 3, 99])
        assert len(await ask(LIVE)) == 3

    async def test_a_known_row_is_a_duplicate(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        await import_text("Date,Description,Amount\n2024-02-29,=SUM(A1:A9),-1.00\n")
        done = await import_text(BROKEN)
        fixed = (await download(done.batch_id)).replace("2024-02-30", "2024-02-29")
        assert outcome(await send(done.batch_id, fixed)) == (0, 1, 1, [])
        await balanced(ask)

    async def test_rows_of_a_zip_go_to_their_files(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a.csv", BROKEN)
            archive.writestr("b.csv", "Datum;Text;Betrag\n01.03.2024;Brot;-1,50\n31.02.2024;Milch;-2,50\n")
        done = await import_text(made.getvalue())
        text = await download(done.batch_id)
        assert "line,reason_code,reason,Datum,Text,Betrag" in text
        fixed = text.replace("31.02.2024", "28.02.2024").replace("2024-02-30", "2024-02-29")
        assert outcome(await send(done.batch_id, fixed)) == (2, 0, 1, [])
        assert ("Milch", 8) in [(row["description"], row["line_number"]) for row in await ask(LIVE)]
        await balanced(ask)

    async def test_a_date_that_can_be_two_days_is_asked(self, import_text: Import, send: Send) -> None:
        done = await import_text(BROKEN)
        text = "line,Date,Description,Amount,Till\n3,02/03/2024,Bread,-1.00,\n"
        with pytest.raises(NeedsAnswer):
            await send(done.batch_id, text)
        assert outcome(await send(done.batch_id, text, date_order="dmy")) == (1, 0, 0, [])

    async def test_a_date_beyond_all_expectation_loads_nothing(self, import_text: Import, send: Send, ask: Ask) -> None:
        done = await import_text(BROKEN)
        with pytest.raises(ReplayHeld):
            await send(done.batch_id, "line,Date,Description,Amount,Till\n3,2088-02-29,Bread,-1.00,\n")
        assert len(await ask(LIVE)) == 2


class TestAfterwards:
    async def test_a_replay_keeps_the_corrections(
        self, import_text: Import, download: Download, send: Send, ask: Ask, database: Database,
        organization: Organization,
    ) -> None:  # fmt: skip
        done = await import_text(BROKEN)
        await send(done.batch_id, (await download(done.batch_id)).replace("2024-02-30", "2024-02-29"))
        async with database.transaction(organization.organization_id) as db:
            found = await replay(db, organization.organization_id, done.batch_id, replayed_by=PERSON, apply=True)  # type: ignore[arg-type]
        assert not found.differs
        assert len(await ask(LIVE)) == 3

    async def test_an_undo_takes_them_back_too(
        self, import_text: Import, download: Download, send: Send, ask: Ask, database: Database,
        organization: Organization,
    ) -> None:  # fmt: skip
        done = await import_text(BROKEN)
        fixed = (await download(done.batch_id)).replace("2024-02-30", "2024-02-29").replace("three", "-3.20")
        await send(done.batch_id, fixed)
        async with database.transaction(organization.organization_id) as db:
            report = await undo(db, organization.organization_id, done.batch_id, undone_by=PERSON)  # type: ignore[arg-type]
        assert report["closed"] == 4
        assert await ask(LIVE) == []
        with pytest.raises(NotLoaded):
            await send(done.batch_id, fixed)
        assert (await import_text(BROKEN)).rows.loaded == 2


class TestWithoutColumns:
    OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP<BANKTRANLIST>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240301<TRNAMT>-6.60<FITID>A1<NAME>Tea</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20241399<TRNAMT>-2.50<FITID>A2<NAME>Bus</STMTTRN>
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""

    async def test_date_amount_and_description_are_filled_in(
        self, import_text: Import, download: Download, send: Send, ask: Ask
    ) -> None:
        done = await import_text(self.OFX)
        rows = list(csv.reader(io.StringIO(await download(done.batch_id))))
        assert rows[0] == ["line", "reason_code", "reason", "date", "amount", "description", "original"]
        assert rows[1][3:6] == ["", "", ""]
        assert "Bus" in rows[1][6]
        line = rows[1][0]
        empty = f"line,date,amount,description\n{line},,,\n"
        assert outcome(await send(done.batch_id, empty)) == (0, 0, 0, [int(line)])
        filled = f"line,date,amount,description\n{line},2024-03-02,-2.50,Bus\n"
        assert outcome(await send(done.batch_id, filled)) == (1, 0, 0, [])
        assert [row["description"] for row in await ask(LIVE)] == ["Bus", "Tea"]
        await balanced(ask)


class TestRefused:
    @pytest.mark.parametrize("text", ["Date,Description\n2024-01-01,x\n", "line\n3\n"])
    async def test_another_file(self, import_text: Import, send: Send, text: str) -> None:
        done = await import_text(BROKEN)
        with pytest.raises(NotRejects):
            await send(done.batch_id, text)

    async def test_other_columns(self, import_text: Import, send: Send) -> None:
        done = await import_text(BROKEN)
        with pytest.raises(ColumnsDoNotFit):
            await send(done.batch_id, "line,Day,Text\n3,2024-01-01,x\n")

    async def test_a_strangers_batch(self, import_text: Import, database: Database, stranger: Organization) -> None:
        done = await import_text(BROKEN)
        async with database.transaction(stranger.organization_id) as db:
            with pytest.raises(BatchNotFound):
                await resubmit(db, stranger.organization_id, done.batch_id, b"line,a\n1,b\n", sent_by=PERSON)  # type: ignore[arg-type]
