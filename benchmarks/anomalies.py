"""How many wrong charges put into real purchase cards are found, and how much is told that nobody put there.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.anomalies [YEAR]

Each month of 2016 (131,618 rows of a council from November 2013 on) is judged by the real rows before it, five times
with other rows spoilt (seeds below). In each month, and each time, are put in: 12 rows doubled on the same day and 6
one to three days later; 12 amounts of ten times their merchant's median, and 12 signs turned, of merchants known by 20
rows or more who never came to five times their median, or never had the other sign; 4 and 4 of the same of any merchant
known by ten rows; and 12 rows of merchants never seen, their amounts drawn from those before that pass the 99th
percentile. All else of these rows stays.

What is told of real rows is a false alarm, but for a double charge of rows that equal another in date, merchant, amount
and cost centre: nobody marked which of these the bank took twice, and they are counted apart. The bars were chosen
with `python -m benchmarks.anomalies 2015`.

Then the time and memory of judging the last month of 1,000,000 rows: the same rows eight times, each time as others'.
"""

import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE = "purchases/council_cards_2013_2016.csv.gz"
ATTRIBUTES = ["cost_centre", "directorate", "vat_code"]
CONTEXTS = [*ATTRIBUTES, "category"]
SEEDS = (101, 102, 103, 104, 105)
ROWS = {
    "amount x10, steady merchant": 12, "sign, merchant of one sign": 12, "new merchant over p99": 12,
    "doubled, same day": 12, "doubled, 1-3 days later": 6, "amount x10, any merchant": 4, "sign, any merchant": 4,
}  # fmt: skip
# What the mark is of; the others are told beside it.
MARKED = tuple(ROWS)[:4]
WELL_KNOWN, KNOWN, STEADY = 20, 10, 5


def main(year: int = 2016) -> None:
    rows = _load(Path(os.environ["AI2_TEST_DATA"]) / FILE)
    put, found, alarms, real = Counter[str](), Counter[str](), Counter[str](), 0
    for month in range(12 * year, 12 * year + 12):
        before, of_month = rows[rows["month"] < month], rows[rows["month"] == month]
        for seed in SEEDS:
            real += _try(before, of_month, (seed, month), put, found, alarms)
    for kind in ROWS:
        print(f"{kind}: {found[kind] / put[kind]:.3f} of {put[kind]}")
    print(f"mean of the first four: {sum(found[kind] / put[kind] for kind in MARKED) / len(MARKED):.3f}")
    told = sum(count for kind, count in alarms.items() if not kind.startswith("own"))
    print(f"false alarms in 1,000 rows: {1000 * told / real:.2f} of {real}", dict(alarms))
    print(f"own repeated rows told in 1,000: {1000 * alarms['own repeated'] / real:.1f}")
    _large(rows)


def _load(path: Path) -> "pd.DataFrame":
    """The rows as the engine wants them: numbers, by day."""
    import pandas as pd
    import pyarrow as pa

    from ai2.kit.merchant_keys import merchant_keys

    read = pd.read_csv(path, dtype=str).fillna("")
    nobody = pa.nulls(len(read), pa.string())
    keys = merchant_keys(pa.array(read["merchant"].tolist(), pa.string()), nobody).to_pylist()
    day = pd.to_datetime(read["date"])
    rows = pd.DataFrame({
        "day": (day - pd.Timestamp("2000-01-01")).dt.days,
        "month": 12 * day.dt.year + day.dt.month - 1,
        "amount": -pd.to_numeric(read["amount_gbp"]),
        "merchant": pd.factorize(pd.Series(keys))[0],
        "category": pd.factorize(read["expense_category"])[0],
        **{name: pd.factorize(read[name])[0] for name in ATTRIBUTES},
        "suspect": False,
        "kind": "",
    })  # fmt: skip
    rows["is_repeated"] = rows.duplicated(["day", "merchant", "amount", "cost_centre"], keep=False)
    return rows.sort_values("day", kind="stable", ignore_index=True)


def _try(
    before: "pd.DataFrame",
    of_month: "pd.DataFrame",
    seed: tuple[int, int],
    put: Counter[str],
    found: Counter[str],
    alarms: Counter[str],
) -> int:
    """Spoil a month, judge it, and count; says how many rows of it are real."""
    import numpy as np
    import pandas as pd

    from ml.anomalies.judge import judge
    from ml.anomalies.known import learn, prepare

    spoilt = _spoilt(before, of_month, np.random.default_rng(seed))
    rows = pd.concat([before, spoilt], ignore_index=True)
    rows["place"] = range(len(rows))
    rows = prepare(rows, CONTEXTS)
    for each in judge(learn(rows.iloc[: len(before)], CONTEXTS), rows.iloc[len(before) :], CONTEXTS):
        row = rows.iloc[each.place]
        if row["kind"]:
            found[row["kind"]] += 1
        else:
            is_own = row["is_repeated"] and each.kind == "duplicate_charge"
            alarms["own repeated" if is_own else each.kind] += 1
    put.update(kind for kind in spoilt["kind"] if kind)
    return int((spoilt["kind"] == "").sum())


def _spoilt(before: "pd.DataFrame", of_month: "pd.DataFrame", chance: "np.random.Generator") -> "pd.DataFrame":
    import pandas as pd

    month, size = of_month.copy(), before["amount"].abs()
    merchant = month["merchant"]
    count = merchant.map(before["merchant"].value_counts()).fillna(0)
    median = merchant.map(size.groupby(before["merchant"]).median())
    highest = merchant.map(size.groupby(before["merchant"]).max())
    money_in = merchant.map((before["amount"] > 0).groupby(before["merchant"]).sum())
    is_out = month["amount"] < 0
    left = pd.Series(data=True, index=month.index)

    def take(kind: str, which: Any) -> "pd.Index[int]":
        chosen = chance.choice(month.index[left & is_out & which], ROWS[kind], replace=False)
        left[chosen] = False
        month.loc[chosen, "kind"] = kind
        return pd.Index(chosen)

    steady = (count >= WELL_KNOWN) & (highest < STEADY * median)
    for kind, which in (("amount x10, steady merchant", steady), ("amount x10, any merchant", count >= KNOWN)):
        chosen = take(kind, which)
        month.loc[chosen, "amount"] = -(10 * median[chosen]).round(2)
    for kind, which in (
        ("sign, merchant of one sign", (count >= WELL_KNOWN) & (money_in == 0)),
        ("sign, any merchant", count >= KNOWN),
    ):
        chosen = take(kind, which)
        month.loc[chosen, "amount"] *= -1
    chosen = take("new merchant over p99", left)
    month.loc[chosen, "merchant"] = before["merchant"].max() + 1 + pd.RangeIndex(100_000, 100_000 + len(chosen))
    month.loc[chosen, "amount"] = -chance.choice(size[size > size.quantile(0.99)], len(chosen))
    doubled = [month.loc[take(kind, left)].copy() for kind in ("doubled, same day", "doubled, 1-3 days later")]
    for each in doubled:
        month.loc[each.index, "kind"] = ""
    doubled[1]["day"] += chance.integers(1, 4, len(doubled[1]))
    return pd.concat([month, *doubled]).sort_values("day", kind="stable")


def _large(rows: "pd.DataFrame", times: int = 8) -> None:
    import pandas as pd

    from ml.anomalies.judge import judge
    from ml.anomalies.known import learn, prepare

    apart = rows["merchant"].max() + 1
    many = pd.concat([rows.assign(merchant=rows["merchant"] + apart * each) for each in range(times)])
    many = many.sort_values("day", kind="stable", ignore_index=True)
    many["place"] = range(len(many))
    started = time.perf_counter()
    many = prepare(many, CONTEXTS)
    prepared = time.perf_counter() - started
    is_last = many["month"] == many["month"].max()
    found = judge(learn(many[~is_last], CONTEXTS), many[is_last], CONTEXTS)
    took = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    print(f"{len(many)} rows: {prepared:.1f} s to prepare, {took:.1f} s with a month judged, {len(found)} told")
    print(f"peak {peak_mb} MB of the process")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
