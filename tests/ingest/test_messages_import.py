"""Bank messages on their way into the books: nothing twice, nothing lost, whichever message comes first."""

from tests.ingest.conftest import Ask, Import
from tests.ingest.test_camt import balance, camt, entry, statement
from tests.ingest.test_mt940 import COFFEE, INTERIM, WAGES, message

BOOKS = "select status, amount::text as amount from books.transactions where deleted_at is null order by amount"
REFERENCE = "<AcctSvcrRef>B20240113001</AcctSvcrRef>"


class TestSameFile:
    async def test_three_times_is_once(self, import_text: Import, ask: Ask) -> None:
        text = camt(statement(entry(more=REFERENCE), entry(more=REFERENCE.replace("001<", "002<")), entry("1.00")))
        first, *again = [await import_text(text) for _ in range(3)]
        assert (first.rows.loaded, [each.rows.duplicate for each in again]) == (3, [3, 3])
        assert len(await ask(BOOKS)) == 3

    async def test_the_rows_balance_whatever_is_rejected(self, import_text: Import) -> None:
        found = await import_text(message(COFFEE, ":61:2401130113D1,0x0", COFFEE, WAGES))
        assert found.rows.model_dump(by_alias=True) == {"in": 4, "loaded": 3, "duplicate": 0, "quarantined": 1}


class TestAnnounced:
    async def test_the_statement_books_what_the_interim_report_announced(self, import_text: Import, ask: Ask) -> None:
        await import_text(INTERIM)
        assert [row["status"] for row in await ask(BOOKS)] == ["pending", "pending"]
        await import_text(message(COFFEE, WAGES, closing="C240114GBP1293,40"))
        assert [(row["status"], row["amount"]) for row in await ask(BOOKS)] == [
            ("posted", "-6.60"),
            ("posted", "1200.00"),
        ]

    async def test_the_banks_reference_links_what_changed(self, import_text: Import, ask: Ask) -> None:
        announced = entry("7.00", status="<Sts>PDNG</Sts>", more=REFERENCE)
        await import_text(camt(statement(announced, kind="052"), kind="052"))
        await import_text(camt(statement(balance("CLBD", "1", "2024-01-13"), entry("6.60", more=REFERENCE))))
        assert [(row["status"], row["amount"]) for row in await ask(BOOKS)] == [("posted", "-6.60")]
