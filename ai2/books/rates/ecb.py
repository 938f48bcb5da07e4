"""Exchange rates: what one euro was worth on a day, as the European Central Bank publishes it for everybody."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, BinaryIO, TextIO

from ai2.kit.database import Connection
from ai2.kit.errors import Unreadable

# eurofxref-hist.csv: a first column Date, then one a currency; N/A where there was no rate.
NO_RATE = frozenset({"", "N/A"})
# The file of one day, eurofxref.csv, writes that day as 27 November 2026, and spaces after its commas.
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
# All rates since 1999 take 5 MB; what expands to more is something else.
MOST_BYTES = 100_000_000
Quote = tuple[date, str, Decimal]


class NoRates(Unreadable):
    """This is no file of reference rates; eurofxref-hist.csv of the European Central Bank is one."""


@contextmanager
def opened(file: BinaryIO) -> Iterator[TextIO]:
    """The text of a file of rates, or of the one in a zip. Raises NoRates."""
    is_zip = file.read(4) == b"PK\x03\x04"
    file.seek(0)
    if not is_zip:
        yield _text(file)
        return
    try:
        with zipfile.ZipFile(file) as archive:
            members = [each for each in archive.infolist() if each.filename.lower().endswith(".csv")]
            if len(members) != 1 or members[0].file_size > MOST_BYTES:
                raise NoRates
            with archive.open(members[0]) as member:
                yield _text(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise NoRates("The archive is damaged or cut off; fetch it again.") from None


def _text(file: IO[bytes]) -> TextIO:
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")


def read(file: TextIO) -> Iterator[Quote]:
    """The quotes of a file: day, currency, how much of it one euro was. Raises NoRates with the line."""
    lines = csv.reader(file)
    header = [cell.strip() for cell in next(lines, [])]
    currencies = header[1:]
    if header[:1] != ["Date"] or not any(len(name) == 3 and name.isupper() for name in currencies):
        raise NoRates
    for number, line in enumerate(lines, 2):
        try:
            quoted_on = _day(line[0].strip())
            for currency, cell in zip(currencies, line[1:], strict=False):
                if len(currency) == 3 and cell.strip() not in NO_RATE:
                    yield quoted_on, currency, _positive(cell)
        except (ValueError, IndexError, InvalidOperation):
            raise NoRates(f"Line {number} is no day with rates.") from None


def _day(text: str) -> date:
    if text[:4].isdecimal():
        return date.fromisoformat(text)
    day, month, year = text.split(" ")
    return date(int(year), MONTHS.index(month.lower()) + 1, int(day))


def _positive(cell: str) -> Decimal:
    rate = Decimal(cell.strip())
    if not (rate.is_finite() and rate > 0):
        raise ValueError
    return rate


async def put(db: Connection, quotes: Iterable[Quote]) -> int:
    """Keep quotes; a later publication replaces an earlier one. `db` is the pipeline role's. Says how many changed."""
    await db.execute("drop table if exists pg_temp.quotes")
    await db.execute("create temporary table quotes (quoted_on date, currency text, per_euro numeric) on commit drop")
    async with db.cursor().copy("copy pg_temp.quotes from stdin") as copy:
        for quote in quotes:
            await copy.write_row(quote)
    written = await db.execute(
        """
        insert into books.exchange_rates as known (quoted_on, currency, per_euro)
        select distinct on (currency, quoted_on) quoted_on, currency, per_euro from pg_temp.quotes
        order by currency, quoted_on
        on conflict (currency, quoted_on) do update set per_euro = excluded.per_euro
        where known.per_euro <> excluded.per_euro
        """
    )
    return written.rowcount
