"""Totals: what answers come to, what a person stands behind apart from what may be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ml.tax.answers import TaxAnswer

NOTHING = Decimal(0)


@dataclass(frozen=True)
class OfLine:
    """What stands on a line of a form."""

    form: str
    line: str
    confirmed: Decimal
    possible: Decimal


@dataclass(frozen=True)
class Totals:
    """Sums in one currency. `unverified` is how much of both rests on rules of a secondary source.

    Of `unknown` answers no amount is known: their currency has no rate, or a figure is not published.
    """

    currency: str
    confirmed: Decimal
    possible: Decimal
    disallowed: Decimal
    unverified: Decimal
    recoverable_confirmed: Decimal
    recoverable_possible: Decimal
    unknown: int
    by_answer: dict[str, int]
    by_line: tuple[OfLine, ...]


def totals(answers: Sequence[TaxAnswer], currency: str) -> Totals:
    reckoned = [answer for answer in answers if answer.amount is not None]
    return Totals(
        currency=currency,
        confirmed=_sum(answer.confirmed for answer in reckoned),
        possible=_sum(answer.possible for answer in reckoned),
        disallowed=_sum(answer.disallowed for answer in reckoned),
        unverified=_sum(answer.amount for answer in reckoned if answer.rule_status == "unverified"),
        recoverable_confirmed=_sum(_recoverable(answer) for answer in reckoned if is_recovered(answer)),
        recoverable_possible=_sum(_recoverable(answer) for answer in reckoned if not is_recovered(answer)),
        unknown=len(answers) - len(reckoned),
        by_answer=dict(sorted(Counter(answer.deductible for answer in answers).items())),
        by_line=_by_line(reckoned),
    )


def is_confirmed(answer: TaxAnswer) -> bool:
    """Whether a person stands behind what a form is told of it."""
    return bool(answer.confirmed or (answer.confirmed_by and not answer.possible))


def is_recovered(answer: TaxAnswer) -> bool:
    """Confirmed, and the invoice that shows the tax is there."""
    return bool(answer.confirmed) and not {"tax_invoice", "receipt"} & set(answer.evidence_needed)


def _recoverable(answer: TaxAnswer) -> Decimal | None:
    return answer.consumption_tax.recoverable if answer.consumption_tax else None


def _by_line(answers: Sequence[TaxAnswer]) -> tuple[OfLine, ...]:
    sums: dict[tuple[str, str], list[Decimal]] = {}
    for answer in answers:
        place = 0 if is_confirmed(answer) else 1
        for line, amount in answer.lines.items():
            sums.setdefault((str(answer.form), line), [NOTHING, NOTHING])[place] += amount
    return tuple(OfLine(form, line, *both) for (form, line), both in sorted(sums.items()))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), NOTHING)
