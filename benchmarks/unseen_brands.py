"""How well the model knows what brands sell that it has never seen, written the way card statements write them.

    python -m benchmarks.unseen_brands [--strict]

A fifth of the brands of the name-suggestion-index, by a fixed hash of the name, is held out with all their spellings.
What is left trains the model; each held-out brand is then written once, by a generator with a fixed seed, and the
model says its primary category. No merchant table is asked. Each brand counts once, a bakery of Brno as much as
Starbucks. `--strict` holds back all longer and shorter names too: no Carrefour Express where Carrefour City is asked.
Where the transformer extra is installed, it is measured beside; its head never saw any of these brands.

The mark: 0.62. A plain linear model over the same names: 0.535.
"""

import csv
import gzip
import sys
import time
import unicodedata
from collections.abc import Iterator
from random import Random

import numpy as np
import pandas as pd

from ai2.kit.merchants import merchant_key
from ml import registry
from ml.answers import Descriptor
from ml.categoriser import transformer
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.examples import build_examples, split_of
from ml.categoriser.model import APPLY, Params, fit
from ml.knowledge.labels import primary_of
from ml.knowledge.merchants import DATA, Merchants

SEED = 19
TOWNS = (
    "LONDON GB", "LEEDS", "AUSTIN TX", "PORTLAND OR", "NEW YORK NY", "BERLIN DE", "PARIS FR", "MADRID ES",
    "MILANO IT", "WARSZAWA PL", "TOKYO JP", "TORONTO ON", "SYDNEY NSW",
)  # fmt: skip


def main() -> None:
    started = time.perf_counter()
    frame = build_examples()
    if "--strict" not in sys.argv:
        frame.loc[frame["split"] == "kin", "split"] = "train"
    pipeline, _ = fit(frame, Params(jobs=1))
    print(f"{len(frame):,} examples, trained in {time.perf_counter() - started:.0f} s")
    brands = pd.DataFrame(held_out(), columns=["name", "detailed", "is_english"])
    for with_transformer in (False, True) if transformer.is_installed() else (False,):
        print("with the transformer" if with_transformer else "without the transformer")
        categoriser = PublicCategoriser(
            pipeline, "benchmark", knowledge=Merchants(is_empty=True), with_transformer=with_transformer
        )
        measured(categoriser, brands, "brands never seen" + (", with the transformer" if with_transformer else ""))


def measured(categoriser: PublicCategoriser, brands: pd.DataFrame, name: str) -> None:
    started = time.process_time()
    asked = [Descriptor(statement(name), money_in=False) for name in brands["name"]]
    verdicts = categoriser.decide(asked)
    print(f"{(time.process_time() - started) / len(asked) * 1000:.2f} ms of work each")
    truth = brands["detailed"].map(primary_of)
    is_right = np.array([primary_of(v.detailed) == each for v, each in zip(verdicts, truth, strict=True)])
    sure = np.array([verdict.confidence for verdict in verdicts])
    told("all", is_right, sure)
    told("English-speaking countries", is_right[brands["is_english"]], sure[brands["is_english"]])
    told("elsewhere", is_right[~brands["is_english"]], sure[~brands["is_english"]])
    is_alone = sure >= APPLY
    kin = "and none of their longer and shorter names is learnt" if "--strict" in sys.argv else "with all its spellings"
    registry.log_evaluation(
        name,
        {
            "right": is_right.mean(),
            "right_english": is_right[brands["is_english"]].mean(),
            "right_elsewhere": is_right[~brands["is_english"]].mean(),
            "applied_alone": is_alone.mean(),
            "applied_alone_right": is_right[is_alone].mean(),
        },
        {
            "data": "name-suggestion-index, brands, written like card statements by a fixed generator",
            "split": f"a fifth of the brands by hash of the name, {kin}",
            "rows": len(brands),
            "judged_by": "primary category, each brand once, merchant knowledge switched off",
            "mark": 0.62,
        },
    )


def told(name: str, is_right: np.ndarray, sure: np.ndarray) -> None:
    error = 1.96 * np.sqrt(is_right.mean() * (1 - is_right.mean()) / len(is_right))
    applied = sure >= APPLY
    print(
        f"{name:28}{len(is_right):>6} brands: right {is_right.mean():.3f} ± {error:.3f}; "
        f"applied alone {applied.mean():.1%}, right {is_right[applied].mean() if applied.any() else 0:.1%} of them"
    )


def held_out() -> list[tuple[str, str, bool]]:
    """Each held-out brand once: its name, category, and whether it is one of the English-speaking world."""
    found: dict[str, tuple[str, str, bool]] = {}
    with gzip.open(DATA / "merchants.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            group = merchant_key(row["name"])
            if row["tree"] == "brands" and row["detailed"] and split_of(group) != "train":
                found.setdefault(group, (row["name"], row["detailed"], row["is_english"] == "1"))
    return list(found.values())


def statement(name: str) -> str:
    """A brand as a card statement shows it, the same each time."""
    random = Random(f"{SEED} {name}")  # noqa: S311 - not for secrets
    return "".join(_written(name, random))


def _written(name: str, random: Random) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFKD", name)
    latin = "".join(letter for letter in decomposed if not unicodedata.combining(letter)).upper()
    shown = latin if latin.isascii() else name.upper()
    number, town = random.randint(100, 99999), random.choice(TOWNS)
    way = random.random()
    if way < 0.15:
        yield f"SQ *{shown[:22]} {town}"
    elif way < 0.25:
        yield f"TST* {shown[:20]} - {town}"
    elif way < 0.40:
        yield f"POS PURCHASE {shown} #{number} {town}"
    elif way < 0.55:
        yield f"CARD PAYMENT TO {shown} ON {random.randint(1, 28):02} APR"
    elif way < 0.65:
        day = f"{random.randint(1, 12):02}{random.randint(1, 28):02}"
        yield f"CHECKCARD {day} {shown} {town} {random.randint(10**10, 10**11)}"
    elif way < 0.80:
        yield f"{shown[:25]} {number} {town}"
    else:
        yield f"{shown} {town}"


if __name__ == "__main__":
    main()
