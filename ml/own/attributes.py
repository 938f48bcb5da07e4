"""Attributes: which of an organization's columns tell its categories apart, found in its history."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.own.contexts import ATTRIBUTES

# A column that is nearly always empty, or nearly always new (a reference), tells nothing.
LEAST_FILLED, MOST_DISTINCT = 0.05, 0.3
LOOKED_AT = 50_000


def telling(
    keys: NDArray[np.object_], labels: NDArray[np.int64], columns: Mapping[str, NDArray[np.object_]]
) -> tuple[str, ...]:
    """The names of at most three columns, most telling first; rows are in order of time, and the latest count."""
    import pandas as pd

    latest = slice(-LOOKED_AT, None)
    merchant, chosen = pd.factorize(keys[latest])[0], labels[latest]
    alone = right_by_others(merchant, chosen)
    gains = {}
    for name in sorted(columns):
        codes = pd.factorize(np.asarray(columns[name][latest], dtype=object))[0]
        if _may_tell(columns[name][latest]):
            gains[name] = right_by_others(merchant * (int(codes.max()) + 1) + codes, chosen) - alone
            gains[name] += 0.3 * right_by_others(codes, chosen)
    return tuple(sorted(gains, key=lambda name: -gains[name]))[: len(ATTRIBUTES)]


def right_by_others(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The share of rows whose label is what most others of their group have."""
    import pandas as pd

    frame = pd.DataFrame({"group": groups, "label": labels})
    same = frame.groupby(["group", "label"]).size().sort_values(ascending=False).reset_index(name="rows")
    best = same.drop_duplicates("group").set_index("group")
    second = same[same.duplicated("group")].drop_duplicates("group").set_index("group")["rows"]
    others = second.reindex(best.index).fillna(0)
    # Without itself, a row of the leading label is right while that still leads.
    return float(best["rows"][best["rows"] - 1 > others].sum() / max(len(labels), 1))


def _may_tell(values: NDArray[np.object_]) -> bool:
    import pandas as pd

    filled = values[values != ""]
    distinct = len(pd.unique(filled))
    return len(filled) >= LEAST_FILLED * len(values) and 2 <= distinct <= max(20, MOST_DISTINCT * len(filled))
