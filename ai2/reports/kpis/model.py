"""Key figures: each with what it was, what was planned, how it was found, and why where it cannot be had."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ai2.kit.periods import Period

FigureName = Literal[
    "income", "expenses", "net_profit", "margin", "savings_rate", "set_aside", "cash", "monthly_burn", "runway",
    "days_of_cash", "average_income", "average_expense", "largest_payer", "uncategorised", "overdue_income",
]  # fmt: skip
Unit = Literal["amount", "percent", "months", "days"]


@dataclass(frozen=True)
class Known:
    """A value; or none, and why."""

    value: Decimal | None
    reason: str | None = None


@dataclass(frozen=True)
class Held:
    """What a figure is held against, and by how much it differs: in percent of amounts alone.

    Of a budget `covered` is what came of the categories that have one, and the change is from that.
    """

    value: Decimal | None
    change: Decimal | None
    change_pct: Decimal | None
    reason: str | None = None
    covered: Decimal | None = None


@dataclass(frozen=True)
class Source:
    """What a figure is made of: cells of a report that is made of `report`, and the lists that show its rows."""

    cells: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A key figure in a period, and what it is held against. `note` names who or what it is about."""

    name: FigureName
    unit: Unit
    value: Decimal | None
    reason: str | None
    previous_period: Held
    previous_year: Held
    budget: Held
    computed_by: str
    source: Source
    note: str | None = None


@dataclass(frozen=True)
class Mover:
    """A category or a merchant that came to more, or less, than in the period before."""

    kind: Literal["category", "merchant"]
    of: Literal["income", "expense"]
    name: str
    category_id: UUID | None
    amount: Decimal
    previous: Decimal
    change: Decimal
    change_pct: Decimal | None
    link: str


@dataclass(frozen=True)
class Overdue:
    """Income that recurs and did not come by the day it was due."""

    merchant: str
    amount: Decimal
    payments: int
    due_on: date
    known_through: date
    link: str


@dataclass(frozen=True)
class KeyFigures:
    """The figures of one currency."""

    currency: str
    figures: list[Figure]
    movers: list[Mover]
    overdue: list[Overdue]


@dataclass(frozen=True)
class Insights:
    """Key figures of a period. `report` is what is to be sent to make the report whose cells are named."""

    as_of: datetime
    period: Period
    previous_period: Period
    previous_year: Period
    report: dict[str, str]
    currencies: list[KeyFigures]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Budgeted:
    """What was planned for a category in some months and carried over into them, and what it came to."""

    category: str
    is_income: bool
    currency: str
    planned: Decimal
    carried: Decimal
    actual: Decimal
    # whether a category above it has a budget too, in which this one is contained
    is_within: bool = False

    @property
    def allowed(self) -> Decimal:
        """Where the budget ends."""
        return self.planned + self.carried

    @property
    def left(self) -> Decimal:
        """Of an expense what may still be spent; of an income what came more than planned. Below zero is not met."""
        return self.actual - self.allowed if self.is_income else self.allowed - self.actual

    @property
    def is_beyond(self) -> bool:
        return self.left < 0
