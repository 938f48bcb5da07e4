"""Tax years: when they begin in a country, and what they are called."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from ai2.kit.errors import FieldError, Invalid

# Month and day on which the year of people begins; elsewhere it is the calendar's.
BEGIN = {"GB": (4, 6), "AU": (7, 1), "NZ": (4, 1), "IN": (4, 1)}
CURRENCY = {
    "US": "USD", "GB": "GBP", "AU": "AUD", "CA": "CAD", "NZ": "NZD", "SG": "SGD", "IN": "INR", "CH": "CHF",
}  # fmt: skip
WRITTEN = re.compile(r"(\d{4})(?:[-/](\d{2}|\d{4}))?")
FIRST, LAST = 1900, 2200


class UnreadableYear(Invalid):
    """The tax year cannot be read."""


@dataclass(frozen=True)
class TaxYear:
    """A tax year, both days included: 2026 where it is the calendar's, else 2026-27."""

    name: str
    start: date
    end: date


@lru_cache(maxsize=1000)
def named(jurisdiction: str, begins_in: int) -> TaxYear:
    """The tax year that begins in this year of the calendar."""
    country = jurisdiction.partition("-")[0]
    month, day = BEGIN.get(country, (1, 1))
    start = date(begins_in, month, day)
    end = date(begins_in + 1, month, day) - timedelta(days=1)
    is_calendars = (month, day) == (1, 1)
    return TaxYear(str(begins_in) if is_calendars else f"{begins_in}-{(begins_in + 1) % 100:02}", start, end)


def of(jurisdiction: str, day: date) -> TaxYear:
    """The tax year that a day lies in. Raises UnreadableYear where the calendar itself is too short for it."""
    if not FIRST <= day.year <= LAST:
        raise UnreadableYear(errors=(FieldError("date", f"is a day from {FIRST} to {LAST}"),))
    year = named(jurisdiction, day.year)
    return year if day >= year.start else named(jurisdiction, day.year - 1)


def read(jurisdiction: str, text: str) -> TaxYear:
    """The tax year that is meant by 2026 (that which begins in it) or 2026-27. Raises UnreadableYear."""
    match = WRITTEN.fullmatch(text.strip())
    example = named(jurisdiction, 2026).name
    if match is None or not FIRST <= int(match[1]) <= LAST:
        raise UnreadableYear(errors=(FieldError("tax_year", f"is a tax year such as {example}"),))
    year = named(jurisdiction, int(match[1]))
    second = match[2]
    is_next = second is None or int(second) in (year.start.year + 1, (year.start.year + 1) % 100)
    if not is_next or (second is not None and year.name == match[1]):
        raise UnreadableYear(errors=(FieldError("tax_year", f"is a tax year such as {example}"),))
    return year


def currency(jurisdiction: str) -> str:
    """The currency in which a country's figures are."""
    return CURRENCY.get(jurisdiction.partition("-")[0], "EUR")
