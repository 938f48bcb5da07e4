"""Heads: what kind of expense a movement of money is, by its merchant, its merchant category code or its category."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

DATA = Path(__file__).with_name("data")
# business: bought for a business by its nature; mixed: may be either, which a person says; the rest is no expense of
# one. relief: not an expense, but a person's own relief.
Nature = Literal["business", "mixed", "personal", "transfer", "income", "loan", "tax", "relief"]
Head = Literal[
    "advertising", "bad_debts", "bank_charges", "benefits", "delivery", "depreciation", "entertainment", "equipment",
    "fuel", "gifts", "goods", "home", "insurance", "loan_interest", "management", "meals", "motor", "office", "other",
    "professional", "property_tax", "rent", "repairs", "software", "storage", "subcontractors", "subsistence",
    "supplies", "taxes", "telephone", "training", "travel", "utilities", "wages",
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A head of expense, where it is one, its nature, and by what that is known."""

    head: str | None
    nature: Nature
    reason: str


def of_merchant(merchant_key: str, mcc: str | None) -> Kind | None:
    """What a merchant is paid for by businesses; none where that depends."""
    by_key, by_mcc = _merchants()
    words = merchant_key.split()
    for length in range(min(len(words), 3), 0, -1):
        name = " ".join(words[:length])
        if head := by_key.get(name):
            return Kind(head, "business" if head != "rent" else "mixed", f"{name} is paid for {head}")
    head = by_mcc.get(mcc or "")
    return Kind(head, "business", f"the merchant category code {mcc} is of {head}") if head else None


def of_codes(codes: Iterable[str]) -> Kind | None:
    """What a category is: where it stands for several predicted ones that are not the same, the most cautious."""
    found = {code: _categories()[code] for code in codes if code in _categories()}
    if not found:
        return None
    code = min(found, key=lambda each: (CAUTION.index(found[each][1]), each))
    head, nature = found[code]
    return Kind(head or None, nature, f"its category is {code}")


CAUTION: tuple[Nature, ...] = ("transfer", "income", "loan", "tax", "relief", "personal", "mixed", "business")


@cache
def _categories() -> dict[str, tuple[str, Nature]]:
    with (DATA / "heads.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: (row["head"], row["nature"]) for row in csv.DictReader(file)}  # type: ignore[misc]


@cache
def _merchants() -> tuple[dict[str, str], dict[str, str]]:
    """Heads by the beginning of a merchant's key, and by merchant category code."""
    with (DATA / "merchants.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return ({x["key"]: x["head"] for x in lines if x["key"]}, {x["mcc"]: x["head"] for x in lines if x["mcc"]})
