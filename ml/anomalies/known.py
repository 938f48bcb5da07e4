"""What is known: the rows of one currency that a period is judged by, and what they say of merchants and contexts.

A context is what a row says beside its merchant: its account, its category, a column of the file such as a cost centre.
Amounts are looked at as logarithms, for what is usual is a matter of proportion; as floats they are only compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# A context's own rows count as much as those of all once there are so many of them.
POOLED = 20
# How often rows come twice changes over the years.
TWIN_DAYS, NEAR_DAYS = 365, 3
# So many rows of a merchant that were found unusual are what is usual now.
USUAL_AFTER = 3
# Of the rows of an organization that nothing is known of, one in so many comes twice.
TWINS_OF_NOBODY = (1.0, 100.0)
SMALLEST = 0.01
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Overall:
    """What all rows say: their median, the amount that one in a hundred passes, and how often they come twice."""

    rows: int
    median: float
    high: float
    twins: float


@dataclass(frozen=True)
class Known:
    """What the rows before a period say. `merchants` is indexed by merchant, `contexts` by the values of each."""

    overall: Overall
    merchants: pd.DataFrame
    contexts: dict[str, pd.DataFrame]
    # how often a merchant had an amount, and how often twice
    prices: pd.DataFrame
    rows: pd.DataFrame
    trusted: pd.DataFrame


def prepare(rows: pd.DataFrame, contexts: Sequence[str]) -> pd.DataFrame:
    """Rows of one currency, by day, with what they say of themselves: the logarithm of the amount, and the row before
    that is like them (`twin_of`, its place, and `twin_gap` in days; -1 is none)."""
    before = _twins_before(rows, [name for name in contexts if name != "category"])
    return rows.assign(log=np.log(rows["amount"].abs().clip(lower=SMALLEST)), **before)


def learn(rows: pd.DataFrame, contexts: Sequence[str]) -> Known:
    """What `rows`, prepared and by day, say.

    Those that are `suspect` teach nothing of amounts and signs, or the next like them would be normal; unless a
    merchant has several: then they are.
    """
    rows = rows.assign(is_twin=rows["twin_gap"].between(0, NEAR_DAYS))
    suspects = rows.loc[rows["suspect"], "merchant"].value_counts()
    trusted = rows[~rows["suspect"] | rows["merchant"].isin(suspects.index[suspects >= USUAL_AFTER])]
    recent = rows[rows["day"] > rows["day"].iloc[-1] - TWIN_DAYS]
    merchants = _merchants(trusted)
    had, of = TWINS_OF_NOBODY
    overall = Overall(
        rows=len(trusted),
        median=float(trusted["log"].median()),
        high=float(trusted["log"].quantile(0.99)),
        twins=(float(recent["is_twin"].sum()) + had) / (len(recent) + of),
    )
    merchants["twins"] = _twins(recent, "merchant", overall.twins).reindex(merchants.index).fillna(overall.twins)
    return Known(
        overall=overall,
        merchants=merchants,
        contexts={name: _context(trusted, recent, name, overall) for name in contexts},
        prices=rows.groupby(["merchant", "amount"]).agg(times=("day", "size"), twins=("is_twin", "sum")),
        rows=rows,
        trusted=trusted,
    )


def looked_up(values: "pd.Series[Any]", known: "pd.Series[Any]", otherwise: float) -> Floats:
    """What is known of each value, or else what holds of all."""
    return values.map(known).fillna(otherwise).to_numpy(dtype=np.float64)


def _merchants(rows: pd.DataFrame) -> pd.DataFrame:
    """How many rows of each merchant, how many of them money in, what they are usually, from when to when."""
    rows = rows[rows["merchant"] >= 0]
    grouped = rows.groupby("merchant")
    found = pd.DataFrame({
        "rows": grouped.size(),
        "money_in": rows["amount"].gt(0).groupby(rows["merchant"]).sum(),
        "median": grouped["log"].median(),
        "highest": grouped["log"].max(),
        "lowest": grouped["log"].min(),
        "first_day": grouped["day"].min(),
        "last_day": grouped["day"].max(),
    })  # fmt: skip
    away = (rows["log"] - rows["merchant"].map(found["median"])).abs()
    found["deviation"] = 1.4826 * away.groupby(rows["merchant"]).median()
    return found


def _context(trusted: pd.DataFrame, recent: pd.DataFrame, name: str, overall: Overall) -> pd.DataFrame:
    """Of each value of a context the amount that one in a hundred passes, leaning on all rows where it has few."""
    grouped = trusted.groupby(name)["log"]
    count = grouped.size()
    own = count / (count + POOLED)
    found = pd.DataFrame({
        "rows": count,
        "high": own * grouped.quantile(0.99) + (1 - own) * overall.high,
        "median": own * grouped.median() + (1 - own) * overall.median,
    })  # fmt: skip
    found["twins"] = _twins(recent, name, overall.twins).reindex(found.index).fillna(overall.twins)
    return found


def _twins(recent: pd.DataFrame, by: str, of_all: float) -> "pd.Series[float]":
    """How often a row of each value has another like it shortly before."""
    grouped = recent.groupby(by)["is_twin"].agg(["size", "sum"])
    return (grouped["sum"] + POOLED * of_all) / (grouped["size"] + POOLED)


def _twins_before(rows: pd.DataFrame, contexts: Sequence[str]) -> "dict[str, pd.Series[int]]":
    same = ["merchant", "amount", *contexts]
    named = rows.loc[rows["merchant"] >= 0, [*same, "day", "place"]]
    ordered = named.sort_values([*same, "day", "place"])
    is_same = ordered[same].eq(ordered[same].shift()).all(axis=1)
    found = {"twin_of": ordered["place"].shift(), "twin_gap": ordered["day"].diff()}
    return {name: each.where(is_same).reindex(rows.index).fillna(-1).astype(np.int32) for name, each in found.items()}
