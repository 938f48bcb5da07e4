"""Texts: numbers of orders, days and amounts that a bank's text repeats of a receipt."""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

# As short a number stands in many texts by chance.
SHORTEST_NUMBER, LEAST_DIGITS = 5, 4
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.#-]{3,}[A-Za-z0-9]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = re.compile(r"\b(\d{1,2})[ ./-]?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.IGNORECASE)
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)\b")
_SHORT = re.compile(r"(?<![\d./-])(\d{1,2})[/.](\d{1,2})(?:[/.](?:20)?\d\d)?(?![\d./-])")
_AMOUNT = re.compile(r"(?<![\d.,])(\d{1,3}(?:[ ,.']?\d{3})*|\d+)[.,](\d{2})(?!\d)")
_CURRENCY = re.compile(r"\b[A-Z]{3}\b")


def compact(number: str) -> str:
    """A number without what people put between its parts."""
    return re.sub(r"[^0-9A-Z]", "", number.upper())


def is_telling(number: str) -> bool:
    """Whether it is long enough to be one receipt's alone."""
    return len(number) >= SHORTEST_NUMBER and sum(letter.isdigit() for letter in number) >= LEAST_DIGITS


@lru_cache(maxsize=200_000)
def numbers_in(text: str) -> frozenset[str]:
    """The numbers that a text names, each without signs; of `INV-20394` the digits alone too where they tell."""
    found: set[str] = set()
    for token in _TOKEN.findall(text):
        whole = compact(token)
        for each in (whole, whole.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")):
            if is_telling(each):
                found.add(each)
    return frozenset(found)


@lru_cache(maxsize=50_000)
def days_in(text: str) -> frozenset[tuple[int, int]]:
    """Days (month, day) that a text may name: `03 APR`, `2026-04-03`; of `03/04` both that it may be."""
    found = {(_MONTHS.index(month[:3].lower()) + 1, int(day)) for day, month in _NAMED.findall(text)}
    found |= {(int(month), int(day)) for _, month, day in _ISO.findall(text)}
    for one, other in _SHORT.findall(text):
        found |= {(int(one), int(other)), (int(other), int(one))}
    return frozenset(day for day in found if _is_day(*day))


def states(text: str, total: Decimal, currency: str) -> bool:
    """Whether a text says this amount in this currency, as cards do of purchases abroad: `USD 25.00`."""
    if currency not in _CURRENCY.findall(text):
        return False
    said = (f"{re.sub('[^0-9]', '', whole)}.{cents}" for whole, cents in _AMOUNT.findall(text))
    return any(Decimal(amount) == abs(total) for amount in said)


def _is_day(month: int, day: int) -> bool:
    try:
        date(2024, month, day)
    except ValueError:
        return False
    return True
