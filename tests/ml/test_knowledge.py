"""What is known without anybody's data: the tables are whole, follow from their sources, and are read right."""

import csv
from pathlib import Path

import iso18245
import pytest

from ai2.books.categories.default_chart import default_chart
from ml.knowledge import build
from ml.knowledge.labels import primaries, primary_of
from ml.knowledge.merchants import DATA, Merchants, category_codes, merchants
from ml.knowledge.signs import directed, prior


@pytest.fixture(scope="module")
def known() -> Merchants:
    return merchants()


def test_the_label_space_is_sixteen_over_a_hundred_and_four() -> None:
    assert (len(set(primaries().values())), len(primaries())) == (16, 104)
    assert all(detailed.startswith(primary) for detailed, primary in primaries().items())


def test_every_organization_starts_with_a_category_for_each_label() -> None:
    assert {category.code for category in default_chart()} == set(primaries()) | set(primaries().values())


@pytest.mark.parametrize(
    "name",
    [
        "well_known.csv",
        "words.csv",
        "phrases.csv",
        "osm_categories.csv",
        "mcc_ranges.csv",
        "mcc.csv",
        "branch_words.csv",
    ],
)
def test_reviewed_tables_speak_of_labels_only(name: str) -> None:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["detailed"] for row in rows} <= {*primaries(), ""}
    assert not any(None in row for row in rows)  # a comma in a name would break the row


def test_every_label_has_words() -> None:
    with (DATA / "words.csv").open(encoding="utf-8", newline="") as file:
        assert {row["detailed"] for row in csv.DictReader(file)} == set(primaries())


def test_every_merchant_category_code_is_mapped_or_says_nothing() -> None:
    codes = {code.mcc for code in iso18245.get_all_mccs()}
    assert set(category_codes()) == codes
    assert category_codes()["5411"][1] == "FOOD_AND_DRINK_GROCERIES"
    assert category_codes()["3000"][1] == "TRAVEL_FLIGHTS"
    assert category_codes()["6012"][1] == ""  # a bank: for what, it does not say


def test_the_tables_follow_from_their_sources(data: Path) -> None:
    made = [(m.key, m.name, m.kind, m.detailed) for m in build.known_merchants(data)]
    assert made == [(key, row[0], row[1], row[2]) for key, row in sorted(merchants()._rows.items())]


def test_every_source_names_its_licence() -> None:
    notice = (DATA / "LICENSES" / "README.txt").read_text()
    for path in DATA.iterdir():
        assert path.is_dir() or path.name in notice


@pytest.mark.parametrize(
    ("description", "name", "detailed"),
    [
        ("TESCO STORES 6123 LONDON GB", "Tesco", "FOOD_AND_DRINK_GROCERIES"),
        ("STARBUCKS STORE 12345 SEATTLE WA", "Starbucks", "FOOD_AND_DRINK_COFFEE"),
        ("SAINSBURYS PETROL 0123", "Sainsburys Petrol", "TRANSPORTATION_GAS"),  # a business of its own
        ("TESCO OPTICIANS 0123", "Tesco", "MEDICAL_EYE_CARE"),
        ("WWW.JOHNLEWIS.COM", "John Lewis", "GENERAL_MERCHANDISE_DEPARTMENT_STORES"),  # written together
        ("SHELL CORRIDA 108", "Shell", "TRANSPORTATION_GAS"),  # whatever follows
        ("SHELL ENERGY DD", "Shell Energy", "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY"),  # but for what is known
        ("PREMIER INN MILTON KEY", "Premier Inn", "TRAVEL_LODGING"),
        ("DICK S SPORTING GOO", "Dick's Sporting Goods", "GENERAL_MERCHANDISE_SPORTING_GOODS"),  # cut off
        ("AMZN Mktp US*2X3AB1230 Amzn.com/bill WA", "Amzn Mktp", "GENERAL_MERCHANDISE_ONLINE_MARKETPLACES"),
    ],
)
def test_finds_merchants(known: Merchants, description: str, name: str, detailed: str) -> None:
    found = known.find(description)
    assert found is not None
    assert (found.name, found.detailed) == (name, detailed)


@pytest.mark.parametrize(
    "description",
    [
        "JOHN SMITH",
        "APPLE TREE NURSERY",  # one everyday word of a name
        "DELTA PLUMBING",
        "BROOKLYN",  # the first word of many names
        "12345678",
        "",
    ],
)
def test_does_not_find_what_is_not_there(known: Merchants, description: str) -> None:
    found = known.find(description)
    assert found is None or found.detailed is None or not found.is_whole


def test_a_bank_is_somebody_but_not_a_category(known: Merchants) -> None:
    found = known.find("BANK OF AMERICA")
    assert found is not None
    assert found.detailed is None


@pytest.mark.parametrize(
    ("detailed", "money_in", "expected"),
    [
        ("FOOD_AND_DRINK_GROCERIES", True, "FOOD_AND_DRINK_GROCERIES"),  # a refund keeps its shop's category
        ("TRANSFER_OUT_SAVINGS", True, "TRANSFER_IN_SAVINGS"),
        ("INCOME_TAX_REFUND", False, "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT"),
        ("INCOME_WAGES", False, None),
        ("LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", True, "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"),  # seen from the card
        ("INCOME_WAGES", None, "INCOME_WAGES"),
    ],
)
def test_a_category_is_read_in_the_direction_of_the_money(
    detailed: str, money_in: bool | None, expected: str | None
) -> None:
    assert directed(detailed, money_in) == expected


def test_every_direction_leaves_labels_that_are_labels() -> None:
    for detailed in primaries():
        for money_in in (True, False, None):
            assert directed(detailed, money_in) is None or primary_of(directed(detailed, money_in))
            assert 0 <= prior(detailed, money_in) <= 1
