"""Anomalies, measured: of wrong rows put into a made-up shop's books most are found, and hardly a real one is told."""

import numpy as np
import pandas as pd
import pytest

from ml.anomalies.judge import judge
from ml.anomalies.known import learn, prepare

SEED, DAYS, MERCHANTS = 20260105, 540, 20
CONTEXTS = ["account", "category"]
KINDS = ("amount", "sign", "newcomer", "double")


@pytest.fixture(scope="module")
def books() -> pd.DataFrame:
    """A year and a half of a shop: merchants with prices of their own, some of them paid several times a day."""
    chance = np.random.default_rng(SEED)
    prices = chance.lognormal(3, 1, MERCHANTS)
    day = np.sort(chance.integers(0, DAYS, 8_000))
    merchant = chance.choice(MERCHANTS, len(day), p=(weights := 1 / np.arange(1, MERCHANTS + 1)) / weights.sum())
    amount = -(prices[merchant] * chance.lognormal(0, 0.35, len(day))).round(2)
    amount[merchant == 0] = -3.5  # parking: the same price, several times a day
    rows = {"day": day, "merchant": merchant, "amount": amount, "account": merchant % 2, "category": merchant % 7}
    return pd.DataFrame({**rows, "suspect": False, "kind": ""})


def spoilt(books: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same with 10 rows of each kind put wrong in the last 60 days."""
    chance = np.random.default_rng(seed)
    rows = books.copy()
    last = rows.index[(rows["day"] >= DAYS - 60) & (rows["merchant"] > 0)]
    chosen = dict(zip(KINDS, np.split(chance.choice(last, 40, replace=False), 4), strict=True))
    median = rows["merchant"].map(rows["amount"].groupby(rows["merchant"]).median())
    for kind in ("amount", "sign", "newcomer"):
        rows.loc[chosen[kind], "kind"] = kind
    rows.loc[chosen["amount"], "amount"] = (10 * median[chosen["amount"]]).round(2)
    rows.loc[chosen["sign"], "amount"] *= -1
    rows.loc[chosen["newcomer"], "merchant"] = 1000 + np.arange(10)
    rows.loc[chosen["newcomer"], "amount"] = 6 * rows["amount"].min()
    doubles = rows.loc[chosen["double"]].assign(kind="double")
    return pd.concat([rows, doubles]).sort_values("day", kind="stable", ignore_index=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_four_of_five_are_found_at_one_false_alarm_in_a_thousand_rows(books: pd.DataFrame, seed: int) -> None:
    rows = spoilt(books, seed)
    rows["place"] = range(len(rows))
    rows = prepare(rows, CONTEXTS)
    first = int(rows["day"].searchsorted(DAYS - 60))
    told = judge(learn(rows.iloc[:first], CONTEXTS), rows.iloc[first:], CONTEXTS)
    kinds = [rows["kind"].iloc[each.place] for each in told]
    found = {kind: kinds.count(kind) / 10 for kind in KINDS}
    assert all(share >= 0.8 for share in found.values()), (seed, found)
    assert kinds.count("") <= 1, (seed, len(rows) - first)


def test_a_price_that_is_paid_several_times_a_day_is_no_double_charge(books: pd.DataFrame) -> None:
    """The positive control is above: doubles of merchants that have no such habit are found."""
    rows = books.assign(place=range(len(books)))
    rows = prepare(rows, CONTEXTS)
    first = int(rows["day"].searchsorted(DAYS - 60))
    told = judge(learn(rows.iloc[:first], CONTEXTS), rows.iloc[first:], CONTEXTS)
    assert (rows["twin_gap"].iloc[first:] == 0).sum() > 30
    assert [each for each in told if rows["merchant"].iloc[each.place] == 0] == []


def test_the_same_rows_give_the_same_answer_whatever_came_after(books: pd.DataFrame) -> None:
    """What comes later is no part of what was known."""
    rows = prepare(spoilt(books, 3).assign(place=range(len(books) + 10)), CONTEXTS)
    first, end = (int(rows["day"].searchsorted(day)) for day in (DAYS - 60, DAYS - 30))
    known = learn(rows.iloc[:first], CONTEXTS)
    once = judge(known, rows.iloc[first:end], CONTEXTS)
    later = judge(known, rows.iloc[first:], CONTEXTS)
    assert once
    assert once == [each for each in later if each.place < end]
