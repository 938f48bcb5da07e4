"""Money: exact or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai2.kit.money import AmountOutOfRange, InexactAmount, Money, UnknownCurrency, exact, exponent


@pytest.mark.parametrize(("currency", "places"), [("GBP", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_knows_how_many_decimals_a_currency_has(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize("currency", ["XXQ", "gbp", "", "XAU", "XTS", "POUND"])  # gold and test codes have no decimals
def test_refuses_what_is_no_currency_in_use(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("12.5", "GBP", "12.50"),
        ("12", "GBP", "12.00"),
        ("-0.00", "GBP", "0.00"),
        ("5", "JPY", "5"),
        ("1.5", "KWD", "1.500"),
    ],
)
def test_writes_just_the_currencys_decimals(amount: str, currency: str, expected: str) -> None:
    assert str(exact(Decimal(amount), currency)) == expected


@pytest.mark.parametrize(("amount", "currency"), [("12.505", "GBP"), ("1.5", "JPY"), ("0.0001", "KWD")])
def test_refuses_rather_than_rounds(amount: str, currency: str) -> None:
    with pytest.raises(InexactAmount):
        exact(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e16", "-1e16"])
def test_refuses_what_no_bank_books(amount: str) -> None:
    with pytest.raises(AmountOutOfRange):
        exact(Decimal(amount), "GBP")


@given(st.integers(-(10**17), 10**17), st.integers(-(10**17), 10**17))
def test_adding_is_exact(a: int, b: int) -> None:
    one, two = Money(Decimal(a).scaleb(-2), "GBP"), Money(Decimal(b).scaleb(-2), "GBP")
    assert (one + two).amount == Decimal(a + b).scaleb(-2)
    assert (one + -one).amount == 0


def test_two_currencies_do_not_add() -> None:
    with pytest.raises(TypeError):
        Money(Decimal(1), "GBP") + Money(Decimal(1), "EUR")
