"""Rates: across the euro, one's own first, of the last day that has one; frozen where books are closed."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ai2.books.periods import service as periods
from ai2.books.periods.service import PeriodClosed
from ai2.books.rates import ecb as exchange_rates
from ai2.books.rates import service as rates
from ai2.books.rates import source as rates_source
from ai2.books.rates.ecb import NoRates
from ai2.books.rates.service import OwnRateNotFound, Rate
from ai2.books.rates.source import RatesUnreachable
from ai2.identity.organizations import Organization
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings

# Friday and Monday; no other test has this year.
FRIDAY, SATURDAY, MONDAY = date(2004, 3, 5), date(2004, 3, 6), date(2004, 3, 8)
FILE = """Date,USD,GBP,JPY,SEK,
2004-03-08,1.2400,0.6700,138.00,N/A,
2004-03-05,1.2200,0.6650,135.00,9.2000,
"""
WHO = "user:x"


async def load(pipeline: Database, text: str) -> int:
    async with pipeline.transaction() as db:
        return await exchange_rates.put(db, exchange_rates.read(io.StringIO(text)))


@pytest.fixture
async def published(pipeline: Database) -> AsyncIterator[None]:
    """The rates of a week, with their history as it was before."""
    await load(pipeline, FILE)
    yield
    async with pipeline.transaction() as db:
        await db.execute("delete from books.exchange_rates where quoted_on between '2004-03-01' and '2004-03-31'")


class Desk:
    """One organization that asks."""

    def __init__(self, database: Database, organization: Organization) -> None:
        self.database, self.id = database, organization.organization_id

    async def rate(self, base: str, quote: str, on: date) -> Rate:
        async with self.database.transaction(self.id) as db:
            return await rates.rate(db, self.id, base, quote, on)

    async def set(self, base: str, quote: str, on: date, rate: str) -> Rate:
        async with self.database.transaction(self.id) as db:
            return await rates.set_own(db, self.id, base, quote, on, Decimal(rate), set_by=WHO)

    async def close(self, through: date) -> None:
        async with self.database.transaction(self.id) as db:
            await periods.close(db, self.id, through, closed_by=WHO)

    async def reopen(self, first_day: date) -> None:
        async with self.database.transaction(self.id) as db:
            await periods.reopen(db, self.id, first_day, reason="rates", reopened_by=WHO)


@pytest.fixture
def desk(database: Database, organization: Organization, published: None) -> Desk:
    return Desk(database, organization)


class TestPublished:
    @pytest.mark.parametrize(
        ("base", "quote", "on", "rate", "quoted_on", "source"),
        [
            ("EUR", "USD", FRIDAY, "1.22", FRIDAY, "ecb"),
            ("USD", "EUR", FRIDAY, "0.819672131148", FRIDAY, "ecb"),
            ("GBP", "USD", MONDAY, "1.85074626866", MONDAY, "ecb"),  # 1.24 / 0.67
            ("USD", "JPY", SATURDAY, "110.655737705", FRIDAY, "ecb"),
            # both have to be published of the same day
            ("SEK", "USD", MONDAY, "0.132608695652", FRIDAY, "ecb"),
            ("EUR", "USD", date(2004, 3, 15), "1.24", MONDAY, "ecb"),  # seven days old
            ("GBP", "GBP", date(1900, 1, 1), "1", date(1900, 1, 1), "same"),
        ],
    )
    async def test_the_last_of_up_to_seven_days_counts(
        self, desk: Desk, base: str, quote: str, on: date, rate: str, quoted_on: date, source: str
    ) -> None:
        found = await desk.rate(base, quote, on)
        assert (found.rate, found.quoted_on, found.source) == (Decimal(rate), quoted_on, source)
        assert found.reason is None

    @pytest.mark.parametrize(
        ("base", "on", "reason"),
        [
            ("USD", date(2004, 3, 16), "there is none of the 7 days before"),
            ("ZMW", FRIDAY, "no rate of ZMW is known"),
            ("USD", date(1980, 1, 1), "the first rate of USD is of"),
            ("USD", date.min, "the first rate of USD is of"),
        ],
    )
    async def test_without_one_there_is_a_reason_and_no_amount(
        self, desk: Desk, base: str, on: date, reason: str
    ) -> None:
        found = await desk.rate(base, "EUR", on)
        assert (found.rate, found.quoted_on, found.convert(Decimal(5))) == (None, None, None)
        assert reason in (found.reason or "")

    async def test_whoever_multiplies_by_what_is_told_gets_our_amount(self, desk: Desk) -> None:
        found = await desk.rate("USD", "JPY", FRIDAY)
        assert found.rate
        assert found.convert(Decimal("-1234567.89")) == round(Decimal("-1234567.89") * found.rate, 0)

    async def test_a_correction_keeps_what_was_known_before(self, desk: Desk, pipeline: Database) -> None:
        corrected = FILE.replace("1.2400", "1.2500")
        assert await load(pipeline, corrected) == 1
        assert await load(pipeline, corrected) == 0
        assert (await desk.rate("EUR", "USD", MONDAY)).rate == Decimal("1.25")
        async with pipeline.transaction() as db:
            [former] = await rows(
                db,
                """
                select former.per_euro, former.known_to = present.known_from as follows
                from books.exchange_rate_versions as former
                inner join books.exchange_rates as present using (currency, quoted_on)
                where currency = 'USD' and quoted_on = '2004-03-08' and former.per_euro <> present.per_euro
                order by former.known_from desc limit 1
                """,
            )
        assert (former["per_euro"], former["follows"]) == (Decimal("1.2400"), True)


class TestOwn:
    async def test_counts_before_the_published_one_and_for_nobody_else(
        self, desk: Desk, database: Database, stranger: Organization
    ) -> None:
        own = await desk.set("GBP", "USD", FRIDAY, "1.9")
        assert (own.rate, own.source) == (Decimal("1.9"), "own")
        assert (await desk.rate("USD", "GBP", SATURDAY)).rate == Decimal("0.526315789474")
        assert (await desk.rate("GBP", "USD", MONDAY)).source == "ecb"  # a later day was published
        assert (await Desk(database, stranger).rate("GBP", "USD", FRIDAY)).source == "ecb"

    async def test_the_last_word_counts_whichever_way_round_and_can_be_taken_back(self, desk: Desk) -> None:
        await desk.set("GBP", "USD", FRIDAY, "1.9")
        await desk.set("USD", "GBP", FRIDAY, "0.5")
        assert (await desk.rate("GBP", "USD", FRIDAY)).rate == 2
        async with desk.database.transaction(desk.id) as db:
            await rates.delete_own(db, desk.id, "GBP", "USD", FRIDAY, deleted_by=WHO)
            history = await rows(db, "select ended_by from books.own_rates")
        assert [row["ended_by"] for row in history] == [WHO, WHO]
        assert (await desk.rate("GBP", "USD", FRIDAY)).source == "ecb"
        with pytest.raises(OwnRateNotFound):
            async with desk.database.transaction(desk.id) as db:
                await rates.delete_own(db, desk.id, "GBP", "USD", FRIDAY, deleted_by=WHO)


class TestFrozen:
    async def test_closed_days_keep_the_rates_that_they_were_closed_by(self, desk: Desk, pipeline: Database) -> None:
        await desk.close(SATURDAY)
        await load(pipeline, FILE.replace("1.2400", "1.3").replace("1.2200", "1.3"))
        closed, later = await desk.rate("EUR", "USD", SATURDAY), await desk.rate("EUR", "USD", MONDAY)
        assert (closed.rate, later.rate, later.frozen_at) == (Decimal("1.22"), Decimal("1.3"), None)
        assert closed.frozen_at is not None
        await desk.close(MONDAY)
        await load(pipeline, FILE)
        assert (await desk.rate("EUR", "USD", SATURDAY)).rate == Decimal("1.22")
        assert (await desk.rate("EUR", "USD", MONDAY)).rate == Decimal("1.3")
        await desk.reopen(MONDAY)
        assert (await desk.rate("EUR", "USD", MONDAY)).rate == Decimal("1.24")

    async def test_what_was_not_known_at_the_close_is_not_filled_in(self, desk: Desk, pipeline: Database) -> None:
        await desk.close(date(2004, 3, 20))
        await load(pipeline, "Date,USD\n2004-03-18,1.5\n")
        found = await desk.rate("EUR", "USD", date(2004, 3, 18))
        assert found.rate is None
        assert "none was known when the period was closed" in (found.reason or "")
        await desk.reopen(date(2004, 3, 1))
        assert (await desk.rate("EUR", "USD", date(2004, 3, 18))).rate == Decimal("1.5")

    async def test_what_is_withdrawn_counts_on_in_closed_days_alone(self, desk: Desk, pipeline: Database) -> None:
        await desk.close(SATURDAY)
        async with pipeline.transaction() as db:
            await db.execute("delete from books.exchange_rates where currency = 'USD' and quoted_on = %s", [FRIDAY])
        assert (await desk.rate("EUR", "USD", SATURDAY)).rate == Decimal("1.22")
        await desk.reopen(FRIDAY)
        assert (await desk.rate("EUR", "USD", SATURDAY)).quoted_on != FRIDAY

    async def test_own_rates_of_closed_days_stay(self, desk: Desk) -> None:
        await desk.set("GBP", "USD", FRIDAY, "1.9")
        await desk.close(FRIDAY)
        with pytest.raises(PeriodClosed):
            await desk.set("GBP", "USD", FRIDAY, "2")
        await desk.set("GBP", "USD", SATURDAY, "2")
        assert (await desk.rate("GBP", "USD", FRIDAY)).rate == Decimal("1.9")


def zipped(text: str, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, text)
    return out.getvalue()


def damaged(raw: bytes) -> bytes:
    """What a line that broke made of it, in the middle of its first file."""
    return raw[:60] + bytes(255 - byte for byte in raw[60:80]) + raw[80:]


DAILY = "Date, USD, JPY, \n05 March 2004, 1.2200, 135.00, \n"


class TestFiles:
    @pytest.mark.parametrize(
        "raw", [FILE.encode(), b"\xef\xbb\xbf" + FILE.encode(), DAILY.encode(), zipped(DAILY, "eurofxref.csv")]
    )
    def test_reads_the_banks_files(self, raw: bytes) -> None:
        with exchange_rates.opened(io.BytesIO(raw)) as text:
            assert (FRIDAY, "USD", Decimal("1.22")) in list(exchange_rates.read(text))

    @pytest.mark.parametrize(
        "raw",
        [zipped(FILE, "a.csv", "b.csv"), zipped(FILE, "a.txt"), damaged(zipped(FILE, "a.csv")),
         zipped(FILE, "a.csv")[:60], b"PK\x03\x04", b"\xff\x00", b"Date, USD\n05 Brumaire 2004, 1\n"],
    )  # fmt: skip
    def test_refuses_others(self, raw: bytes) -> None:
        with pytest.raises(NoRates), exchange_rates.opened(io.BytesIO(raw)) as text:
            list(exchange_rates.read(text))

    async def test_is_fetched_from_where_the_settings_say(
        self, desk: Desk, pipeline: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "eurofxref-hist.zip"
        monkeypatch.setattr(settings(), "ecb_rates_url", str(file))
        with pytest.raises(RatesUnreachable, match="ai2 rates import"):
            await rates_source.refresh(pipeline)
        file.write_bytes(zipped(FILE.replace("1.2400", "1.2600"), "eurofxref-hist.csv"))
        assert await rates_source.refresh(pipeline) == 1
        assert await rates_source.refresh(pipeline) == 0
        assert (await desk.rate("EUR", "USD", MONDAY)).rate == Decimal("1.26")

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9/rates.zip", "http://", "nosuch://x/y"])
    def test_a_source_that_is_down_says_what_to_do(self, url: str) -> None:
        with pytest.raises(RatesUnreachable, match="ai2 rates import"):
            rates_source.fetch(url)
