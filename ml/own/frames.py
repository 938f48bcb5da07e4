"""Frames: columns as people have them, as the rows that a model sees."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ai2.kit.merchant_keys import merchant_keys
from ml.own.contexts import ATTRIBUTES, Rows, rows_of

if TYPE_CHECKING:
    import pandas as pd

EPOCH = np.datetime64("2000-01-01", "D")
# What is known of every movement; all other columns are attributes.
KNOWN = frozenset({"description", "merchant", "merchant_key", "amount", "date", "label", "weight"})
Objects = NDArray[np.object_]


def rows_of_frame(frame: "pd.DataFrame", attributes: Sequence[str]) -> Rows:
    """Rows of a frame with `description` and `amount`, and perhaps `merchant`, `date` and these attributes.

    Where there are no dates, each row is a day later than the one before.
    """
    texts = column(frame, "description")
    amounts = np.asarray(frame["amount"].astype("float64").fillna(0), dtype=np.float64)
    days = days_of(frame["date"]) if "date" in frame else np.arange(len(frame), dtype=np.int32)
    return rows_of(texts, keys_of(frame), amounts, days, named(attributes, lambda name: column(frame, name)))


def keys_of(frame: "pd.DataFrame") -> Objects:
    """The merchant of each row, as the books tell merchants apart."""
    if "merchant_key" in frame:
        return column(frame, "merchant_key")
    texts = pa.array(column(frame, "description").tolist(), pa.string())
    merchants = column(frame, "merchant").tolist() if "merchant" in frame else [None] * len(frame)
    return np.array(merchant_keys(texts, pa.array(merchants, pa.string())).to_pylist(), dtype=object)


def named(attributes: Sequence[str], of: Any) -> dict[str, Objects]:
    """The organization's columns by the names that contexts have for them."""
    return {ours: of(theirs) for ours, theirs in zip(ATTRIBUTES, attributes, strict=False)}


def column(frame: "pd.DataFrame", name: str) -> Objects:
    """A column as texts, empty where there is no value or no such column."""
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[name].astype(object)
    return np.array(
        ["" if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)], object
    )


def days_of(dates: "pd.Series[Any]") -> NDArray[np.int32]:
    """Days since 2000; a date that cannot be read is an error."""
    import pandas as pd

    return (pd.to_datetime(dates).to_numpy("datetime64[D]") - EPOCH).astype(np.int32)


def day_of(day: date) -> int:
    return int((np.datetime64(day, "D") - EPOCH).astype(int))


def attribute_columns(frame: "pd.DataFrame") -> Mapping[str, Objects]:
    """The columns that are an organization's own."""
    return {str(name): column(frame, str(name)) for name in frame.columns if name not in KNOWN}
