"""Matching: what each condition means, and that the first rule to say something is the one that says it."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from ai2.books.rules import single
from ai2.books.rules.matching import (
    FACTS,
    NONE,
    Actions,
    Conditions,
    Rule,
    TextTest,
    TransferTo,
    decide,
    is_expression,
)
from ai2.kit.ids import new_id

ACCOUNT, CATEGORY = new_id(), new_id()
ORDINARY: dict[str, Any] = {
    "transaction_id": str(new_id()),
    "description": "CARD PAYMENT TO TESCO STORES 3297",
    "merchant": "tesco",
    "mcc": "5411",
    "account_id": str(ACCOUNT),
    "currency": "GBP",
    "amount": Decimal("-12.50"),
    "keeps_category": False,
    "keeps_merchant": False,
}


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{**ORDINARY, **row} for row in rows], FACTS)


def fact(row: dict[str, Any]) -> single.Fact:
    known = {**ORDINARY, **row}
    known |= {"account_id": UUID(known["account_id"])}
    return single.Fact(**{each.name: known[each.name] for each in fields(single.Fact)})


def rule(conditions: Conditions, **actions: Any) -> Rule:
    now = datetime.now(UTC)
    return Rule(
        rule_id=new_id(), name="a rule", position=1, is_active=True, conditions=conditions,
        actions=Actions(**(actions or {"category_id": CATEGORY})), version=1, created_at=now, updated_at=now,
    )  # fmt: skip


def contains(text: str) -> Conditions:
    return Conditions(description=TextTest("contains", text))


HOLDS = [
    (contains("tesco"), {}, True),
    (contains("TESCO sto"), {}, True),
    (contains("asda"), {}, False),
    (contains("straße"), {"description": "STRASSE 7"}, True),  # what is one letter in one case is two in the other
    (contains(".*"), {}, False),  # no expression
    (Conditions(description=TextTest("equals", "card payment to tesco stores 3297")), {}, True),
    (Conditions(description=TextTest("equals", "tesco")), {}, False),
    (Conditions(description=TextTest("matches", r"tesco .* \d{4}$")), {}, True),
    (Conditions(description=TextTest("matches", r"^tesco")), {}, False),
    (Conditions(description=TextTest("matches", r"(?-i:tesco)")), {}, False),
    (Conditions(description=TextTest("contains", "two\nlines")), {"description": 'two\nlines, "quoted"'}, True),
    (Conditions(merchant=TextTest("equals", "Tesco")), {}, True),
    (Conditions(merchant=TextTest("matches", "^$")), {"merchant": None}, False),  # nobody is no merchant
    (Conditions(merchant=TextTest("matches", ".*")), {"merchant": ""}, False),
    (Conditions(min_amount=Decimal("12.50")), {}, True),  # without the sign, the bound included
    (Conditions(min_amount=Decimal("12.51")), {}, False),
    (Conditions(max_amount=Decimal("12.50")), {}, True),
    (Conditions(max_amount=Decimal("12.49")), {}, False),
    (Conditions(max_amount=Decimal(0)), {"amount": Decimal("0.00")}, True),
    (Conditions(min_amount=Decimal("9999999999999999.99")), {"amount": Decimal("-9999999999999999.99")}, True),
    (Conditions(min_amount=Decimal("9999999999999999.99")), {"amount": Decimal("-9999999999999999.98")}, False),
    (Conditions(sign="out"), {}, True),
    (Conditions(sign="in"), {}, False),
    (Conditions(sign="in"), {"amount": Decimal("0.01")}, True),
    (Conditions(sign="out"), {"amount": Decimal(0)}, True),  # as the type expense has it
    (Conditions(account_id=ACCOUNT), {}, True),
    (Conditions(account_id=new_id()), {}, False),
    (Conditions(mcc="5411"), {}, True),
    (Conditions(mcc="5411"), {"mcc": None}, False),
    (Conditions(currency="GBP"), {}, True),
    (Conditions(currency="EUR"), {}, False),
    (Conditions(description=TextTest("contains", "tesco"), sign="out", mcc="5411", currency="GBP"), {}, True),
    (Conditions(description=TextTest("contains", "tesco"), sign="in"), {}, False),  # all must hold
]


@pytest.mark.parametrize(("conditions", "row", "holds"), HOLDS)
def test_a_condition_holds_where_it_says(conditions: Conditions, row: dict[str, Any], holds: bool) -> None:
    found = decide(table(row), [rule(conditions)])
    assert list(found.places["category"]) == ([0] if holds else [])
    assert found.matched == holds
    assert bool(single.decide(fact(row), [rule(conditions)])) == holds


def test_the_first_rule_that_holds_decides_each_field() -> None:
    rules = [
        rule(contains("asda"), category_id=CATEGORY),
        rule(contains("stores"), tags=("shop",)),
        rule(contains("tesco"), category_id=CATEGORY, tags=("tesco",)),
        rule(contains("card"), category_id=new_id(), merchant="Card"),
    ]
    found = decide(table({}), rules)
    assert {field: list(places) for field, places in found.places.items()} == {
        "category": [2], "tags": [1], "merchant": [3],
    }  # fmt: skip
    assert single.decide(fact({}), rules) == {"category": rules[2], "tags": rules[1], "merchant": rules[3]}


def test_nothing_is_moved_from_an_account_to_itself() -> None:
    rules = [rule(contains("tesco"), transfer=TransferTo(ACCOUNT), tags=("own",)), rule(contains("tesco"))]
    assert list(decide(table({}), rules).places["category"]) == [1]
    assert single.decide(fact({}), rules) == {"category": rules[1]}


def test_of_one_rule_only_what_it_decides_itself_is_told() -> None:
    rules = [rule(contains("tesco")), rule(contains("card"), category_id=new_id(), tags=("card",))]
    found = decide(table({}, {"description": "CARD 1"}, {"description": "rent"}), rules, only=1)
    assert list(found.places["category"]) == [NONE, 1]
    assert list(found.places["tags"]) == [1, 1]
    assert found.matched == 2


def test_what_somebody_before_rules_decided_is_kept_and_counted() -> None:
    rules = [rule(contains("tesco"), category_id=CATEGORY, tags=("food",), merchant="Tesco")]
    found = decide(table({"keeps_category": True}, {"keeps_merchant": True}, {}), rules)
    assert list(found.places["category"]) == [NONE, 0, 0]
    assert list(found.places["merchant"]) == [0, NONE, 0]
    assert list(found.places["tags"]) == [0, 0, 0]
    assert (found.matched, found.kept) == (3, 2)


def test_nothing_is_decided_of_nothing() -> None:
    found = decide(table(), [rule(contains("tesco"))])
    assert (len(found.transaction_ids), found.matched, found.kept) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("tesco|asda", True),
        (r"\bshop\s+\d+", True),
        ("(", False),
        ("a(?=b)", False),  # looking around and back is what takes others for ever
        (r"(a)\1", False),
        ("((a{100}){100}){100}", False),
        ("(a*)*$", True),  # linear all the same
    ],
)
def test_tells_what_is_an_expression(text: str, is_one: bool) -> None:
    assert is_expression(text) == is_one


@pytest.mark.timeout(20)
def test_no_expression_takes_for_ever() -> None:
    """What would take a backtracking engine longer than the universe has been there."""
    texts = table({"description": "a" * 1990 + "!"})
    assert decide(texts, [rule(Conditions(description=TextTest("matches", "(a|a)*(a*)*(a|aa)+$")))]).matched == 0


def test_ids_come_back_as_they_went() -> None:
    wanted = str(new_id())
    found = decide(table({"description": "rent"}, {"transaction_id": wanted}), [rule(contains("tesco"))])
    assert [UUID(each) for each in found.transaction_ids.to_pylist()] == [UUID(wanted)]
