"""Frames: the copied rows of an organization as numbers, a frame for each currency."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ml.anomalies.known import prepare

FIRST_DAY = date(2000, 1, 1)
FIXED = ("transaction_id", "currency", "day", "merchant", "account", "category", "amount", "suspect")
# Fewer values say nothing: it is the same everywhere.
LEAST_VALUES = 2


@dataclass(frozen=True)
class Frame:
    """The rows of one currency, prepared, by day; `place` is where each stands, and `ids` who it is."""

    currency: str
    rows: pd.DataFrame
    contexts: list[str]
    merchants: list[str]
    ids: pa.StringArray

    def id_of(self, place: int) -> UUID:
        return UUID(self.ids[place].as_py())


def number_of(day: date) -> int:
    return (day - FIRST_DAY).days


def day_of(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def read(copied: bytes, names: Sequence[str]) -> Iterator[Frame]:
    """A frame for each currency. `names` are the columns of files that were copied too."""
    if not copied:
        return
    attributes = [f"attribute {name}" for name in names]
    text = {name: pa.string() for name in (*FIXED, *attributes)}
    table = csv.read_csv(
        io.BytesIO(copied),
        read_options=csv.ReadOptions(column_names=[*FIXED, *attributes]),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={**text, "day": pa.int32(), "amount": pa.float64()}, strings_can_be_null=False
        ),
    )
    for currency in pc.unique(table["currency"]).to_pylist():
        yield _frame(table.filter(pc.equal(table["currency"], currency)), currency, attributes)


def _frame(table: pa.Table, currency: str, attributes: Sequence[str]) -> Frame:
    merchants = table["merchant"].combine_chunks().dictionary_encode()
    rows = pd.DataFrame({
        "day": table["day"].to_numpy(),
        "amount": table["amount"].to_numpy(),
        # who is not named is nobody's merchant
        "merchant": pc.if_else(pc.equal(table["merchant"].combine_chunks(), ""), -1, merchants.indices).to_numpy(),
        "suspect": pc.equal(table["suspect"], "t").to_numpy(),
        **{
            name: table[name].combine_chunks().dictionary_encode().indices.to_numpy()
            for name in ("account", "category", *attributes)
        },
    })  # fmt: skip
    rows["place"] = range(len(rows))
    contexts = [name for name in ("account", "category", *attributes) if rows[name].nunique() >= LEAST_VALUES]
    ids = table["transaction_id"].combine_chunks()
    return Frame(currency, prepare(rows, contexts), contexts, merchants.dictionary.to_pylist(), ids)
