"""Recurring: what is known to come again, taken out of the history that the rest is forecast from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import numpy as np

from ai2.kit.database import Connection
from ai2.kit.periods import months
from ml.cashflow.kept import HORIZON
from ml.cashflow.lines import Flow, Line, Lines
from ml.cashflow.panel import SEEN, Floats, Pattern
from ml.cashflow.span import Span, between

# Every how many months; what comes more often comes every month.
MONTHS_OF = {"quarterly": 3, "half_yearly": 6, "yearly": 12}


@dataclass(frozen=True)
class Known:
    """A recurring pattern: what was paid and what is due, each with its day and signed amount."""

    account_id: UUID
    category_id: UUID | None
    currency: str
    is_transfer: bool
    every: int
    paid: Sequence[tuple[date, Decimal]]
    due: Sequence[tuple[date, Decimal]]


async def patterns(db: Connection, organization_id: UUID, known: Span) -> list[Known]:
    """The patterns that go on."""
    if find_spec("ml.recurring") is None:
        return []
    service: Any = import_module("ml.recurring.service")
    until = months(known.next, HORIZON).end
    due: dict[UUID, list[Any]] = {}
    for each in await service.upcoming(db, organization_id, until, since=known.next):
        due.setdefault(each.pattern_id, []).append(each)
    found = []
    for pattern in await service.list_all(db, organization_id):
        if pattern.pattern_id not in due:
            continue
        paid = await service.payments(db, organization_id, pattern.pattern_id)
        found.append(
            Known(
                pattern.account_id, pattern.category_id, pattern.currency, pattern.type == "transfer",
                MONTHS_OF.get(pattern.cadence, 1), [(each.booked_on, each.amount) for each in paid],
                [(each.due_on, each.amount) for each in due[pattern.pattern_id]],
            )
        )  # fmt: skip
    return found


def known(lines: Lines, found: Sequence[Known], span: Span) -> Lines:
    """The lines, told what of them is known to recur."""
    told = [pattern for each in found for pattern in _patterns(each, lines, span)]
    return replace(lines, panel=replace(lines.panel, patterns=told))


def _patterns(known: Known, lines: Lines, span: Span) -> list[Pattern]:
    """What a pattern comes to in each line that it is in; those seen too seldom stay with the rest."""
    paid, due = _by_month(known.paid, span), _by_month(known.due, span)
    past = paid[: span.whole]
    # of the month that has begun both what was paid and what is still due
    ahead = (paid + due)[span.whole :]
    if np.count_nonzero(past) < SEEN:
        return []
    is_income = bool(past.sum() > 0)
    flow: Flow = "transfers" if known.is_transfer else "income" if is_income else "expense"
    sign = -1.0 if flow == "expense" else 1.0
    wanted = [
        Line("all", known.currency, None, flow),
        Line("account", known.currency, known.account_id, flow),
        Line("category", known.currency, known.category_id, flow),
    ]
    rows = [lines.rows[line] for line in wanted if line in lines.rows]
    return [Pattern(row, sign * past, known.every, sign * ahead) for row in rows]


def _by_month(money: Sequence[tuple[date, Decimal]], span: Span) -> Floats:
    found = np.zeros(span.whole + HORIZON)
    for day, amount in money:
        at = between(span.first, day)
        if 0 <= at < len(found):
            found[at] += float(amount)
    return found
