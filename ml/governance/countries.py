"""Make the table of brands that are found in one country only: `python -m ml.governance.countries --source DIR`.

DIR holds `merchants/name_suggestion_index.csv.gz`. The result is the same for the same source, byte for byte.
"""

import argparse
import csv
import gzip
import re
import sys
from pathlib import Path

from ai2.kit.countries import is_country
from ai2.kit.merchants import merchant_key
from ml.governance.rows import COUNTRIES
from ml.knowledge.build import INDEX, write_zipped

# A country, or a part of one: gb, gb-eng, fr-idf.geojson.
_PLACE = re.compile(r"([a-z]{2})(-[a-z0-9]+)?(\.geojson)?", re.IGNORECASE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    found = brands(parser.parse_args().source)
    COUNTRIES.parent.mkdir(exist_ok=True)
    write_zipped(COUNTRIES, ["group", "country"], sorted(found.items()))
    sys.stdout.write(f"{len(found)} brands of one country\n")


def brands(source: Path) -> dict[str, str]:
    """The country of each brand whose every place lies in it."""
    places: dict[str, set[str]] = {}
    with gzip.open(source / INDEX, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            places.setdefault(merchant_key(row["name"]), set()).update(map(_country, row["locations"].split("|")))
    alone = {group: next(iter(found)) for group, found in places.items() if group and len(found) == 1}
    return {group: country for group, country in alone.items() if country}


def _country(place: str) -> str:
    match = _PLACE.fullmatch(place.strip())
    country = match[1].upper() if match else ""
    return country if is_country(country) else ""


if __name__ == "__main__":
    main()
