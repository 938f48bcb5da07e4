"""Masking: what of a descriptor may be shown to an LLM, or that nothing may.

Nothing of a payment that may be between people leaves: by the way it was paid, or because it names one and nothing
that is sold. Of the rest only words leave: no number, reference, address or name. In doubt it stays here.
"""

import csv
import gzip
import re
from functools import cache
from pathlib import Path

from ai2.kit.masking import mask
from ai2.kit.merchants import merchant_text
from ml.answers import Descriptor
from ml.knowledge.merchants import DATA, merchants

NAMES = Path(__file__).with_name("data") / "names.txt.gz"
MOST_WORDS, MOST_LETTERS, SHORTEST_BRAND = 8, 60, 4
_BETWEEN_PEOPLE = re.compile(
    r"\b(?:zelle|venmo|cash\s?app|popmoney|squarecash|bizum|swish|vipps|mobilepay|mb\s?way|twint|blik|satispay|paym|"
    r"payid|osko|upi|imps|neft|rtgs|pix|interac|e-?transfers?|faster payments?|fpi|fpo|fp|fps|chaps|transfers?|tfr|"
    r"trf|trsf|xfer|wire|p2p|standing order|sto|so|s/o|bgc|giro|sepa|u(?:e?)berweis\w*|virement|bonifico|transferencia|"
    r"overboeking|przelew|revolut|wise|monzo|remit\w*|western union|moneygram|cheques?|checks?(?! ?card)|chq|chk|gift|"
    r"friends?|family|mum|mom|dad|son|daughter|rent|sent|received|receipt|from|payroll|salary|wages?|loan|owed?|iou|"
    r"reimburse\w*|refund to|deposit by|pay\s?pal (?:inst|transfer|friend)\w*)\b"
)
_TITLE = frozenset("mr mrs ms miss mx dr prof sir dame herr frau mme mlle sr sra".split())  # noqa: SIM905
_AT = re.compile(r"\S*@\S*")
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
# What only a merchant's text has: an address, or a card at its till.
_OF_A_SHOP = re.compile(
    r"\w\.(?:com|co\.uk|net|org|io|app|ai|dev)\b|\b(?:pos|card (?:payment|purchase))\b|^(?:sq|tst|sp) ?\*"
)


def masked(descriptor: Descriptor) -> str | None:
    """The words of a merchant that may be shown, or none."""
    plain = f"{descriptor.description} {descriptor.merchant or ''}".casefold()
    if _BETWEEN_PEOPLE.search(plain):
        return None
    named = descriptor.merchant if descriptor.merchant and descriptor.merchant.strip() else descriptor.description
    words = merchant_text(mask(_AT.sub(" ", named))).replace("'", "").split()
    kept = [word for word in words if _WORD.fullmatch(word) and len(word) > 1 and not is_name(word)]
    is_of_a_shop = bool(descriptor.mcc or _OF_A_SHOP.search(plain) or any(word in _sold() for word in kept))
    if not is_of_a_shop and (len(kept) < len(words) or not _is_brand(kept, descriptor.money_in)):
        return None
    return " ".join(kept[:MOST_WORDS])[:MOST_LETTERS] or None


def is_name(word: str) -> bool:
    """Whether a word is taken for a person's name or title, in the plural or genitive too."""
    parts = [part for piece in word.split("-") for part in (piece, piece.removesuffix("s"))]
    return any(part in _names() or part in _TITLE for part in parts)


def _is_brand(words: list[str], money_in: bool | None) -> bool:
    """Without a sign of a shop: some word that merchants use, or a single one that nobody is called by."""
    if len(words) == 1:
        return money_in is False and len(words[0]) >= SHORTEST_BRAND
    return any(word in merchants().words for word in words)


@cache
def _names() -> frozenset[str]:
    with gzip.open(NAMES, "rt", encoding="utf-8") as file:
        return frozenset(file.read().split())


@cache
def _sold() -> frozenset[str]:
    """Words that say what is sold."""
    with (DATA / "words.csv").open(encoding="utf-8", newline="") as file:
        phrases = " ".join(row["phrases"] for row in csv.DictReader(file))
    with (DATA / "branch_words.csv").open(encoding="utf-8", newline="") as file:
        phrases += " " + " ".join(row["word"] for row in csv.DictReader(file))
    return frozenset(word for word in re.findall(r"[a-z]+", phrases.casefold()) if len(word) > 3 and not is_name(word))
