"""Kinds: what sort of thing is paid for, which says how readily few or uneven payments are taken for a bill."""

import csv
from functools import cache, lru_cache
from typing import Literal

from ml.knowledge.merchants import DATA, Found, merchants

# bill: comes by itself, even if it differs. agreed: comes by itself, always the same. habit: is bought again and again.
Kind = Literal["bill", "agreed", "habit", "unknown"]

BILLS = (
    "RENT_AND_UTILITIES", "LOAN_PAYMENTS", "INCOME_WAGES", "INCOME_RETIREMENT", "INCOME_UNEMPLOYMENT",
    "INCOME_INTEREST",
    "GENERAL_SERVICES_INSURANCE", "GOVERNMENT_AND_NON_PROFIT_TAX", "BANK_FEES_OTHER", "BANK_FEES_INTEREST",
    "GENERAL_SERVICES_ACCOUNTING", "GENERAL_SERVICES_CHILDCARE", "INCOME_DIVIDENDS",
)  # fmt: skip
AGREED = (
    "ENTERTAINMENT_TV", "ENTERTAINMENT_MUSIC", "PERSONAL_CARE_GYMS", "GOVERNMENT_AND_NON_PROFIT_DONATIONS",
    "GENERAL_SERVICES_STORAGE", "GENERAL_SERVICES_EDUCATION",
)  # fmt: skip
HABITS = (
    "FOOD_AND_DRINK", "GENERAL_MERCHANDISE", "TRANSPORTATION_GAS", "TRANSPORTATION_PARKING", "TRANSPORTATION_TAXIS",
    "TRAVEL", "HOME_IMPROVEMENT_FURNITURE", "HOME_IMPROVEMENT_HARDWARE", "MEDICAL_PHARMACIES", "PERSONAL_CARE_HAIR",
    "ENTERTAINMENT_SPORTING", "ENTERTAINMENT_CASINOS", "TRANSFER_OUT_WITHDRAWAL",
)  # fmt: skip
# Their category is that of what is subscribed to at home.
VISITED = ("cinema", "theatre", "music venue")
LONGEST_PHRASE = 4


def kind_of(detailed: str | None) -> Kind:
    """What a predicted category says of it; the more particular goes before the general."""
    name = detailed or ""
    if name.startswith(BILLS):
        return "bill"
    if name.startswith(AGREED):
        return "agreed"
    return "habit" if name.startswith(HABITS) else "unknown"


def kind_for(merchant_key: str, money_in: bool, category: str | None, code: str | None) -> Kind:
    """What is known of a merchant's payments: by their category, or its name, or else publicly."""
    if _is_visited(merchant_key):
        return "habit"
    by_category = kind_of(code or (_by_words(category.lower(), money_in) if category else None))
    return by_category if by_category != "unknown" else kind_of(publicly(merchant_key, money_in))


def _is_visited(merchant_key: str) -> bool:
    found = _known(merchant_key)
    return found is not None and found.kind in VISITED


@lru_cache(maxsize=1000)
def _known(merchant_key: str) -> Found | None:
    return merchants().find_key(merchant_key, merchant_key)


def publicly(merchant_key: str, money_in: bool) -> str | None:
    """The category that public knowledge has for a merchant: by its name, or by a word in it that says what it is."""
    by_word = _by_words(merchant_key, money_in)
    if money_in:  # a shop that pays in pays wages, or gives money back
        return by_word
    found = _known(merchant_key)
    return (found.detailed if found else None) or by_word


def _by_words(merchant_key: str, money_in: bool) -> str | None:
    words, way = merchant_key.split(), "in" if money_in else "out"
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        for first in range(len(words) - length + 1):
            detailed = _phrases().get((way, " ".join(words[first : first + length])))
            if detailed:
                return detailed
    return None


@cache
def _phrases() -> dict[tuple[str, str], str]:
    with (DATA / "words.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (way, phrase.strip()): row["detailed"]
        for row in reversed(rows)
        for way in (("in", "out") if row["money"] not in ("in", "out") else (row["money"],))
        for phrase in row["phrases"].split(";")
    }
