"""What invoices in XML have in common: amounts, dates, and how sure data of machines is."""

import re
from datetime import date
from decimal import Decimal
from typing import TypeVar

from ai2.receipts.extraction.confidence import DATA, PROVED_DATA
from ai2.receipts.extraction.model import Read
from ai2.receipts.extraction.xml.tree import Element

Value = TypeVar("Value")
_AMOUNT = re.compile(r"[+-]?(?:\d{1,16}(?:\.\d{0,6})?|\.\d{1,6})", re.ASCII)
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?!\d)", re.ASCII)
# The codes of UNTDID 1001 that give money back.
CREDITS = frozenset({"81", "83", "381", "396", "532"})


def amount(element: Element | None) -> Decimal | None:
    return Decimal(element.text) if element and _AMOUNT.fullmatch(element.text) else None


def day(element: Element | None) -> date | None:
    """A calendar date, whatever time or zone stands behind it."""
    match = _DATE.match(element.text) if element else None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def told(value: Value | None, where: str, *, is_proved: bool = False) -> Read[Value] | None:
    return None if value is None else Read(value, PROVED_DATA if is_proved else DATA, where)


def text(element: Element | None) -> str | None:
    return element.text if element else None


def adds_up(total: Decimal | None, net: Decimal | None, tax: Decimal | None) -> bool:
    return None not in (total, net, tax) and net + tax == total  # type: ignore[operator]
