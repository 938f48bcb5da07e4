"""Taxed: what one movement of money is to a VAT or GST return, without a database.

What a sale bears only the books can say: the attribute `tax_rate` of its transaction, a percentage or `exempt`. What a
purchase bears the tax rules answer. A rate that neither says is none, and is never guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ai2.books.rates.service import rounded
from ai2.reports.forms.assessed import paid
from ml.tax.answers import Case, TaxAnswer
from ml.tax.consumption import within
from ml.tax.totals import is_confirmed, is_recovered

HUNDRED = Decimal(100)
PERCENT = re.compile(r"(\d{1,2}(?:\.\d{1,4})?) ?%?", re.ASCII)
# Money in that is paid for no supply of one's own.
NO_SUPPLY = frozenset({
    "INCOME_DIVIDENDS", "INCOME_INTEREST_EARNED", "INCOME_RETIREMENT_PENSION", "INCOME_TAX_REFUND",
    "INCOME_UNEMPLOYMENT", "INCOME_WAGES",
})  # fmt: skip
# What is paid to people and to the state is no purchase.
NO_PURCHASE = frozenset({"wages", "benefits", "taxes", "tax_payment", "fines"})


@dataclass(frozen=True)
class Taxed:
    """An amount of one kind; `rate` is in percent, where it is of one."""

    measure: str
    amount: Decimal | None
    rate: Decimal | None = None
    reason: str | None = None


def read_rate(said: str | None) -> Decimal | str | None:
    """The percentage that was said, `exempt`, or none where it says neither."""
    text = (said or "").strip().lower()
    if text == "exempt":
        return text
    match = PERCENT.fullmatch(text)
    return Decimal(match[1]) if match else None


def taxed(case: Case, answer: TaxAnswer, said: str | None) -> Iterator[Taxed]:
    """What it adds to each measure."""
    if case.is_transfer or answer.nature == "transfer":
        return
    out, reason = paid(case, answer)
    if said is not None and answer.head is None:
        yield from _sale(answer, out, reason, said)
    elif answer.consumption_tax is not None and answer.head not in NO_PURCHASE:
        yield from _purchase(answer, out, reason)
    elif answer.nature == "income" and not set(case.codes) <= NO_SUPPLY:
        yield Taxed("unknown_sales", _negative(out), None, reason)
    elif answer.nature is None and case.amount > 0 and answer.head is None and not answer.confirmed_by:
        yield Taxed("unknown_sales" if case.category else "unknown_money_in", _negative(out), None, reason)


def _negative(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else -amount + 0


def _sale(answer: TaxAnswer, out: Decimal | None, reason: str | None, said: str) -> Iterator[Taxed]:
    rate, gross = read_rate(said), _negative(out)
    if rate is None or gross is None:
        yield Taxed("unknown_sales", gross, None, reason)
        return
    yield Taxed("sales_gross", gross)
    if isinstance(rate, str):
        yield from (Taxed("sales_exempt", gross), Taxed("sales_net", gross))
        return
    tax = rounded(within(gross, rate), answer.currency)
    yield Taxed("sales_net", gross - tax, rate)
    yield Taxed("sales_standard" if rate else "sales_zero", gross - tax)
    yield Taxed("output_tax", tax, rate)


def _purchase(answer: TaxAnswer, gross: Decimal | None, reason: str | None) -> Iterator[Taxed]:
    """A purchase counts when a person stands behind it, and its tax when the invoice is there too."""
    tax = answer.consumption_tax
    if tax is None or tax.amount is None or gross is None or answer.amount is None:
        yield Taxed("unknown_purchases", gross, None, reason or (tax.reason if tax else None))
        return
    if is_confirmed(answer):
        yield Taxed("purchases_net", gross - tax.amount, tax.rate)
        yield Taxed("purchases_gross", gross)
        yield Taxed("capital_gross" if answer.treatment == "capital" else "other_gross", gross)
    recovered = tax.recoverable or Decimal(0)
    if recovered:
        yield Taxed("input_tax" if is_recovered(answer) else "input_possible", recovered, tax.rate)
    if tax.amount != recovered:
        yield Taxed("input_lost", tax.amount - recovered, tax.rate)
