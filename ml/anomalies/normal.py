"""Normal: what would have been usual instead of what was found, in amounts that people read."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ai2.books.rates.service import rounded
from ml.anomalies.amounts import DEVIATIONS
from ml.anomalies.frames import Frame
from ml.anomalies.judge import Found
from ml.anomalies.known import Known

Normal = dict[str, Any]


def normal_of(frame: Frame, known: Known, found: Found, of_merchant: pd.DataFrame) -> tuple[Normal, list[str]]:
    """What is normal in its place, and why it is told. `of_merchant` are the rows of its merchant before it."""
    row = frame.rows.iloc[found.place]
    name = frame.merchants[int(row["merchant"])]
    if found.kind == "duplicate_charge":
        return _duplicate(frame, known, found, of_merchant, name)
    if found.kind == "new_merchant_large":
        return _newcomer(frame, known, float(row["amount"]), name)
    normal = _range(of_merchant, frame.currency)
    if found.kind == "sign_flip":
        way, other = ("in", "out") if row["amount"] > 0 else ("out", "in")
        return {**normal, "sign": other}, [
            f"money {way}; of {len(of_merchant)} rows of {name} before it nearly all are money {other}",
            "no payment of this amount lies before it that it could give back",
        ]
    between = f"{normal['low']} and {normal['high']} {frame.currency}"
    return normal, [f"{len(of_merchant)} rows of {name} before it mostly lie between {between}"]


def _duplicate(
    frame: Frame, known: Known, found: Found, of_merchant: pd.DataFrame, name: str
) -> tuple[Normal, list[str]]:
    merchant = int(frame.rows["merchant"].iloc[found.place])
    share = float(known.merchants["twins"].get(merchant, known.overall.twins))
    when = "on the same day" if not found.gap_days else f"{found.gap_days} days before"
    return {**_range(of_merchant, frame.currency), "repeated_share": round(share, 4)}, [
        f"{name} had the same amount {when}, and all else is the same",
        f"about {share:.1%} of the rows of {name} come twice within days",
    ]


def _newcomer(frame: Frame, known: Known, amount: float, name: str) -> tuple[Normal, list[str]]:
    sign = math.copysign(1, amount)
    high = _exact(sign * math.exp(known.overall.high), frame.currency)
    low, most = sorted((high, Decimal(0)))
    usual = _exact(sign * math.exp(known.overall.median), frame.currency)
    return {"rows": known.overall.rows, "usual": str(usual), "low": str(low), "high": str(most)}, [
        f"the first row of {name}",
        f"99 of 100 rows before it come to {abs(high)} {frame.currency} at most",
    ]


def _range(rows: pd.DataFrame, currency: str) -> Normal:
    """From the smallest to the largest within the usual deviations of the rows' median, and how often they come."""
    if rows.empty:
        return {"rows": 0}
    is_out = bool((rows["amount"] < 0).sum() * 2 >= len(rows))
    side = rows[(rows["amount"] < 0) == is_out]
    median = float(side["log"].median())
    away = (side["log"] - median).abs()
    deviation = 1.4826 * float(away.median())
    within = side.loc[away <= max(DEVIATIONS * deviation, away.min()), "amount"]
    gaps = np.diff(np.unique(rows["day"].to_numpy()))
    return {
        "rows": len(rows),
        "low": str(_exact(float(within.min()), currency)),
        "high": str(_exact(float(within.max()), currency)),
        "usual": str(_exact((-1 if is_out else 1) * math.exp(median), currency)),
        "sign": "out" if is_out else "in",
        "every_days": int(np.median(gaps)) if len(gaps) else None,
    }


def _exact(amount: float, currency: str) -> Decimal:
    """A statistic was never booked: it is told with the decimals of its currency."""
    return rounded(Decimal(repr(float(amount))), currency)
