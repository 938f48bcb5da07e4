"""Rows: what a training learns from, and which side of a measurement each row is on, the same in every training.

Three measurements: merchants never seen (by hash of the merchant, so held out for every model for ever), later in
time (the last fifth of what people said), and random rows. A model's twin learns none of them; the model that serves
goes over them once it is measured. What is publicly known has no time: it is on no side of that measurement.
"""

import csv
import gzip
import hashlib
import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.categoriser.examples import split_of
from ml.categoriser.features import line
from ml.knowledge.labels import primaries

# A correction weighs so much more than an example, and more the more often people said the same.
SHARED_WEIGHT = 5.0
LATER, RANDOM = 0.2, 0.05
# Below so many rows there is no telling; and no group so small is spoken of.
ENOUGH = 30
CORRECTIONS = ["merchant_key", "money_in", "detailed", "decided_on", "country", "currency", "amount_band", "times"]
COUNTRIES = Path(__file__).with_name("data") / "brand_countries.csv.gz"


def corrections_of(content: bytes) -> pd.DataFrame:
    """What people said, from the repository's CSV; what is outside the label space is left out."""
    kinds = {name: "str" for name in CORRECTIONS if name != "times"}
    frame = pd.read_csv(io.BytesIO(content), dtype={**kinds, "times": "int64"}, keep_default_na=False)
    frame["money_in"] = frame["money_in"] == "t"
    return frame[frame["detailed"].isin(primaries().keys()) & (frame["merchant_key"] != "")].reset_index(drop=True)


def no_corrections() -> pd.DataFrame:
    return corrections_of((",".join(CORRECTIONS) + "\n").encode())


def assembled(examples: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Examples and corrections, each row on its sides: is_unseen, is_later, is_random; `split` is what training reads.

    What is publicly known has a country where a brand is found in one only, and then its currency; no amount.
    """
    country = examples["group"].map(country_of)
    frame = examples.assign(currency="", amount_band="", decided_on="", country=country, times=1)
    frame["currency"] = frame["country"].map(_currency_of)
    if len(corrections):
        frame = pd.concat([frame, _as_rows(corrections, frame)], ignore_index=True)
    is_random = (frame["split"] == "train") & (_places(frame["line"] + frame["detailed"]) < RANDOM)
    is_kin = frame["split"] == "kin"
    since = later_from(corrections)
    frame["is_unseen"] = frame["split"] == "test"
    frame["is_later"] = (
        bool(since) & (frame["decided_on"] >= (since or "")) & ~is_kin & (frame["split"] != "calibration")
    )
    frame["is_random"] = is_random
    frame.loc[is_random, "split"] = "random"
    frame.loc[frame["is_later"] & frame["split"].isin(["train", "random"]), "split"] = "later"
    return frame


def for_training(frame: pd.DataFrame) -> pd.DataFrame:
    """Equal corrections as one row, whose weight grows with the logarithm of how many there are."""
    is_shared = frame["source"] == "shared"
    if not is_shared.any():
        return frame
    rest = dict.fromkeys(("source", "group", "is_english", "is_mauled"), "first")
    once = (
        frame[is_shared].groupby(["line", "detailed", "split"], as_index=False, sort=True).agg({"times": "sum", **rest})
    )
    once["weight"] = SHARED_WEIGHT * (1 + np.log(once["times"].to_numpy()))
    return pd.concat([frame[~is_shared], once], ignore_index=True)


def later_from(corrections: pd.DataFrame) -> str | None:
    """The day from which the last fifth of the corrections is; none where there are too few, or all of one day."""
    days = corrections["decided_on"].sort_values()
    if len(days) * LATER < ENOUGH:
        return None
    since = str(days.iloc[int(len(days) * (1 - LATER))])
    return since if since > days.iloc[0] else None


def describe(frame: pd.DataFrame) -> dict[str, Any]:
    """The training data in counts and a digest; no row of it."""
    hashes = pd.util.hash_pandas_object(frame[["line", "detailed", "weight", "split"]], index=False)
    return {
        "sha256": hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest(),
        "rows": len(frame),
        "rows_by_source": _counted(frame["source"]),
        "rows_by_split": _counted(frame["split"]),
    }


def measured_on(frame: pd.DataFrame, since: str | None) -> dict[str, Any]:
    """What a model is measured on, in words and counts."""
    sides = {"unseen": "is_unseen", "time": "is_later", "random": "is_random"}
    later = f"what people said from {since} on" if since else "no rows, for nothing that is shared has a history"
    return {
        "rows_measured": {side: int(frame[column].sum()) for side, column in sides.items()},
        "later_from": since,
        "measured_on": "unseen: a tenth of the brands and merchants, by hash of the name, never seen in training; "
        f"time: {later}; random: a twentieth of the other rows",
    }


def _as_rows(corrections: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    keys = corrections["merchant_key"]
    sides = _sides(keys.unique().tolist(), frame)
    lines = {
        (key, money_in): line(key, (), money_in=money_in, mcc=None)
        for key, money_in in set(zip(keys, corrections["money_in"], strict=True))
    }
    return pd.DataFrame(
        {
            "line": [lines[one] for one in zip(keys, corrections["money_in"], strict=True)],
            "detailed": corrections["detailed"],
            "weight": SHARED_WEIGHT,
            "source": "shared",
            "group": keys,
            "is_english": True,
            "is_mauled": False,
            "split": keys.map(sides),
            "country": corrections["country"],
            "currency": corrections["currency"],
            "amount_band": corrections["amount_band"],
            "decided_on": corrections["decided_on"],
            "times": corrections["times"],
        }
    )


def _sides(keys: list[str], frame: pd.DataFrame) -> dict[str, str]:
    """The side of each merchant, by the rule of the examples; one that names a held-out brand teaches nothing."""
    held = set(frame.loc[frame["split"].isin(["calibration", "test"]), "group"])
    heads = {" ".join(group.split()[:n]) for group in held for n in range(1, len(group.split()))}

    def side(key: str) -> str:
        own, parts = split_of(key), key.split()
        gives_away = any(" ".join(parts[:n]) in held for n in range(1, len(parts))) or (len(parts) > 1 and key in heads)
        return "kin" if own == "train" and gives_away else own

    return {key: side(key) for key in keys}


def _places(texts: "pd.Series[str]") -> "pd.Series[float]":
    """A place between 0 and 1 for each text, by its hash."""
    return pd.Series(pd.util.hash_array(texts.to_numpy(dtype=object)) / 2**64, index=texts.index)


def _counted(values: "pd.Series[str]") -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def country_of(group: str) -> str:
    """The country of a brand that is found in one only; else an empty text."""
    return _countries().get(group, "")


@cache
def _countries() -> dict[str, str]:
    with gzip.open(COUNTRIES, "rt", encoding="utf-8", newline="") as file:
        return {row["group"]: row["country"] for row in csv.DictReader(file)}


@cache
def _currency_of(country: str) -> str:
    """What is paid with there today."""
    if not country:
        return ""
    from babel.numbers import get_territory_currencies

    found = get_territory_currencies(country)
    return str(found[-1]) if found else ""
