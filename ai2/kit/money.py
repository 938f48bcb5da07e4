"""Money: an exact decimal and its currency. It never becomes a float."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from iso4217 import Currency

from ai2.kit.errors import Invalid

# Sixteen digits before the point are more than any bank books; the limit keeps sums far from overflow.
LIMIT = Decimal(10) ** 16
MOST_DECIMALS = 4


class UnknownCurrency(Invalid):
    """The currency is not an ISO 4217 code in use, such as GBP."""


class InexactAmount(Invalid):
    """The amount has more decimals than its currency has."""


class AmountOutOfRange(Invalid):
    """The amount is not a finite number below ten quadrillion."""


@cache
def exponent(currency: str) -> int:
    """How many decimals a currency has, by ISO 4217: 2 for GBP, 0 for JPY, 3 for KWD."""
    try:
        found = Currency(currency).exponent
    except ValueError:
        raise UnknownCurrency from None
    if found is None:  # gold, special drawing rights, the codes for testing
        raise UnknownCurrency
    return int(found)


@cache
def unusual_exponents() -> dict[str, int]:
    """How many decimals those currencies have that have not two."""
    return {known.code: int(known.exponent) for known in Currency if known.exponent is not None and known.exponent != 2}


def exact(amount: Decimal, currency: str) -> Decimal:
    """The amount with just the currency's decimals: 12.5 GBP is 12.50; 12.505 GBP is refused, not rounded."""
    places = exponent(currency)
    quantised = _quantised(amount, places)
    if quantised != amount:
        raise InexactAmount(f"{currency} has {places} decimals; the amount has more")
    return quantised + 0  # -0.00 is 0.00


def of_any_currency(amount: Decimal) -> Decimal:
    """An amount of which nobody says the currency: with as many decimals as any currency has."""
    if _quantised(amount, MOST_DECIMALS) != amount:
        raise InexactAmount(f"no currency has more than {MOST_DECIMALS} decimals; the amount has more")
    return amount


def _quantised(amount: Decimal, places: int) -> Decimal:
    if not amount.is_finite() or abs(amount) >= LIMIT:
        raise AmountOutOfRange
    return amount.quantize(Decimal(1).scaleb(-places))


@dataclass(frozen=True)
class Money:
    """An amount that fits its currency; negative is money out."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", exact(self.amount, self.currency))

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise TypeError(f"{self.currency} and {other.currency} cannot be added without a rate")
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)
