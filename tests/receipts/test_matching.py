"""Matching without a database: the assignment and its margins are exact, and each sign counts as it should."""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, product
from typing import Any
from uuid import UUID

import pytest

from ai2.kit.ids import new_id
from ai2.kit.merchants import merchant_key
from ai2.receipts.matching import sums
from ai2.receipts.matching.assignment import CLEAR, assign
from ai2.receipts.matching.deciding import decide
from ai2.receipts.matching.model import Known, Receipt, Row
from ai2.receipts.matching.names import APART, LIKE, SAME, likeness
from tests import seeds

DAY = date(2026, 3, 2)  # a Monday
RATES = {("USD", "GBP", DAY): Decimal("0.80")}
Worth = Mapping[UUID, Mapping[UUID, float]]


def receipt(total: str = "48.17", supplier: str = "Juniper Outfitters", **known: Any) -> Receipt:
    given = {"currency": "GBP", "issued_on": DAY, "seen_on": DAY, **known}
    return Receipt(new_id(), Decimal(total), supplier_key=merchant_key(supplier) if supplier else "", **given)


def row(paid: str = "48.17", text: str = "JUNIPER OUTFITTERS 0123 LEEDS", days: int = 1, **known: Any) -> Row:
    given = {"currency": "GBP", "account_id": UUID(int=1), **known}
    return Row(
        transaction_id=new_id(), booked_on=DAY + timedelta(days), paid=Decimal(paid), merchant_key=merchant_key(text),
        text=text, **given,
    )  # fmt: skip


def others() -> list[Row]:
    """Books in which a price is not rare because they are empty."""
    return [row(f"{20 + number}.{number:02}", f"SHOP {chr(65 + number)}RX", number % 20) for number in range(25)]


def applied(receipts: list[Receipt], rows: list[Row], known: Known | None = None) -> set[tuple[UUID, UUID]]:
    verdicts = decide(receipts, [*rows, *others()], known or Known(), RATES)
    return {(each.document_id, each.transaction_id) for each in verdicts if each.state == "applied"}


def pair(one: Receipt, other: Row) -> tuple[UUID, UUID]:
    return one.document_id, other.transaction_id


def best(worth: Worth, without: tuple[UUID, UUID] | None = None) -> float:
    """The greatest sum of any assignment, all of them tried."""
    places: list[list[UUID | None]] = [[None, *options] for options in worth.values()]
    sums_of = [0.0]
    for chosen in product(*places):
        taken = [place for place in chosen if place is not None]
        if len(taken) == len(set(taken)) and without not in zip(worth, chosen, strict=True):
            sums_of.append(sum(worth[who][place] for who, place in zip(worth, chosen, strict=True) if place))
    return max(sums_of)


@pytest.mark.parametrize("seed", seeds.seeds("assignment", 3))
def test_the_assignment_is_the_best_and_its_margins_are_exact(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        who, places = ([UUID(int=chance.getrandbits(128)) for _ in range(chance.randint(1, 5))] for _ in range(2))
        worth = {
            each: {place: round(chance.uniform(-2, 6), 1) for place in places if chance.random() < 0.6} for each in who
        }
        found = assign(worth)
        assert sum(worth[each][place] for each, place in found) == pytest.approx(best(worth))
        for ids, margin in found.items():
            assert margin == pytest.approx(min(CLEAR, best(worth) - best(worth, ids)))


def test_near_twins_do_not_steal_each_others_rows() -> None:
    """Days one after the other, the same shop and price: whoever takes the nearest first leaves one without."""
    receipts = [receipt(issued_on=DAY + timedelta(day)) for day in range(3)]
    rows = [row(days=day + 1) for day in range(3)]
    assert applied(receipts, rows) == set(map(pair, receipts, rows))


def test_what_two_rows_could_be_as_well_waits_for_a_person() -> None:
    assert applied([receipt()], [row(), row()]) == set()


def test_the_same_price_elsewhere_is_another_purchase() -> None:
    ours, theirs = row(), row(text="QUARRY GRILL 88 BRISTOL", days=0)
    asked = receipt()
    assert applied([asked], [theirs, ours]) == {pair(asked, ours)}


@pytest.mark.parametrize(
    ("asked", "paid", "is_applied"),
    [
        (receipt("40.00", "Quarry Grill"), row("46.00", "QUARRY GRILL BRISTOL"), True),  # 15 %
        (receipt("40.00", "Quarry Grill"), row("52.00", "QUARRY GRILL BRISTOL"), False),  # 30 %
        (receipt("40.00", "Juniper Outfitters"), row("46.00"), False),  # nobody tips there
        (receipt("60.00", currency="USD"), row("48.93"), True),  # 1.9 % from the day's rate
        (receipt("60.00", currency="USD"), row("52.80"), False),  # 10 %
        (receipt("-48.17"), row("-48.17"), True),  # a credit note is money back
        (receipt("48.17"), row("-48.17"), False),
        (receipt(), row(days=-4), False),  # paid before it was written
        (receipt(may_apply=False), row(), False),
        (receipt(supplier="", numbers=("INV20394",)), row(text="BILL PAYMENT INV-20394 RIVERS", days=31), True),
    ],
)  # fmt: skip
def test_what_is_sure_is_applied_and_nothing_else(asked: Receipt, paid: Row, is_applied: bool) -> None:
    assert (pair(asked, paid) in applied([asked], [paid])) is is_applied


def test_what_people_said_counts() -> None:
    asked, paid = receipt(supplier="Zebra Holdings"), row(text="PAYPAL *QUAGGA", days=4)
    assert applied([asked], [paid]) == set()
    alias = frozenset({(asked.supplier_key, paid.merchant_key)})
    assert applied([asked], [paid], Known(aliases=alias)) == {pair(asked, paid)}
    assert applied([asked], [paid], Known(alias, rejected=frozenset({pair(asked, paid)}))) == set()


@pytest.mark.parametrize(
    ("supplier", "bank", "least", "most"),
    [
        ("Harbour Tea Rooms Ltd", "CARD PAYMENT TO HARBOUR TEA", SAME, 1),  # cut off
        ("Juniper & Mason", "JUNIPERMASON.COM", SAME, 1),
        ("Amazon EU Sarl", "AMZN Mktp UK*2K4B8", 0, LIKE),
        ("Copper Coffee", "SILVER COFFEE", 0, APART),
        ("Uber BV", "UBER *TRIP", LIKE, 1),
    ],
)
def test_names_are_as_alike_as_people_would_say(supplier: str, bank: str, least: float, most: float) -> None:
    alike = likeness(merchant_key(supplier), merchant_key(bank))
    assert alike is not None
    assert least <= alike <= most


def test_a_sum_is_sure_only_in_one_way() -> None:
    parts = [(Decimal(amount), amount) for amount in ("60.05", "31.08", "12.00", "7.11")]
    found = sums.find(Decimal("91.13"), parts)
    assert found == sums.Sum(("60.05", "31.08"), is_sure=True)
    twice = sums.find(Decimal("91.13"), [*parts, (Decimal("31.08"), "again")])
    assert twice is not None
    assert not twice.is_sure
    assert sums.find(Decimal("91.14"), parts) is None
    many = [(Decimal(number), str(number)) for number in range(3, 15)]
    assert not any(
        found.is_sure for pair in combinations(range(10, 20), 2) if (found := sums.find(Decimal(sum(pair)), many))
    )
