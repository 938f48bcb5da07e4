"""Scoring: the signs by which a row is a receipt's or not, each with its reason; `weights` says what each is worth."""

import math
from collections.abc import Iterator
from decimal import Decimal

from ai2.receipts.matching import texts
from ai2.receipts.matching.candidates import Index, Ways
from ai2.receipts.matching.model import Known, Pair, Receipt, Row, Way
from ai2.receipts.matching.names import APART, LIKE, SAME, likeness
from ai2.receipts.matching.weights import score

# The day after is the usual one; so many days from it are one unit, and beyond the last of these a payment is late.
USUAL_DAY, DAYS_APART, LAST_NEAR = 1, 2.5, 5
# How many rows of one amount chance brings into these days: seldom one of odd cents, more often a round one.
CHANCE_DAYS, BY_CHANCE, BY_CHANCE_ROUND, BY_CHANCE_NEAR = 14, 0.02, 0.15, 0.3
RAREST, COMMONEST = 4.0, -1.5
Signs = dict[str, float]


def judge(receipt: Receipt, ways: Ways, index: Index, known: Known) -> Iterator[Pair]:
    """The pairs of a receipt with what may be its rows, without those that a person rejected."""
    for way, found in ways.items():
        for row, off in found:
            if (receipt.document_id, row.transaction_id) not in known.rejected:
                signs, reasons = signs_of(receipt, row, way, off, len(found), index, known)
                yield Pair(receipt, row, way, round(score(signs), 3), reasons)


def signs_of(
    receipt: Receipt, row: Row, way: Way, off: Decimal, alike: int, index: Index, known: Known
) -> tuple[Signs, tuple[str, ...]]:
    """Each sign with its strength, and why. `alike`: how many rows are the receipt's in the same way."""
    signs, reasons = _amount(receipt, row, way, off, alike, index)
    for more, why in (_days(receipt, row), _name(receipt, row, known), _number(receipt, row)):
        signs |= more
        reasons += why
    return signs, tuple(reasons)


def _amount(receipt: Receipt, row: Row, way: Way, off: Decimal, alike: int, index: Index) -> tuple[Signs, list[str]]:
    if way == "number":
        return {"other_amount": 1.0}, ["another amount"]
    if way in ("same", "stated"):
        others = index.times(row) - 1 if way == "same" else 0
        signs = {"rare": _rarity(others / index.span_days * CHANCE_DAYS, _usual(row.paid))}
        reasons = ["the same amount" if way == "same" else f"the bank's text states it in {receipt.currency}"]
        if receipt.currency is None:
            signs["no_currency"] = 1.0
            reasons.append("the receipt names no currency")
        return signs, reasons
    rare = _rarity(alike - 1, BY_CHANCE_NEAR)
    if way == "tip":
        return {"rare": rare, "tip": 1.0}, [f"{off:.0%} more, as with a tip"]
    return {"rare": rare, "rate": 1.0, "rate_off": float(off) * 50}, [f"the day's rate, to {off:.1%}"]


def _rarity(others: float, chance: float) -> float:
    return max(COMMONEST, min(RAREST, -math.log(others + chance)))


def _usual(paid: Decimal) -> float:
    cents = abs(paid) % 1
    return BY_CHANCE_ROUND if cents in _ROUND else BY_CHANCE


_ROUND = frozenset(map(Decimal, ("0", "0.5", "0.99", "0.95")))


def _days(receipt: Receipt, row: Row) -> tuple[Signs, list[str]]:
    gap = (row.booked_on - receipt.day).days
    if receipt.issued_on is None:
        return {"no_day": 1.0, "weeks": abs(gap) / 7 / 2}, ["the receipt names no day"]
    told = f"{abs(gap)} day{'s' * (abs(gap) > 1)}"
    reasons = ["the same day" if not gap else f"{told} later" if gap > 0 else f"{told} before"]
    if gap <= LAST_NEAR:
        signs: Signs = {"days": -(((gap - USUAL_DAY) / DAYS_APART) ** 2)}
    else:
        signs = {"late": 1.0, "weeks": (gap - LAST_NEAR) / 7}
    said = texts.days_in(row.text)
    if (receipt.issued_on.month, receipt.issued_on.day) in said:
        signs["said_day"] = 1.0
        reasons.append("the bank's text names the day")
    elif said:
        signs["other_day"] = 1.0
        reasons.append("the bank's text names another day")
    return signs, reasons


def _name(receipt: Receipt, row: Row, known: Known) -> tuple[Signs, list[str]]:
    if (receipt.supplier_key, row.merchant_key) in known.aliases:
        return {"alias": 1.0}, ["people said that these names mean the same"]
    alike = likeness(receipt.supplier_key, row.merchant_key)
    if alike is None:
        return {}, []
    if alike >= SAME:
        return {"same_name": 1.0}, ["the same name"]
    if alike >= LIKE:
        return {"like_name": 1.0}, ["a name like it"]
    return ({"other_name": 1.0}, ["another name"]) if alike < APART else ({}, [])


def names_agree(receipt: Receipt, row: Row, known: Known) -> bool:
    """Whether the bank names the supplier, or what people said to mean the same."""
    return not {"alias", "same_name"}.isdisjoint(_name(receipt, row, known)[0])


def _number(receipt: Receipt, row: Row) -> tuple[Signs, list[str]]:
    if has_number(receipt, row):
        return {"number": 1.0}, ["the bank's text has its number"]
    return {}, []


def has_number(receipt: Receipt, row: Row) -> bool:
    return bool(receipt.numbers) and not texts.numbers_in(row.text).isdisjoint(receipt.numbers)
