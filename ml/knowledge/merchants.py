"""Who a merchant is and what it sells, by name or by merchant category code: public knowledge, no model."""

import csv
import gzip
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from ai2.kit.merchants import merchant_key
from ai2.kit.places import AMBIGUOUS_TOWNS, STATES, TOWNS
from ml.knowledge.labels import primary_of

DATA = Path(__file__).with_name("data")
# How often each way of knowing names the right primary category. Ours is reviewed; the index's share is its
# agreement with ours on the 1,454 spellings that both hold (0.93, and 0.67 where it disagrees with itself);
# the others are set below that, for what may go wrong besides.
REVIEWED, INDEXED, DISPUTED, BRANCH, CUT, ELSEWHERE = 0.98, 0.93, 0.67, 0.95, 0.9, 0.8
# Name, kind (OpenStreetMap key/value), detailed category or nothing, confidence.
Row = tuple[str, str, str, float]
# A descriptor is cut after 18 to 25 characters; less than this says too little to be completed.
SHORTEST_CUT = 8


@dataclass(frozen=True)
class Found:
    """A merchant. `detailed` is none where it is known who it is but not what is paid for, as with a bank."""

    name: str
    kind: str | None
    detailed: str | None
    confidence: float
    reason: str
    is_whole: bool = True


class Merchants:
    """The table of known merchants, by key: the shipped one, or none at all where a model is measured alone."""

    def __init__(self, *, is_empty: bool = False) -> None:
        self._rows: dict[str, Row] = {}
        starred = set()
        for row in () if is_empty else _shipped():
            self._rows[row["key"]] = (row["name"], row["kind"], row["detailed"], _confidence(row))
            if row["is_certain"] == "2":
                starred.add(row["key"])
        self._keys = sorted(self._rows)
        # Addresses and careless tills leave out the spaces.
        self._joined = {key.replace(" ", ""): key for key in self._keys if " " in key and len(key) > 6}
        self._families = _families(self._rows) | starred
        with (DATA / "branch_words.csv").open(encoding="utf-8", newline="") as file:
            self._branch_words = {row["word"]: row["detailed"] for row in csv.DictReader(file)}

    def find(self, description: str, merchant: str | None = None) -> Found | None:
        """The merchant of a descriptor: by its whole name, as a branch, or from a name cut off; else none."""
        return self.find_key(merchant_key(description, merchant), description)

    def find_key(self, key: str, description: str) -> Found | None:
        """The same where the merchant key is known already."""
        return self._whole(key) or self._branch(key.split(), _is_located(description)) or self._cut(key)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that known names are made of."""
        return frozenset(word for key in self._keys for word in key.split() if len(word) > 2)

    def _whole(self, key: str) -> Found | None:
        row = self._rows.get(key) or self._rows.get(self._joined.get(key.replace(" ", ""), ""))
        return _found(row, row[3], f"{row[0]} is known") if row else None

    def _branch(self, words: list[str], is_located: bool) -> Found | None:
        """A known name and then words that say which branch of it, or which of its businesses.

        Before a closing state stands the town, whichever it is.
        """
        for length in range(len(words) - 1, 0, -1):
            row = self._rows.get(" ".join(words[:length]))
            if row is None or row[3] < INDEXED:
                continue
            rest = words[length:]
            word = next((word for word in rest if self._branch_words.get(word)), None)
            if word:
                business = (row[0], row[1], self._branch_words[word], CUT)
                return replace(_found(business, CUT, f"{row[0]} is known, and this is its {word}"), is_whole=False)
            is_place = self._is_only_a_place(rest) or (is_located and _may_be_a_town(rest))
            if length > 1 or is_place or words[0] in self._families:
                branch = _found(row, min(row[3], BRANCH), f"a branch of {row[0]}")
                return replace(branch, is_whole=is_place)
        return None

    def _is_only_a_place(self, words: list[str]) -> bool:
        text = " ".join(words)
        return text in TOWNS or text in AMBIGUOUS_TOWNS or all(word in self._branch_words for word in words)

    def _cut(self, key: str) -> Found | None:
        """The end of a name is often cut off: taken where all names that begin so sell the same."""
        if len(key) < SHORTEST_CUT:
            return None
        first = bisect_left(self._keys, key)
        longer = [name for name in self._keys[first : first + 20] if name.startswith(key)]
        # One whole word of a longer name is more often another's name.
        if " " not in key and any(name[len(key)] == " " for name in longer):
            return None
        rows = [self._rows[name] for name in longer]
        if not rows or len(rows) == 20 or len({primary_of(row[2]) for row in rows}) > 1:
            return None
        best = max(rows, key=lambda row: row[3])
        return replace(_found(best, min(best[3], CUT), f"{best[0]}, cut off"), is_whole=False)


def _is_located(description: str) -> bool:
    words = description.casefold().rsplit(None, 2)
    return len(words) > 2 and words[-1] in STATES


def _may_be_a_town(words: list[str]) -> bool:
    return len(words) < 4 and all(word.isalpha() and word not in _everyday_words() for word in words)


def _shipped() -> Iterator[dict[str, str]]:
    with gzip.open(DATA / "merchants.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _confidence(row: dict[str, str]) -> float:
    if row["is_certain"] == "0":
        return DISPUTED
    if row["tree"] == "known":
        return REVIEWED
    if row["is_english"] == "0":
        return ELSEWHERE
    is_any_word = " " not in row["key"] and len(row["key"]) < 6
    return ELSEWHERE if is_any_word else INDEXED


def _families(rows: dict[str, Row]) -> frozenset[str]:
    """Names that stay what they are whatever follows: of three and more names that begin so, nine in ten sell the same.

    A reviewed name of four letters that begins no other at all is one, too.
    """
    sold: dict[str, list[str | None]] = {}
    for key, row in rows.items():
        head, _, rest = key.partition(" ")
        if rest and row[3] >= INDEXED:
            sold.setdefault(head, []).append(primary_of(row[2]))

    def is_one(head: str) -> bool:
        primaries = sold.get(head, [])
        agreeing = primaries.count(primary_of(rows[head][2]))
        if rows[head][3] >= REVIEWED and len(head) > 3 and head not in _everyday_words():
            return agreeing >= 0.9 * len(primaries)
        return len(primaries) > 2 and agreeing >= 0.9 * len(primaries)

    return frozenset(head for head in rows if " " not in head and is_one(head))


@cache
def _everyday_words() -> frozenset[str]:
    """Words that say what is sold, so that a name made of one is not only a name."""
    with (DATA / "words.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(word for row in csv.DictReader(file) for word in re.findall(r"\w+", row["phrases"]))


def _found(row: Row, confidence: float, reason: str) -> Found:
    name, kind, detailed, _ = row
    return Found(name, kind.partition("/")[2].replace("_", " ") or None, detailed or None, confidence, reason)


@cache
def merchants() -> Merchants:
    """The table, read once."""
    return Merchants()


@cache
def category_codes() -> dict[str, tuple[str, str]]:
    """Description and detailed category of each merchant category code; empty where it does not say what was bought."""
    with (DATA / "mcc.csv").open(encoding="utf-8", newline="") as file:
        return {row["mcc"]: (row["description"], row["detailed"]) for row in csv.DictReader(file)}
