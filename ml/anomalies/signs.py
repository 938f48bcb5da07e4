"""Signs: money in from a merchant who is only ever paid, or the other way round, that is no refund of anything."""

import numpy as np
import pandas as pd

from ml.anomalies.known import Floats, Known, looked_up

REFUND_DAYS = 180
# Merchants either give money back at times or never do: one that never did is told from one that seldom does.
NEVER = 0.02
# A payment with the wrong sign is about as large as the merchant's others; what is given back is mostly a part, four
# times less in the middle and of all sizes.
PART, PART_SPREAD, LEAST_ALIKE = 1.4, 2.0, -3.0
# A price that makes so large a part of a merchant's rows is met again by chance.
COMMON_PRICE = 0.05
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def surprise(known: Known, rows: pd.DataFrame) -> Floats:
    """How seldom the merchant of each row has its sign, leaning on never, and how like its other rows it is: the odds
    for a wrong sign, as a logarithm."""
    count = looked_up(rows["merchant"], known.merchants["rows"], 0)
    money_in = looked_up(rows["merchant"], known.merchants["money_in"], 0)
    same = np.where(rows["amount"] > 0, money_in, count - money_in)
    away = rows["log"].to_numpy() - looked_up(rows["merchant"], known.merchants["median"], 0)
    alike = np.log(PART_SPREAD) - away**2 / 2 + ((away + PART) / PART_SPREAD) ** 2 / 2
    return np.asarray(np.fmax(alike, LEAST_ALIKE) - np.log((same + NEVER) / (count + 1)), dtype=np.float64)


def is_refund(known: Known, rows: pd.DataFrame) -> Flags:
    """Whether the merchant had the same amount with the other sign not long before, where few of its rows have it."""
    columns = ["merchant", "amount", "day"]
    wanted = rows[columns].assign(amount=-rows["amount"], asked=np.arange(len(rows)))
    both = pd.concat([known.rows[columns], rows[columns]])
    met = wanted.merge(both, on=["merchant", "amount"], suffixes=("", "_before"))
    met = met[(met["day"] - met["day_before"]).between(0, REFUND_DAYS)]
    count = looked_up(met["merchant"], known.merchants["rows"], 0)
    times = known.prices["times"].reindex(pd.MultiIndex.from_frame(met[["merchant", "amount"]]))
    is_rare = np.nan_to_num(times.to_numpy(dtype=np.float64)) < COMMON_PRICE * count
    found = np.zeros(len(rows), dtype=np.bool_)
    found[met.loc[is_rare, "asked"]] = True
    return found
