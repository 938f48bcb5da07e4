"""Make the knowledge tables from their public sources: `python -m ml.knowledge.build --source DIR`.

DIR holds `merchants/name_suggestion_index.csv.gz` and `categories/personal_finance_category.csv`. The result is the
same for the same sources, byte for byte. The reviewed tables beside the result decide what things are:
`osm_categories.csv`, `mcc_ranges.csv`, `well_known.csv` (which wins over the index) and `words.csv`.
"""

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import iso18245

from ai2.kit.merchants import merchant_key

DATA = Path(__file__).with_name("data")
INDEX = Path("merchants/name_suggestion_index.csv.gz")
CATEGORIES = Path("categories/personal_finance_category.csv")
# Where a name is read as one of the English-speaking world's: there it wins over a namesake elsewhere.
ENGLISH = ("001", "us", "gb", "ca", "au", "ie", "nz")
# A supermarket that also sells fuel is a supermarket; the pump says so itself. Earlier wins among one brand's kinds.
FIRST_KINDS = (
    "shop/supermarket",
    "shop/department_store",
    "shop/wholesale",
    "amenity/fast_food",
    "amenity/restaurant",
    "amenity/cafe",
    "amenity/pharmacy",
    "shop/chemist",
    "shop/clothes",
    "shop/convenience",
    "amenity/fuel",
    "amenity/bank",
)


@dataclass(frozen=True)
class KnownMerchant:
    """One spelling of a merchant. `kind` is the OpenStreetMap key/value; `tree` the part of the index it is from.

    `is_certain` is 0 where the name stands for several things, and 2 where it does not matter what follows it.
    """

    key: str
    name: str
    kind: str
    detailed: str
    tree: str
    is_english: int
    is_certain: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    source: Path = parser.parse_args().source
    merchants = list(known_merchants(source))
    write_zipped(DATA / "merchants.csv.gz", [f.name for f in fields(KnownMerchant)], map(astuple, merchants))
    write(DATA / "mcc.csv", ["mcc", "description", "detailed"], merchant_category_codes())
    with (source / CATEGORIES).open(encoding="utf-8", newline="") as file:
        write(DATA / "categories.csv", ["primary", "detailed"], list(csv.reader(file))[1:])
    sys.stdout.write(f"{len(merchants)} spellings of merchants\n")


def known_merchants(source: Path) -> Iterator[KnownMerchant]:
    """Every spelling once, by key: ours where we know it, else the best candidate of the index."""
    known = well_known()
    candidates: dict[str, list[KnownMerchant]] = {}
    for merchant in indexed(source):
        candidates.setdefault(merchant.key, []).append(merchant)
    for key in sorted(known.keys() | candidates.keys()):
        if key not in known:
            yield best(candidates[key])
        elif key in candidates:
            namesake = best(candidates[key])
            is_spelled_so = merchant_key(namesake.name) == key
            yield replace(known[key], name=namesake.name if is_spelled_so else known[key].name, kind=namesake.kind)
        else:
            yield known[key]


def well_known() -> dict[str, KnownMerchant]:
    """Our own list, by key. A name listed for two things (a charity and its shops) is the first, and not certain.

    A name with a star stays what it is whatever follows it.
    """
    known: dict[str, KnownMerchant] = {}
    for row in table("well_known.csv"):
        for name in filter(None, map(str.strip, row["names"].split(";"))):
            plain, star, _ = name.partition("*")
            key = merchant_key(plain)
            former = known.get(key)
            if former and former.detailed != row["detailed"]:
                known[key] = replace(former, is_certain=0)
            elif not former and len(key) > 1:
                shown = plain.upper() if len(plain) < 4 else plain.title()
                known[key] = KnownMerchant(key, shown, "", row["detailed"], "known", 1, 2 if star else 1)
    return known


def indexed(source: Path) -> Iterator[KnownMerchant]:
    """The index's brands, operators and transit networks under each of their names, where their kind says what."""
    categories = {f"{r['osm_key']}/{r['osm_value']}": r["detailed"] for r in table("osm_categories.csv")}
    with gzip.open(source / INDEX, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind = f"{row['osm_key']}/{row['osm_value']}"
            # A bank is somebody, though paying one says not for what.
            if not categories.get(kind) and kind != "amenity/bank":
                continue
            is_english = int(any(place.lower().startswith(ENGLISH) for place in row["locations"].split("|")))
            for spelling in {row["name"], *filter(None, row["matchNames"].split("|"))}:
                key = merchant_key(spelling)
                if len(key) > 1:
                    yield KnownMerchant(key, row["name"], kind, categories.get(kind, ""), row["tree"], is_english, 1)


def best(candidates: list[KnownMerchant]) -> KnownMerchant:
    """The likeliest of one spelling's candidates; not certain where they disagree on what is sold."""
    trees = ("brands", "transit", "operators")
    first = min(
        candidates,
        key=lambda m: (
            -m.is_english,
            trees.index(m.tree),
            FIRST_KINDS.index(m.kind) if m.kind in FIRST_KINDS else len(FIRST_KINDS),
            m.kind,
            m.name,
        ),
    )
    peers = {m.detailed for m in candidates if m.is_english == first.is_english and m.tree == first.tree}
    is_certain = int(len(peers) == 1 and len(first.key) > 3 and bool(first.detailed))
    return KnownMerchant(first.key, first.name, first.kind, first.detailed, first.tree, first.is_english, is_certain)


def merchant_category_codes() -> Iterator[tuple[str, str, str]]:
    """Every code of any network's list; `detailed` is empty where a code does not say what was bought."""
    ranges = [(row["first"], row["last"], row["detailed"]) for row in table("mcc_ranges.csv")]
    for code in iso18245.get_all_mccs():
        # The last range listed wins: exceptions follow their rule.
        detailed = next(detailed for first, last, detailed in reversed(ranges) if first <= code.mcc <= last)
        texts = (code.iso_description, code.visa_description, code.mastercard_description, code.usda_description)
        others = (code.amex_description, code.alipay_description, code.stripe_description)
        yield code.mcc, next(filter(None, (*texts, *others)), ""), detailed


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write_zipped(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    """Without name and time in the gzip header, so that the same rows are the same bytes."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
