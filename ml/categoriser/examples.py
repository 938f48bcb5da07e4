"""Training examples from public knowledge: merchants and words written the way banks write them, by a fixed seed.

No row of anybody is in them. An example's weight says how much it is like what a statement shows.
"""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pandas as pd

from ai2.kit.merchants import merchant_key
from ml.categoriser.features import line, render
from ml.knowledge.merchants import DATA, category_codes

SEED = 20131115
HELD_OUT = 0.2
WEIGHTS = {"brands": 1.0, "known": 1.0, "transit": 0.3, "operators": 0.3}
ELSEWHERE = 0.75  # a brand of countries whose statements are not in English
# A word for a kind of shop, and one that people look for it by.
NAMED, SEARCHED = 0.6, 0.4


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _several(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _several(
    """james mary john linda robert patricia michael susan david karen william nancy richard lisa thomas sarah
    daniel emma matthew olivia ahmed fatima wei priya carlos maria pierre ana joao anna ivan mohammed grace kofi
    smith jones williams brown taylor davies wilson evans thomas johnson roberts walker wright robinson thompson
    white hughes edwards green hall wood harris lewis martin jackson clarke patel khan garcia martinez rodriguez
    lopez nguyen kim lee chen wang singh kumar ali hussain murphy kelly o'brien ryan schmidt mueller rossi"""
)
FRONTS = _several(
    """main street oak park river lake hill north south east west central city royal golden blue red green silver
    star sunny happy family village old new first premier quality classic modern united valley ocean mountain
    eagle lion phoenix crown victoria union liberty pacific atlantic highland corner bridge station market square
    abbey priory manor grove meadow willow maple cedar rose ivy the little big grand best express smart pure"""
)
# Towns that no descriptor is cleaned of, so that the model learns that they say nothing.
PLACES = _several(
    """berlin hamburg muenchen koeln frankfurt stuttgart wien zuerich geneve bern basel paris lyon marseille toulouse
    nice nantes lille madrid barcelona valencia sevilla bilbao lisboa porto milano roma napoli torino firenze bologna
    bruxelles antwerpen amsterdam rotterdam utrecht kobenhavn stockholm goteborg oslo bergen helsinki tallinn riga
    vilnius warszawa krakow gdansk wroclaw praha brno bratislava budapest bucuresti sofia beograd zagreb ljubljana
    athina istanbul ankara moskva kyiv tokyo osaka seoul taipei beijing shanghai hongkong singapore bangkok jakarta
    manila delhi mumbai dubai cairo lagos nairobi johannesburg sao paulo rio bogota lima santiago mexico monterrey
    cdmx buenos aires gb de fr es it pl jp nl at ch se cz"""
)


@dataclass(frozen=True)
class Example:
    """`group` is what is held out together (a merchant); `source` the table it comes from."""

    text: str
    detailed: str
    weight: float
    source: str
    group: str = ""
    is_english: bool = True
    sign: str = "out"
    mcc: str | None = None
    is_mauled: bool = False


def build_examples(seed: int = SEED) -> pd.DataFrame:
    """All examples: line (rendered), detailed, weight, source, group, is_english, split.

    `split` is `calibration` or `test` for a fifth of the merchants, chosen by the hash of their name: what is held
    out stays held out in every run and for every model. `kin` would give those away, all else is `train`.
    """
    random = Random(seed)  # noqa: S311 - not for secrets
    examples = [*merchants(random), *words(random), *vocabulary(), *codes(), *payees(random)]
    frame = pd.DataFrame([_record(example, random) for example in examples])
    frame.loc[_gives_away(frame), "split"] = "kin"
    return frame


def merchants(random: Random) -> Iterator[Example]:
    """Every known spelling as it is, and a second time the way a till may maul it."""
    by_category: dict[str, list[str]] = {}
    for code, (_, detailed) in category_codes().items():
        by_category.setdefault(detailed, []).append(code)
    with gzip.open(DATA / "merchants.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["detailed"]:
                continue
            is_english = row["is_english"] == "1"
            if not is_english and row["tree"] != "brands":  # authorities and networks of elsewhere teach little
                continue
            weight = WEIGHTS[row["tree"]] * (1 if is_english else ELSEWHERE)
            plain = Example(
                row["key"], row["detailed"], weight, row["tree"], merchant_key(row["name"]), is_english,
                _sign_of(row["detailed"]),
            )  # fmt: skip
            yield plain
            if row["tree"] == "brands" and not is_english:
                yield replace(plain, text=_mauled(row["key"], random, PLACES), weight=weight / 3, is_mauled=True)
            elif row["tree"] in {"brands", "known"}:
                mcc = random.choice(by_category.get(row["detailed"], [""])) if random.random() < 0.3 else None
                mauled = _mauled(row["key"], random, FRONTS)
                yield replace(plain, text=mauled, weight=weight / 2, mcc=mcc or None, is_mauled=True)


def words(random: Random) -> Iterator[Example]:
    """What stands on statements for itself, and as the telling part of the name of a business nobody knows."""
    with (DATA / "words.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for phrase in map(str.strip, row["phrases"].split(";")):
                sign = "" if row["money"] == "any" else row["money"]
                plain = Example(phrase, row["detailed"], 2.0, "words", sign=sign)
                yield plain
                yield replace(plain, text=f"{random.choice(FRONTS + PEOPLE)} {phrase}", weight=1.0)
                yield replace(plain, text=f"{phrase} {random.choice(FRONTS + PEOPLE)}", weight=0.5)


def vocabulary() -> Iterator[Example]:
    """What shops of each kind are called in other languages, and what is asked for there."""
    with gzip.open(DATA / "vocabulary.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            weight = NAMED if row["is_name"] == "1" else SEARCHED
            yield Example(row["phrase"], row["detailed"], weight, "vocabulary", is_english=False)


def codes() -> Iterator[Example]:
    """Merchant category codes, by their description and by their number."""
    for code, (description, detailed) in category_codes().items():
        if detailed and not "3000" <= code < "4000":
            yield Example(description.lower(), detailed, 1.0, "codes", mcc=code)


def payees(random: Random) -> Iterator[Example]:
    """Payments between people, of which a bank says no more than a name, half of them of no known language."""
    ways = ("zelle payment", "venmo", "faster payment", "faster payments receipt", "standing order", "transfer",
            "bank transfer", "bill payment via faster payment", "mobile payment", "payment")  # fmt: skip
    for _ in range(2400):
        first = random.choice(PEOPLE) if random.random() < 0.5 else random.choice("abcdefghjklmnprstw")
        last = random.choice(PEOPLE) if random.random() < 0.5 else _invented(random)
        title = random.choice(("", "", "", "mr ", "mrs ", "ms ", "miss "))
        sign = random.choice(("in", "out"))
        preposition = "from" if sign == "in" else "to"
        text = f"{random.choice(ways)} {preposition} {title}{first} {last}"
        yield Example(text, f"TRANSFER_{sign.upper()}_ACCOUNT_TRANSFER", 1.0, "payees", sign=sign)


def _invented(random: Random) -> str:
    syllables = random.randint(2, 3)
    return "".join(
        random.choice("bcdfghjklmnprstvwyz") + random.choice("aeiou") for _ in range(syllables)
    ) + random.choice(("", "n", "s", "r", "l", "ck", "tt", "gs"))


def _mauled(key: str, random: Random, others: tuple[str, ...]) -> str:
    """Cut off, written together, or followed by a word that says nothing."""
    way = random.random()
    if way < 0.4 and len(key) > 9:
        return key[: random.randint(7, len(key) - 1)].strip()
    if way < 0.6:
        return key.replace(" ", "")
    return f"{key} {random.choice(others)}"


def _sign_of(detailed: str) -> str:
    return "in" if detailed.startswith(("INCOME", "TRANSFER_IN")) else "out"


def _record(example: Example, random: Random) -> dict[str, object]:
    """A refund keeps its shop's category, and some files have no sign."""
    sign = example.sign
    if sign and random.random() < 0.15:
        sign = ""
    elif sign == "out" and example.source in WEIGHTS and random.random() < 0.1:
        sign = "in"
    money_in = {"in": True, "out": False}.get(sign)
    if example.source in WEIGHTS:  # a key is clean already
        rendered = line(example.text, (), money_in=money_in, mcc=example.mcc)
    else:
        rendered = render(example.text, money_in=money_in, mcc=example.mcc)
    return {
        "line": rendered,
        "detailed": example.detailed,
        "weight": example.weight,
        "source": example.source,
        "group": example.group,
        "is_english": example.is_english,
        "is_mauled": example.is_mauled,
        "split": split_of(example.group) if example.source in {"brands", "known"} else "train",
    }


def split_of(group: str) -> str:
    """The side of a merchant, by the first eight bytes of the SHA-256 of its key."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if place >= HELD_OUT:
        return "train"
    return "calibration" if place < HELD_OUT / 2 else "test"


def _gives_away(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Training rows that name a held-out merchant: a longer name of it, or a shorter one."""
    held = set(frame.loc[frame["split"] != "train", "group"])
    heads = {" ".join(group.split()[:n]) for group in held for n in range(1, len(group.split()) + 1)}

    def names_one(group: str) -> bool:
        parts = group.split()
        longer = any(" ".join(parts[:n]) in held for n in range(1, len(parts) + 1))
        return bool(group) and (longer or (len(parts) > 1 and group in heads))

    return (frame["split"] == "train") & frame["group"].map(names_one)
