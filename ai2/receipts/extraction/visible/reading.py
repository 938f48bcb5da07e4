"""A paper read: every field with what speaks for it."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper
from ai2.receipts.extraction.visible import amounts, currencies, dates, numbers, suppliers, totals, words

_ENGLISH = re.compile(r"(?i)(?<!\w)(?:invoice|receipt|date|amount|the|your|for|due|number|quantity|price|order)(?!\w)")


@dataclass(frozen=True)
class Readings:
    """What was found, before it is said how sure it is."""

    supplier: Judged[str] | None
    issued_on: Judged[date] | None
    total: Judged[Decimal] | None
    tax: Judged[Decimal] | None
    currency: Judged[str] | None
    number: Judged[str] | None
    order_number: Judged[str] | None


def read(paper: Paper) -> Readings:
    days = dates.found(paper)
    found = amounts.found(paper, days)
    total = totals.total(paper, found)
    currency = currencies.currency(paper, total.found if total else None, found)
    is_english = len(set(map(str.lower, _ENGLISH.findall(paper.text)))) >= 3
    issued_on = dates.issued_on(paper, days, currency.value if currency else None, is_english=is_english)
    sign = -1 if is_credit(paper) else 1
    return Readings(
        supplier=suppliers.supplier(paper),
        issued_on=issued_on,
        total=_signed(total.judged, sign) if total else None,
        tax=_signed(total.tax, sign) if total and total.tax else None,
        currency=currency,
        number=numbers.number(paper),
        order_number=numbers.order_number(paper),
    )


def is_credit(paper: Paper) -> bool:
    """Whether its title says that it gives money back."""
    return any(words.CREDIT.fullmatch(words.folded(piece.text)) for piece in paper.pieces[:40])


def _signed(judged: Judged[Decimal], sign: int) -> Judged[Decimal]:
    return Judged(sign * abs(judged.value), judged.evidence, judged.where)
