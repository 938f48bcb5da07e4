"""What shops of each kind are called in the world's languages: `python -m ml.knowledge.vocabulary --source DIR`.

DIR is an unpacked npm package `@openstreetmap/id-tagging-schema`: the names and search terms under which editors of
OpenStreetMap find a kind of place, translated by its users. A word that stands for two primary categories says
nothing and is left out.
"""

import argparse
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.knowledge.build import DATA, table, write_zipped
from ml.knowledge.labels import primary_of

LONGEST = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    rows = list(vocabulary(parser.parse_args().source))
    write_zipped(DATA / "vocabulary.csv.gz", ["phrase", "detailed", "is_name"], rows)
    sys.stdout.write(f"{len(rows)} words and phrases\n")


def vocabulary(source: Path) -> Iterator[tuple[str, str, int]]:
    """Each phrase once, with the category of its kind of place; `is_name` is 0 for a mere search term."""
    meanings: dict[str, set[tuple[str, int]]] = {}
    for phrase, detailed, is_name in _translated(source):
        meanings.setdefault(phrase, set()).add((detailed, is_name))
    for phrase in sorted(meanings):
        told = meanings[phrase]
        if len({primary_of(detailed) for detailed, _ in told}) == 1:
            yield phrase, min(detailed for detailed, _ in told), max(is_name for _, is_name in told)


def _translated(source: Path) -> Iterator[tuple[str, str, int]]:
    categories = {f"{r['osm_key']}/{r['osm_value']}": r["detailed"] for r in table("osm_categories.csv")}
    for path in sorted((source / "dist" / "translations").glob("*.min.json")):
        for kind, preset in _presets(path).items():
            detailed = categories.get("/".join(kind.split("/")[:2]))
            if not detailed:
                continue
            names = [preset.get("name", ""), *preset.get("aliases", "").split("\n")]
            for place, text in enumerate([*names, *preset.get("terms", "").split(",")]):
                phrase = folded(text)
                if 2 <= len(phrase) <= LONGEST:
                    yield phrase, detailed, int(place < len(names))


def _presets(path: Path) -> dict[str, dict[str, str]]:
    language: dict[str, Any] = json.loads(path.read_bytes()).get(path.name.removesuffix(".min.json"), {})
    presets: dict[str, dict[str, str]] = language.get("presets", {}).get("presets", {})
    return presets


def folded(text: str) -> str:
    """Words only, lower case, without accents: as descriptors are read."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not "\u0300" <= c <= "\u036f")
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", bare)))


if __name__ == "__main__":
    main()
