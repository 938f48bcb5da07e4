"""How long the merchant keys of a million different texts take, as an import asks for them, in pieces of 200,000.

    [AI2_TEST_DATA=<folder of real files>] python -m benchmarks.merchant_keys

The mark (2 cores, shared with PostgreSQL): 5 s for a million different descriptions.
"""

import csv
import gzip
import os
import time
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc

from ai2.kit.merchant_keys import MerchantKeys

ROWS, PIECE = 1_000_000, 200_000
SHOPS = [
    "TESCO STORES",
    "SAINSBURYS",
    "AMZNMktplace",
    "SHELL",
    "COSTA",
    "UBER *TRIP",
    "NETFLIX.COM",
    "BRITISH GAS",
    "LIDL GB",
]
TOWNS = ["LONDON", "LEEDS", "MANCHESTER", "YORK", "BATH", "HULL"]


def main() -> None:
    random = Random(7)  # noqa: S311 - the same texts each time
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 9))) for _ in range(30_000)]
    branches = [f"{random.choice(SHOPS)} {random.choice(TOWNS)} {random.randint(1, 60_000)}" for _ in range(ROWS)]
    _measure("shops, towns, branch numbers", branches)
    _measure("random words", [" ".join(random.choices(words, k=random.randint(2, 4))) for _ in range(ROWS)])
    dated = [f"CARD PAYMENT TO {name} ON {random.randint(1, 28):02} APR" for name in branches[:PIECE]]
    _measure("the same with dates", dated)
    if folder := os.environ.get("AI2_TEST_DATA"):
        file = Path(folder) / "purchases/council_cards_2013_2016.csv.gz"
        with gzip.open(file, "rt", encoding="utf-8", newline="") as rows:
            _measure("council", [row["merchant"] for row in csv.DictReader(rows)])


def _measure(name: str, texts: list[str]) -> None:
    column, none = pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string())
    started, cpu = time.perf_counter(), time.process_time()
    keys = MerchantKeys()
    found = [keys.of(column.slice(at, PIECE), none.slice(at, PIECE)) for at in range(0, len(column), PIECE)]
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    different, merchants = pc.count_distinct(column).as_py(), pc.count_distinct(pa.chunked_array(found)).as_py()
    print(
        f"{name:30}{len(texts):>10,} rows, {different:>9,} texts, {merchants:>9,} keys: {took:.1f} s (cpu {cpu:.1f} s)"
    )


if __name__ == "__main__":
    main()
