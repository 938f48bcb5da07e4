"""Recurring: what is known to come again, taken out of the history that the rest is forecast from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import numpy as np

from ai2.kit.database import Connection
from ai2.kit.periods import months
from ml.cashflow.kept import HORIZON
from ml.cashflow.lines import Flow, Line, Lines
from ml.cashflow.panel import SEEN, Floats, Pattern
from ml.cashflow.span import Span, between
from ml.recurring import service
from ml.recurring.service import Paid, Upcoming

# Every how many months; what comes more often comes every month.
MONTHS_OF = {"quarterly": 3, "half_yearly": 6, "yearly": 12}


@dataclass(frozen=True)
class Known:
    """A recurring pattern: what was paid and what is due, each with its day and signed amount."""

    account_id: UUID
    currency: str
    is_transfer: bool
    every: int
    # with the category that each has
    paid: Sequence[tuple[date, UUID | None, Decimal]]
    due: Sequence[tuple[date, Decimal]]


async def patterns(db: Connection, organization_id: UUID, known: Span) -> list[Known]:
    """The patterns that go on."""
    due: dict[UUID, list[Upcoming]] = {}
    for each in await service.upcoming(db, organization_id, months(known.next, HORIZON).end, since=known.next):
        due.setdefault(each.pattern_id, []).append(each)
    paid: dict[UUID, list[Paid]] = {}
    for payment in await service.paid(db, organization_id, list(due), since=known.first):
        paid.setdefault(payment.pattern_id, []).append(payment)
    return [_known(due[pattern_id], paid.get(pattern_id, [])) for pattern_id in due]


def _known(due: Sequence[Upcoming], paid: Sequence[Paid]) -> Known:
    first = due[0]
    return Known(
        account_id=first.account_id,
        currency=first.currency,
        is_transfer=first.is_transfer,
        every=MONTHS_OF.get(first.cadence, 1),
        paid=[(each.booked_on, each.category_id, each.amount) for each in paid],
        due=[(each.due_on, each.amount) for each in due],
    )


def known(lines: Lines, found: Sequence[Known], span: Span) -> Lines:
    """The lines, told what of them is known to recur."""
    told = [pattern for each in found for pattern in _patterns(each, lines, span)]
    return replace(lines, panel=replace(lines.panel, patterns=told))


def _patterns(known: Known, lines: Lines, span: Span) -> list[Pattern]:
    """What a pattern comes to in each line that it is in; those seen too seldom stay with the rest."""
    paid = _by_month([(day, amount) for day, _, amount in known.paid], span)
    past = paid[: span.whole]
    if np.count_nonzero(past) < SEEN:
        return []
    # of the month that has begun both what was paid and what is still due
    ahead = (paid + _by_month(known.due, span))[span.whole :]
    flow: Flow = "transfers" if known.is_transfer else "income" if past.sum() > 0 else "expense"
    sign = -1.0 if flow == "expense" else 1.0
    wanted = [Line("all", known.currency, None, flow), Line("account", known.currency, known.account_id, flow)]
    categories = {category_id for _, category_id, _ in known.paid}
    if len(categories) == 1 and flow != "transfers":  # of several it cannot be said which comes next
        wanted.append(Line("category", known.currency, categories.pop(), flow))
    rows = [lines.rows[line] for line in wanted if line in lines.rows]
    return [Pattern(row, sign * past, known.every, sign * ahead) for row in rows]


def _by_month(money: Iterable[tuple[date, Decimal]], span: Span) -> Floats:
    found = np.zeros(span.whole + HORIZON)
    for day, amount in money:
        at = between(span.first, day)
        if 0 <= at < len(found):
            found[at] += float(amount)
    return found
