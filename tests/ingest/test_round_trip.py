"""Round trip: any list of transactions, written as a bank might and read again, is the same list."""

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.ingest.reading import read

Entry = tuple[date, Decimal, str]
# Letters of the alphabets that the encodings share, and what makes CSV hard.
TEXT = st.text(alphabet="abcXYZ 0123456789,;\"|'&/éü.-", min_size=1, max_size=30).map(
    lambda text: " ".join(text.split()).strip()
)
ENTRY = st.tuples(
    st.dates(date(1980, 1, 1), date(2060, 12, 31)),
    st.integers(-(10**9), 10**9).filter(bool).map(lambda minor: Decimal(minor) / 100),
    TEXT.filter(lambda text: any(letter.isalpha() for letter in text)),
)


@dataclass(frozen=True)
class Dialect:
    """How a bank writes: between cells, in dates, before decimals, for signs, in which bytes."""

    delimiter: str
    date_format: str
    decimal_mark: str
    signs: str
    encoding: str
    end: str

    def write(self, entries: list[Entry]) -> bytes:
        table = io.StringIO()
        writer = csv.writer(table, delimiter=self.delimiter, lineterminator=self.end)
        money = {"signed": ["Amount"], "columns": ["Debit", "Credit"], "flag": ["Amount", "D/C"], "suffix": ["Amount"]}
        writer.writerow(["Date", "Description", *money[self.signs]])
        for day, amount, text in entries:
            writer.writerow([day.strftime(self.date_format), text, *self._money(amount)])
        return table.getvalue().encode(self.encoding)

    def _money(self, amount: Decimal) -> list[str]:
        size = self._number(abs(amount))
        match self.signs:
            case "columns":
                return [size, ""] if amount < 0 else ["", size]
            case "flag":
                return [size, "D" if amount < 0 else "C"]
            case "suffix":
                return [f"{size} DR" if amount < 0 else f"{size} CR"]
        return [f"-{size}" if amount < 0 else size]

    def _number(self, size: Decimal) -> str:
        text = f"{size:,.2f}"
        return text if self.decimal_mark == "." else text.translate(str.maketrans(",.", ".,"))


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    date_format=st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d %b %Y"]),
    decimal_mark=st.sampled_from([".", ","]),
    signs=st.sampled_from(["signed", "columns", "flag", "suffix"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
ORDERS = {"%d/%m/%Y": "dmy", "%m/%d/%Y": "mdy", "%d.%m.%Y": "dmy"}


class TestRoundTrip:
    @settings(
        max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
    )
    @given(st.lists(ENTRY, min_size=1, max_size=12), DIALECTS)
    def test_the_same_list_comes_back(self, entries: list[Entry], dialect: Dialect) -> None:
        assume(not any(_is_summary(text) for _, _, text in entries))
        answers = {"positive_is": "in"} if dialect.signs == "signed" else {}
        order = ORDERS.get(dialect.date_format)
        found = read(dialect.write(entries), **answers, **({"date_order": order} if order else {}))
        assert [(line["booked_on"], line["amount"], line["description"]) for line in found.lines.to_pylist()] == entries


def _is_summary(text: str) -> bool:
    return text.lower() in ("total", "summe")
