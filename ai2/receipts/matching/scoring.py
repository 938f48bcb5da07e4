"""Scoring: the signs by which a row is a receipt's or not, each with its reason; `weights` says what each is worth."""

import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from ai2.receipts.matching import texts
from ai2.receipts.matching.candidates import Index, Ways
from ai2.receipts.matching.model import Known, Pair, Receipt, Row, Way
from ai2.receipts.matching.names import APART, LIKE, SAME, likeness
from ai2.receipts.matching.weights import score

# The day after is the usual one, and beyond the last of these a payment is late.
USUAL_DAY, LAST_NEAR = 1, 6
# Over so many days it is asked how many rows chance brings that fit as well; prices like to end so.
CHANCE_DAYS, BY_CHANCE_NEAR, OFTEN_ROUND = 14, 0.3, 8
ROUND = frozenset(map(Decimal, ("0", "0.5", "0.99", "0.95")))
RAREST, COMMONEST, FEW = 0.0005, -1.5, 0.3
HALF, TIP_OFF = Decimal("0.5"), Decimal("0.002")
USUAL_TIPS = tuple(map(Decimal, ("0.05", "0.08", "0.1", "0.12", "0.125", "0.15", "0.18", "0.2", "0.25")))
# Ordinals of Saturdays and Sundays, by the rest that seven leaves.
WEEKEND = frozenset({6, 0})
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
        by_chance = index.crowd(row) * (OFTEN_ROUND if abs(row.paid) % 1 in ROUND else 1)
        signs = {"rare": _rarity((others + by_chance) / index.span_days * CHANCE_DAYS, len(index.rows))}
        reasons = ["the same amount" if way == "same" else f"the bank's text states it in {receipt.currency}"]
        if receipt.currency is None:
            signs["no_currency"] = 1.0
            reasons.append("the receipt names no currency")
        return signs, reasons
    near = _rarity(alike - 1 + BY_CHANCE_NEAR, len(index.rows))
    if way == "tip":
        usual = float(row.paid % HALF == 0 or any(abs(off - tip) < TIP_OFF for tip in USUAL_TIPS))
        return {"near": near, "tip": 1.0, "usual_tip": usual}, [f"{off:.0%} more, as with a tip"]
    return {"near": near, "rate": 1.0, "rate_off": float(off) * 50}, [f"the day's rate, to {off:.1%}"]


def _rarity(others: float, rows: int) -> float:
    """How much rarer than chance: the logarithm of how many others are expected to fit as well.

    Of few rows nobody knows how rare something is.
    """
    return max(COMMONEST, -math.log(max(others, RAREST, FEW / rows)))


def _days(receipt: Receipt, row: Row) -> tuple[Signs, list[str]]:
    gap = (row.booked_on - receipt.day).days
    if receipt.issued_on is None:
        return {"no_day": 1.0, "seen": abs(gap - USUAL_DAY) / 7}, ["the receipt names no day"]
    told = f"{abs(gap)} day{'s' * (abs(gap) > 1)}"
    reasons = ["the same day" if not gap else f"{told} later" if gap > 0 else f"{told} before"]
    if gap <= LAST_NEAR:
        off = _banking_days(receipt.issued_on, row.booked_on) - USUAL_DAY
        signs: Signs = {"off": float(abs(off)), "squared": off * off / 4, "early": float(max(0, -off))}
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


def _banking_days(since: date, until: date) -> int:
    """How many days of the week on which banks book lie after the one, up to the other; fewer than none before it."""
    step = 1 if until >= since else -1
    days = range(since.toordinal() + step, until.toordinal() + step, step)
    return step * sum(day % 7 not in WEEKEND for day in days)


def _name(receipt: Receipt, row: Row, known: Known) -> tuple[Signs, list[str]]:
    if (receipt.supplier_key, row.merchant_key) in known.aliases:
        return {"alias": 1.0}, ["people said that these names mean the same"]
    alike = likeness(receipt.supplier_key, row.merchant_key)
    if (receipt.supplier_key, row.merchant_key) in known.together and (alike or 0) < LIKE:
        return {"like_name": 1.0}, ["other receipts of this supplier fit this name"]
    if alike is None:
        return {}, []
    if alike >= SAME:
        return {"same_name": 1.0}, ["the same name"]
    if alike >= LIKE:
        return {"like_name": 1.0}, ["a name like it"]
    return ({"other_name": 1.0}, ["another name"]) if alike < APART else ({}, [])


def names_agree(receipt: Receipt, row: Row, known: Known) -> bool:
    """Whether the bank names the supplier, or what people said to mean the same."""
    return not {"alias", "same_name", "like_name"}.isdisjoint(_name(receipt, row, known)[0])


def _number(receipt: Receipt, row: Row) -> tuple[Signs, list[str]]:
    if has_number(receipt, row):
        return {"number": 1.0}, ["the bank's text has its number"]
    return {}, []


def has_number(receipt: Receipt, row: Row) -> bool:
    return bool(receipt.numbers) and not texts.numbers_in(row.text).isdisjoint(receipt.numbers)
