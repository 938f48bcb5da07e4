"""What is told: insights of the books and recommendations, each with the rows behind it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ml.anomalies.model import Anomaly
from ml.anomalies.service import Run
from ml.insights.runway import Runway
from ml.insights.trends import Trend

VERSION = "insights-1"
Type = Literal[
    "duplicate_charge", "price_rise", "duplicate_subscription", "late_income", "missed_payment", "budget_overrun",
    "fees_and_interest", "missing_receipt", "review_uncategorized", "review_transfers", "unpaired_transfer",
]  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The rows behind something: some of them by id, the last or largest first, and where all are listed."""

    transaction_ids: list[UUID] = field(default_factory=list)
    link: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """Something that could be done, why, and the amount that it is about.

    `amount` is what could be had, saved or put right, above zero; `per` says over which time, where it is one.
    """

    type: Type
    reason: str
    amount: Decimal
    currency: str
    rows: Rows
    per: Literal["year", "month"] | None = None
    since: date | None = None
    computed_by: str = VERSION


@dataclass(frozen=True)
class Silent:
    """A type of which nothing can be said, and why."""

    type: str
    reason: str


@dataclass(frozen=True)
class Recommendations:
    """What could be done, the largest amount first by today's rates; amounts without a rate come last."""

    as_of: datetime
    items: list[Recommendation]
    unavailable: list[Silent]


@dataclass(frozen=True)
class Told:
    """Trends with the rows behind each."""

    trend: Trend
    rows: Rows


@dataclass(frozen=True)
class Insights:
    """What the books say that is worth knowing. What cannot be said has its reason."""

    as_of: datetime
    books_through: date | None
    whole_months: int
    trends: list[Told]
    trends_reason: str | None
    anomalies: list[Anomaly]
    anomalies_run: Run | None
    anomalies_reason: str | None
    forecast: Any
    forecast_reason: str | None
    runways: list[Runway]
