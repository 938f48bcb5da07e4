"""Exchange rates: what one euro was worth on a day, as the European Central Bank publishes it for everybody."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TextIO

from ai2.kit.database import Connection
from ai2.kit.errors import Unreadable

# eurofxref-hist.csv: a first column Date, then one a currency; N/A where there was no rate.
NO_RATE = frozenset({"", "N/A"})
Quote = tuple[date, str, Decimal]


class NoRates(Unreadable):
    """This is no file of reference rates; eurofxref-hist.csv of the European Central Bank is one."""


def read(file: TextIO) -> Iterator[Quote]:
    """The quotes of a file: day, currency, how much of it one euro was. Raises NoRates with the line."""
    lines = csv.reader(file)
    header = [cell.strip() for cell in next(lines, [])]
    currencies = header[1:]
    if header[:1] != ["Date"] or not any(len(name) == 3 and name.isupper() for name in currencies):
        raise NoRates
    for number, line in enumerate(lines, 2):
        try:
            quoted_on = date.fromisoformat(line[0].strip())
            for currency, cell in zip(currencies, line[1:], strict=False):
                if len(currency) == 3 and cell.strip() not in NO_RATE:
                    yield quoted_on, currency, _positive(cell)
        except (ValueError, IndexError, InvalidOperation):
            raise NoRates(f"Line {number} is no day with rates.") from None


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
