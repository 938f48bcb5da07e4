"""The dedupe contract, docs/reference/dedupe.md: no twin and no loss, in whatever order and form the rows come."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from ai2.books.accounts.service import Account
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Actions, Conditions, TextTest
from ai2.books.rules.runs_repository import Scope
from ai2.books.transactions import bulk
from ai2.books.transactions import service as transactions
from ai2.identity.organizations import Organization
from ai2.ingest.lines import lines_of
from ai2.ingest.loading import identities
from ai2.ingest.loading.fingerprint import fingerprints
from ai2.kit.database import Database
from tests.ingest.conftest import Ask, Import

Row = tuple[str, str, str]
COFFEE = ("2024-03-02", "-3.20", "COFFEE SHOP")
TEA = ("2024-03-02", "-2.10", "TEA ROOM")
RENT = ("2024-03-01", "-900.00", "RENT MARCH")
PAY = ("2024-03-05", "2500.00", "SALARY ACME")
Books = Callable[[], Awaitable[Counter[Row]]]


def csv(*rows: Row) -> str:
    return "Date,Amount,Description\n" + "".join(f"{day},{amount},{text}\n" for day, amount, text in rows)


def feed(*rows: tuple[str, Row]) -> str:
    """A bank feed's rows: each with the provider's id."""
    return "".join(
        json.dumps({"id": given, "date": day, "amount": amount, "currency": "GBP", "description": text}) + "\n"
        for given, (day, amount, text) in rows
    )


def ofx(*rows: tuple[str, Row]) -> str:
    lines = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day.replace('-', '')}<TRNAMT>{amount}<FITID>{given}<NAME>{text}</STMTTRN>\n"
        for given, (day, amount, text) in rows
    )
    return f"""OFXHEADER:100
<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST>{lines}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""


@pytest.fixture
def books(ask: Ask) -> Books:
    async def do() -> Counter[Row]:
        found = await ask(
            "select booked_on::text as day, amount::text, description from books.transactions where deleted_at is null"
        )
        return Counter((row["day"], row["amount"], row["description"]) for row in found)

    return do


class TestTheSameAgain:
    async def test_one_file_three_times(self, import_text: Import, books: Books) -> None:
        rows = [COFFEE, COFFEE, TEA, RENT]
        results = [await import_text(csv(*rows)) for _ in range(3)]
        assert [result.rows.loaded for result in results] == [4, 0, 0]
        assert await books() == Counter(rows)

    async def test_shuffled(self, import_text: Import, books: Books) -> None:
        rows = [COFFEE, COFFEE, COFFEE, TEA, RENT, PAY]
        await import_text(csv(*rows))
        seed = random.randrange(10**6)
        print(f"seed {seed}")
        random.Random(seed).shuffle(rows)
        assert (await import_text(csv(*rows, COFFEE))).rows.loaded == 1
        assert await books() == Counter([*rows, COFFEE])

    async def test_overlapping_periods(self, import_text: Import, books: Books) -> None:
        await import_text(csv(RENT, COFFEE, COFFEE))
        assert (await import_text(csv(COFFEE, COFFEE, TEA, PAY))).rows.loaded == 2
        assert await books() == Counter([RENT, COFFEE, COFFEE, TEA, PAY])

    @pytest.mark.parametrize("times", [2, 5, 40])
    async def test_equal_rows_are_as_many_as_they_are(self, import_text: Import, books: Books, times: int) -> None:
        await import_text(csv(*[COFFEE] * times))
        await import_text(csv(*[COFFEE] * (times - 1)))
        await import_text(csv(*[COFFEE] * (times + 1)))
        assert await books() == Counter({COFFEE: times + 1})


class TestFeedAndFile:
    @pytest.mark.parametrize("form", [feed, ofx])
    async def test_file_after_feed(self, import_text: Import, books: Books, form: Callable[..., str]) -> None:
        await import_text(form(("a", COFFEE), ("b", COFFEE), ("c", TEA)))
        assert (await import_text(csv(COFFEE, COFFEE, TEA, PAY))).rows.loaded == 1
        assert await books() == Counter([COFFEE, COFFEE, TEA, PAY])

    @pytest.mark.parametrize("form", [feed, ofx])
    async def test_feed_after_file(self, import_text: Import, books: Books, form: Callable[..., str]) -> None:
        await import_text(csv(COFFEE, COFFEE, TEA))
        assert (await import_text(form(("a", COFFEE), ("b", COFFEE), ("c", TEA), ("d", PAY)))).rows.loaded == 1
        assert await books() == Counter([COFFEE, COFFEE, TEA, PAY])

    async def test_equal_rows_that_a_feed_brings_one_by_one(self, import_text: Import, books: Books) -> None:
        await import_text(feed(("a", COFFEE)))
        assert (await import_text(feed(("b", COFFEE)))).rows.loaded == 1, "another id is another payment"
        assert (await import_text(csv(COFFEE, COFFEE))).rows.loaded == 0
        assert (await import_text(csv(COFFEE, COFFEE, COFFEE))).rows.loaded == 1
        assert await books() == Counter({COFFEE: 3})

    async def test_a_feed_takes_the_files_rows_one_by_one(self, import_text: Import, books: Books) -> None:
        await import_text(csv(COFFEE, COFFEE))
        for given in ("a", "b"):
            assert (await import_text(feed((given, COFFEE)))).rows.loaded == 0
        assert (await import_text(feed(("c", COFFEE)))).rows.loaded == 1, "both of the file's are taken"
        assert await books() == Counter({COFFEE: 3})

    async def test_two_sources_with_ids_of_their_own(self, import_text: Import, books: Books) -> None:
        card = ("2024-03-02", "-3.20", "TESCO STORES 6123 LONDON GB")
        named = ("2024-03-02", "-3.20", "Tesco Stores")
        await import_text(ofx(("F1", card)))
        assert (await import_text(feed(("a", named)))).rows.loaded == 0
        assert (await import_text(feed(("b", named)))).rows.loaded == 1, "the feed has said that one before"
        assert (await import_text(ofx(("F2", card)))).rows.loaded == 0
        assert await books() == Counter([card, named])

    async def test_sources_that_word_one_payment_differently(self, import_text: Import, books: Books) -> None:
        card = ("2024-03-02", "-3.20", "CARD PAYMENT TO TESCO STORES 6123 LONDON GB")
        await import_text(csv(card, card))
        named = ("2024-03-02", "-3.20", "Tesco Stores")
        assert (await import_text(feed(("a", named), ("b", named), ("c", named)))).rows.loaded == 1
        assert await books() == Counter({card: 2, named: 1})
        assert (await import_text(feed(("a", named), ("b", named), ("c", named)))).rows.loaded == 0

    @pytest.mark.parametrize("by", ["rule", "person", "bulk"])
    async def test_a_merchant_that_was_given_another_name_is_known_by_its_own(
        self, import_text: Import, books: Books, database: Database, organization: Organization, by: str, ask: Ask
    ) -> None:
        card = ("2024-03-02", "-3.20", "CARD PAYMENT TO TESCO STORES 6123 LONDON GB")
        await import_text(csv(card))
        [known] = await ask("select transaction_id, merchant_key from books.transactions")
        who, named = organization.organization_id, {"merchant": "Aunt Tess"}
        async with database.transaction(who, actor="user:x") as db:
            if by == "person":
                await transactions.update(db, who, known["transaction_id"], named)
            elif by == "bulk":
                await bulk.update(db, who, [bulk.Wanted(known["transaction_id"], "items.0")], named)
            else:
                rule = await rules.create(
                    db, who, name="Tess", conditions=Conditions(description=TextTest("contains", "TESCO")),
                    actions=Actions(merchant="Aunt Tess"),
                )  # fmt: skip
                applied = await rule_runs.apply(db, who, rule.rule_id, scope=Scope(), applied_by="user:x")
        keys = "select merchant_key, source_key from books.transactions"
        assert await ask(keys) == [{"merchant_key": "aunt tess", "source_key": known["merchant_key"]}]
        assert (await import_text(feed(("a", ("2024-03-02", "-3.20", "Tesco Stores"))))).rows.duplicate == 1
        if by == "rule":
            async with database.transaction(who, actor="user:x") as db:
                await rule_runs.undo(db, who, applied.application_id, undone_by="user:x")
            assert await ask(keys) == [{"merchant_key": known["merchant_key"], "source_key": None}]

    async def test_one_source_that_words_two_payments_differently_has_two(
        self, import_text: Import, books: Books
    ) -> None:
        await import_text(csv(("2024-03-02", "-3.20", "TESCO STORES 6123 LONDON")))
        assert (await import_text(csv(("2024-03-02", "-3.20", "TESCO STORES 7999 LONDON")))).rows.loaded == 1

    async def test_what_a_person_wrote_down_before_is_not_brought_again(
        self, import_text: Import, books: Books, database: Database, organization: Organization, account: Account
    ) -> None:
        written = transactions.NewTransaction(
            booked_on=date(2024, 3, 2), amount=Decimal("-3.20"), currency="GBP",
            description="Tesco Stores", account_id=account.account_id,
        )  # fmt: skip
        async with database.transaction(organization.organization_id, actor="user:x") as db:
            await transactions.create(db, organization.organization_id, written)
        assert (await import_text(csv(("2024-03-02", "-3.20", "TESCO STORES 6123 LONDON")))).rows.duplicate == 1


class TestProvidersIds:
    async def test_an_id_used_again_for_another_payment(self, import_text: Import, books: Books) -> None:
        await import_text(ofx(("1", COFFEE)))
        assert (await import_text(ofx(("1", TEA)))).rows.loaded == 1
        assert await books() == Counter([COFFEE, TEA])

    async def test_an_id_that_stands_twice_in_one_file_identifies_nothing(
        self, import_text: Import, books: Books
    ) -> None:
        rows = [("0", COFFEE), ("0", COFFEE), ("0", TEA)]
        await import_text(ofx(*rows))
        assert (await import_text(ofx(*rows))).rows.loaded == 0
        assert await books() == Counter([COFFEE, COFFEE, TEA])

    async def test_rows_with_and_without_an_id_in_one_file(self, import_text: Import, books: Books) -> None:
        mixed = ofx(("a", COFFEE), ("0", COFFEE), ("0", TEA))
        await import_text(mixed)
        assert (await import_text(mixed)).rows.loaded == 0
        assert await books() == Counter([COFFEE, COFFEE, TEA])


class TestManyAtOnce:
    async def test_eight_importers_of_overlapping_files(
        self, import_text: Import, books: Books, database: Database
    ) -> None:
        rows = [("2024-03-02", f"-{number % 7 + 1}.00", f"SHOP {number % 11}") for number in range(60)]
        texts = [csv(*rows[start : start + 40]) for start in range(0, 24, 3)]
        await asyncio.gather(*(import_text(text) for text in texts))
        most = Counter[Row]()
        for start in range(0, 24, 3):
            most |= Counter(rows[start : start + 40])
        assert await books() == most


class TestWhatWentStaysAway:
    async def test_deleted_rows(
        self, import_text: Import, books: Books, ask: Ask, database: Database, organization: Organization
    ) -> None:
        await import_text(csv(COFFEE, COFFEE, TEA))
        [gone, *_] = await ask("select transaction_id from books.transactions where amount = -3.20")
        async with database.transaction(organization.organization_id, actor="user:x") as db:
            await transactions.delete(db, organization.organization_id, gone["transaction_id"])
        for text in (csv(COFFEE, COFFEE, TEA), feed(("a", COFFEE), ("b", COFFEE))):
            assert (await import_text(text)).rows.loaded == 0
        assert await books() == Counter([COFFEE, TEA])


class TestUpgrade:
    async def test_rows_of_version_1_are_known(
        self,
        import_text: Import,
        books: Books,
        ask: Ask,
        database: Database,
        organization: Organization,
        account: Account,
    ) -> None:
        rows = [COFFEE, COFFEE, TEA]
        await import_text(csv(*rows))
        await self._as_version_1_left_it(ask, database, organization, account)
        assert await ask("select from ingest.identities") == []
        assert (await import_text(csv(*rows, COFFEE, PAY))).rows.loaded == 2
        assert (await import_text(csv(*rows, COFFEE, PAY))).rows.loaded == 0
        assert (await import_text(ofx(("a", COFFEE), ("b", TEA)))).rows.loaded == 0
        assert await books() == Counter([*rows, COFFEE, PAY])

    async def _as_version_1_left_it(
        self, ask: Ask, database: Database, organization: Organization, account: Account
    ) -> None:
        """Put the fingerprints of version 1 in the place of the identities."""
        known = await ask("select * from books.transactions order by line_number")
        lines = lines_of(
            [
                {name: row[name] for name in ("line_number", "booked_on", "amount", "currency", "description")}
                for row in known
            ]
        )
        content, _ = fingerprints(lines, account.account_id)
        async with database.transaction(organization.organization_id) as db:
            await db.execute("delete from ingest.identities")
            for row, fingerprint in zip(known, content.to_pylist(), strict=True):
                await db.execute(
                    "insert into ingest.fingerprints values (%s, %s::bytea, 1, 'content', %s)",
                    [organization.organization_id, fingerprint, row["transaction_id"]],
                )

    def test_version_2_is_what_it_was(self) -> None:
        row = {"line_number": 2, "booked_on": date(2024, 3, 2), "amount": Decimal("-3.20"), "currency": "GBP"}
        lines = lines_of([{**row, "description": "Coffee  SHOP", "provider_id": "A1"}])
        account_id = UUID("01890000-0000-7000-8000-000000000001")
        found = identities.identities(lines, account_id, identities.known_ids(lines), ids_are_stable=False)
        assert [each.to_pylist() for each in found] == [
            ["\\xeacff21099c0cfdce2ba11c778c76e73"],
            ["\\xfbce1d8fe816f5c508fd5a6c128e9101"],
        ]
