"""Golden cases: what the figures come to, worked out by hand from the published rules."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml.tax import capital, files
from ml.tax.gifts import gift
from ml.tax.home import home_office
from ml.tax.lines import amounts, line
from ml.tax.mileage import Driven, Trip, mileage
from ml.tax.rules import NotPublished, Rules
from ml.tax.shares import expense

D, RULES = Decimal, Rules(files.read_all())


def trip(day: str, distance: str, vehicle: str = "") -> Trip:
    return Trip(date.fromisoformat(day), D(distance), vehicle)


def drive(jurisdiction: str, *trips: Trip, all_use: str | None = None, **driven: Any) -> Callable[[], D]:
    whole = {"": D(all_use)} if all_use else None
    return lambda: mileage(RULES, jurisdiction, trips, Driven(**driven), all_use=whole).amount


def buy(jurisdiction: str, day: str, cost: str, *, is_car: bool = False) -> Callable[[], Any]:
    def treated() -> tuple[str | None, D]:
        found = capital.equipment(RULES, jurisdiction, date.fromisoformat(day), D(cost), is_car=is_car)
        return found.treatment, found.amount

    return treated


def home(jurisdiction: str, day: str, **measured: Any) -> Callable[[], D]:
    return lambda: home_office(RULES, jurisdiction, date.fromisoformat(day), **measured).amount


def given(jurisdiction: str, day: str, amount: str) -> Callable[[], D]:
    return lambda: gift(RULES, jurisdiction, date.fromisoformat(day), D(amount)).amount


def spent(jurisdiction: str, head: str, day: str, cost: str, **known: Any) -> Callable[[], D]:
    return lambda: expense(RULES, jurisdiction, head, date.fromisoformat(day), D(cost), **known).amount


UK_2025, UK_2026 = "2025-10-01", "2026-10-01"
CASES: list[tuple[str, Callable[[], Any], Any]] = [
    ("a US trip on the last day of a half-year's rate", drive("US", trip("2026-06-30", "100")), D("72.50")),
    ("and on the first of the next", drive("US", trip("2026-07-01", "100")), D("76.00")),
    ("both of them", drive("US", trip("2026-07-01", "100"), trip("2026-06-30", "100")), D("148.50")),
    ("the rate changed in mid-2022 too", drive("US", trip("2022-07-01", "100")), D("62.50")),
    ("and was lower before", drive("US", trip("2022-06-30", "100")), D("58.50")),
    ("UK 12,000 miles by 45p and 25p", drive("GB", trip(UK_2025, "12000")), D("5000.00")),
    ("and by 55p and 25p", drive("GB", trip(UK_2026, "12000")), D("6000.00")),
    (
        "two cars, still one counter of 10,000 miles",
        drive("GB", trip(UK_2026, "6000", "a"), trip("2026-11-01", "6000", "b")),
        D("6000.00"),
    ),
    (
        "the counter begins anew on 6 April",
        drive("GB", trip("2026-04-05", "12000"), trip("2026-04-06", "12000")),
        D("11000.00"),
    ),
    ("a motorcycle has one rate", drive("GB", trip(UK_2026, "100"), kind="motorcycle"), D("24.00")),
    ("AU: 5,000 km count and no more", drive("AU", trip("2026-08-01", "5085")), D("4550.00")),
    (
        "of each car",
        drive("AU", trip("2026-08-01", "5085", "a"), trip("2026-08-01", "100", "b")),
        D("4641.00"),
    ),
    ("FR: 5 CV at 5,000 km by the first band", drive("FR", trip("2026-03-01", "5000"), fiscal_cv=5), D("3180.00")),
    ("and just above by the second", drive("FR", trip("2026-03-01", "5001"), fiscal_cv=5), D("3180.36")),
    (
        "FR: two trips are one distance",
        drive("FR", trip("2026-03-01", "4000"), trip("2026-09-01", "2000"), fiscal_cv=5),
        D("3537.00"),
    ),
    (
        "FR: a fifth more by electricity",
        drive("FR", trip("2026-03-01", "5000"), fiscal_cv=5, engine="electric"),
        D("3816.00"),
    ),
    ("IE 1,600 km with 1300 cc", drive("IE", trip("2026-03-01", "1600"), engine_cc=1300), D("730.18")),
    ("IE: electric is the middle", drive("IE", trip("2026-03-01", "1600"), engine="electric"), D("730.18")),
    ("NZ: all of it below 14,000 km", drive("NZ", trip("2024-06-01", "1000"), engine="petrol"), D("1170.00")),
    (
        "NZ: private use fills the first tier too",
        drive("NZ", trip("2024-06-01", "10000"), engine="petrol", all_use="20000"),
        D("9300.00"),  # half of 14,000 x 1.17 + 6,000 x 0.37
    ),
    ("CA: an employer's 5,000 km, then less", drive("CA", trip("2026-03-01", "6000")), D("4320.00")),
    ("AU: just below the write-off", buy("AU", "2026-08-01", "19999.99"), ("expense", D("19999.99"))),
    ("AU: at it, into the pool", buy("AU", "2026-08-01", "20000.00"), ("capital", D("3000.00"))),
    ("US: up to the de minimis", buy("US", "2026-08-01", "2500.00"), ("expense", D("2500.00"))),
    ("US: above it, by section 179", buy("US", "2026-08-01", "2500.01"), ("capital", D("2500.01"))),
    ("NZ laptop, just below", buy("NZ", "2026-08-01", "999.99"), ("expense", D("999.99"))),
    ("NZ laptop, a fifth of it by the boost", buy("NZ", "2026-08-01", "1000"), ("capital", D("200.00"))),
    ("NZ: 5,000 for a year", buy("NZ", "2021-03-16", "4999.99"), ("expense", D("4999.99"))),
    ("DE GWG", buy("DE", "2026-08-01", "800.00"), ("expense", D("800.00"))),
    ("DE pool of five years", buy("DE", "2026-08-01", "1000.00"), ("capital", D("200.00"))),
    ("SG", buy("SG", "2026-08-01", "5000.00"), ("expense", D("5000.00"))),
    ("IE: an eighth", buy("IE", "2026-08-01", "8000"), ("capital", D("1000.00"))),
    ("UK: the annual investment allowance", buy("GB", "2026-08-01", "1500000"), ("capital", D("1000000.00"))),
    ("CA: a car's base", buy("CA", "2026-08-01", "45000", is_car=True), ("capital", D("39000.00"))),
    (
        "US: section 179 falls above its phase-out",
        lambda: capital.section_179(RULES, date(2026, 5, 1), D(4_500_000)).amount,
        D("2150000.00"),
    ),
    ("and is nothing in the end", lambda: capital.section_179(RULES, date(2026, 5, 1), D(7_000_000)).amount, D("0.00")),
    ("US home of 350 square feet", home("US", "2026-05-01", quantity=D(350)), D("1500.00")),
    ("US: not above net income", home("US", "2026-05-01", quantity=D(350), net_income=D(900)), D("900.00")),
    ("UK: by hours a month", home("GB", "2026-05-01", hours_by_month=[D(24), D(25), D(51), D(101)]), D("54.00")),
    ("AU: 100 hours of 2025-26", home("AU", "2026-05-01", quantity=D(100)), D("70.00")),
    ("NZ: 10 square metres", home("NZ", "2025-05-01", quantity=D(10)), D("573.00")),
    ("DE: at most 210 days", home("DE", "2026-05-01", quantity=D(230)), D("1260.00")),
    ("DE: a gift of 50.00 counts", given("DE", "2026-05-01", "50.00"), D("50.00")),
    ("DE: and of 50.01 nothing", given("DE", "2026-05-01", "50.01"), D("0.00")),
    ("DE: 35 until 2023", given("DE", "2023-05-01", "35.01"), D("0.00")),
    ("US: of a gift 25", given("US", "2026-05-01", "40"), D("25.00")),
    ("UK: a client's meal", spent("GB", "meals", UK_2026, "100"), D("0.00")),
    ("UK: one's own on a journey", spent("GB", "subsistence", UK_2026, "100"), D("100.00")),
    ("US: half of a meal", spent("US", "meals", "2026-05-01", "100"), D("50.00")),
    ("US: all of it in 2021", spent("US", "meals", "2021-05-01", "100"), D("100.00")),
    ("US: a long-haul driver's", spent("US", "meals", "2026-05-01", "100", business="transport"), D("80.00")),
    ("DE: Bewirtung", spent("DE", "meals", "2026-05-01", "100"), D("70.00")),
    ("CA: half", spent("CA", "meals", "2026-05-01", "100"), D("50.00")),
    ("NZ: half", spent("NZ", "entertainment", "2026-05-01", "100"), D("50.00")),
    ("IE: nothing", spent("IE", "entertainment", "2026-05-01", "100"), D("0.00")),
    ("a business share", spent("US", "telephone", "2026-05-01", "100", business_pct=D(60)), D("60.00")),
]


@pytest.mark.parametrize(("reckon", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_comes_to_what_the_law_says(reckon: Callable[[], Any], expected: Any) -> None:
    assert reckon() == expected


@pytest.mark.parametrize(
    "reckon",
    [
        drive("AU", trip("2027-08-01", "10")),
        drive("US", trip("2027-01-01", "10")),
        drive("NZ", trip("2025-06-01", "10"), engine="petrol"),
        home("AU", "2026-08-01", quantity=D(100)),
        home("NZ", "2026-08-01", quantity=D(10)),
        lambda: capital.section_179(RULES, date(2027, 5, 1), D(1)),
        buy("CA", "2027-08-01", "45000", is_car=True),
    ],
)
def test_what_is_not_published_is_said_so_and_never_last_years(reckon: Callable[[], Any]) -> None:
    with pytest.raises(NotPublished):
        reckon()


def test_a_clients_meal_stands_in_the_disallowable_twin() -> None:
    found = expense(RULES, "GB", "meals", date(2026, 10, 1), D(100))
    told = amounts(D(100), found.amount, line(RULES, "GB", "meals", date(2026, 10, 1)))
    assert told == {"businessEntertainmentCosts": D(100), "businessEntertainmentCostsDisallowable": D(100)}


@pytest.mark.parametrize(("year", "expected"), [(2023, "27a"), (2025, "27b"), (2024, None), (2026, None)])
def test_other_expenses_stand_on_the_line_of_their_years_form(year: int, expected: str | None) -> None:
    found = line(RULES, "US", "training", date(year, 5, 1))
    assert found
    assert found.line == expected
    assert bool(found.reason) == (expected is None)
