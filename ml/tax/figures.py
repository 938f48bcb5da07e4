"""Figures: what a calculator says: an amount, and every rule that it was made with."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ai2.books.rates.service import rounded
from ml.tax.rows import Grade, Row, Status

Treatment = Literal["expense", "capital"]
NOTE = "General information by published rules, not tax advice; ask an accountant before you rely on it."


@dataclass(frozen=True)
class Used:
    """A rule that was used, with its law, where it can be read, and how well it is founded."""

    rule_id: str
    rule_version: str
    law: str
    source: str
    grade: Grade
    status: Status
    note: str | None
    # what of the quantity fell under it, and to what that came
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True)
class Figure:
    """An amount in a currency, its reasons and its rules. What is not allowed of the cost is `disallowed`."""

    amount: Decimal
    currency: str
    rules: tuple[Used, ...]
    reasons: tuple[str, ...] = ()
    disallowed: Decimal | None = None
    treatment: Treatment | None = None
    note: str = NOTE


def used(row: Row, quantity: Decimal | None = None, amount: Decimal | None = None) -> Used:
    return Used(
        row.rule_id, row.name, row.instrument, row.source_url, row.grade, row.status, row.note, quantity, amount
    )


def figure(
    amount: Decimal,
    currency: str,
    rules: Sequence[Used],
    *reasons: str,
    disallowed: Decimal | None = None,
    treatment: Treatment | None = None,
) -> Figure:
    """A figure with its currency's decimals."""
    left = None if disallowed is None else rounded(disallowed, currency)
    return Figure(rounded(amount, currency), currency, tuple(rules), reasons, left, treatment)
