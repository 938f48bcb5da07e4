"""Recurring payments: what is known of them, what people say to it, what continues one, and what is to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import takewhile
from typing import Any, Literal, Protocol
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, NotFound
from ai2.kit.merchants import merchant_key
from ml.recurring import repository
from ml.recurring.schedules import Cadence, read_schedule

Shown = Literal["active", "missed", "ended", "rejected", "dismissed", "confirmed"]

# A payment continues a pattern where it is between its amounts, or outside by less than a price rises.
DEARER = Decimal("1.35")
# How sure it is that it does where its amount is another, and where nobody says when it was.
AT_ANOTHER_PRICE, WITHOUT_A_DATE = 0.8, 0.9
# The members' category counts where so many of those that have one have this one.
AGREEMENT = 0.8


class PatternNotFound(NotFound):
    """There is no such pattern; GET /api/ai/recurring lists yours."""


class CadenceNeeded(Conflict):
    """These payments fit no cadence; say which one they have, as `cadence`."""


class Movement(Protocol):
    """What is asked of a movement of money; what is not known is none."""

    @property
    def description(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def merchant(self) -> str | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def date(self) -> date | None: ...
    @property
    def account_id(self) -> UUID | None: ...
    @property
    def transaction_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class PriceChange:
    """What the price was, what it became, and since when. Negative is money out."""

    before: Decimal
    after: Decimal
    since: date
    is_rise: bool


@dataclass(frozen=True)
class Pattern:
    """What recurs, or was looked at and does not. Amounts have their sign; `amount_low` is the lesser number."""

    pattern_id: UUID
    account_id: UUID
    merchant: str
    merchant_key: str
    currency: str
    type: Literal["income", "expense", "transfer"]
    state: str
    is_confirmed: bool
    decided_by: str | None
    decided_at: datetime | None
    cadence: Cadence | None
    schedule: str | None
    confidence: float
    reason_code: str | None
    reasons: list[str]
    payments: int
    first_on: date
    last_on: date
    amount: Decimal
    amount_low: Decimal
    amount_high: Decimal
    amount_kind: str
    price_changes: list[PriceChange]
    next_due_on: date | None
    next_earliest_on: date | None
    next_latest_on: date | None
    skipped: list[date]
    missed: list[date]
    known_through: date
    category_id: UUID | None
    category: str | None
    version: str
    updated_at: datetime


@dataclass(frozen=True)
class Payment:
    """A transaction of a pattern."""

    transaction_id: UUID
    booked_on: date
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Paid:
    """A payment of a pattern, and the category that it has."""

    pattern_id: UUID
    booked_on: date
    amount: Decimal
    category_id: UUID | None


@dataclass(frozen=True)
class RecurringMatch:
    """A pattern that a movement continues, how sure that is, and the category that its members agree on."""

    pattern_id: UUID
    category_id: UUID | None
    cadence: Cadence
    next_due_on: date
    confidence: float
    is_confirmed: bool
    # whether people chose the category; the share of the members that have it
    is_by_people: bool
    agreement: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Upcoming:
    """A payment that is to come: when, between which days, and how much between what. Negative is money out."""

    pattern_id: UUID
    merchant: str
    due_on: date
    earliest_on: date
    latest_on: date
    amount: Decimal
    low: Decimal
    high: Decimal
    currency: str
    account_id: UUID
    cadence: Cadence
    confidence: float
    is_confirmed: bool
    # between own accounts: neither income nor expense
    is_transfer: bool


async def list_all(db: Connection, organization_id: UUID, state: Shown | None = None) -> list[Pattern]:
    """Every pattern in a state, what is due first."""
    return [_pattern(row) for row in await repository.page(db, organization_id, state)]


async def get(db: Connection, organization_id: UUID, pattern_id: UUID) -> Pattern:
    row = await repository.get(db, organization_id, pattern_id)
    if row is None:
        raise PatternNotFound
    return _pattern(row)


async def payments(db: Connection, organization_id: UUID, pattern_id: UUID) -> list[Payment]:
    """The transactions of a pattern, newest first."""
    return [Payment(**row) for row in await repository.members(db, organization_id, pattern_id)]


async def paid(db: Connection, organization_id: UUID, pattern_ids: Sequence[UUID], *, since: date) -> list[Paid]:
    """The transactions of these patterns from a day on."""
    return [Paid(**row) for row in await repository.paid(db, organization_id, pattern_ids, since)]


async def dismiss(db: Connection, organization_id: UUID, pattern_id: UUID, *, actor: str) -> Pattern:
    """A person says that it is none, or of no interest: it stays so, whatever is found later."""
    await get(db, organization_id, pattern_id)
    await repository.decide(db, organization_id, pattern_id, "dismissed", actor)
    await events.emit(db, organization_id, "recurring.dismissed", {"pattern_id": pattern_id})
    return await get(db, organization_id, pattern_id)


async def matching(
    db: Connection, organization_id: UUID, items: Sequence[Movement], patterns: Sequence[DictRow] | None = None
) -> list[RecurringMatch | None]:
    """For each movement the pattern that it continues: of its merchant, at about its amounts, near a due date.

    `patterns` are those of the merchants, where they were read already.
    """
    if patterns is not None and not patterns:
        return [None] * len(items)
    keys = [merchant_key(item.description, item.merchant) for item in items]
    found: dict[str, list[DictRow]] = {}
    if patterns is None:
        patterns = await repository.of_merchants(db, organization_id, sorted({key for key in keys if key}))
    for row in patterns:
        found.setdefault(row["merchant_key"], []).append(row)
    ids = [item.transaction_id for item in items if item.transaction_id] if found else []
    members = await repository.members_among(db, organization_id, ids) if ids else {}
    return [
        _best(item, found.get(key, []), members.get(item.transaction_id) if item.transaction_id else None)
        for item, key in zip(items, keys, strict=True)
    ]


async def upcoming(
    db: Connection,
    organization_id: UUID,
    until: date,
    *,
    since: date | None = None,
    currency: str | None = None,
    most: int | None = None,
) -> list[Upcoming]:
    """What is to come until a day, by due date. From today, unless said: what may still come of earlier ones too.

    `most` leaves it at so many patterns, those that were due first.
    """
    since = since or datetime.now(UTC).date()
    known = await repository.due(db, organization_id, until, currency, most)
    found = [each for row in known for each in _dues(row, since, until)]
    return sorted(found, key=lambda each: (each.due_on, each.merchant, each.pattern_id))


def _dues(row: DictRow, since: date, until: date) -> list[Upcoming]:
    early = (row["next_due_on"] - row["next_earliest_on"]).days
    late = (row["next_latest_on"] - row["next_due_on"]).days
    schedule = read_schedule(row["schedule"])
    begin = max(row["next_due_on"].toordinal(), since.toordinal() - late) - 1
    days = takewhile(lambda day: day <= until.toordinal(), schedule.after(begin))
    low, high = _between(row)
    return [
        Upcoming(
            pattern_id=row["pattern_id"],
            merchant=row["merchant"],
            due_on=date.fromordinal(day),
            earliest_on=date.fromordinal(day - early),
            latest_on=date.fromordinal(day + late),
            amount=_signed(row, row["amount"]),
            low=low,
            high=high,
            currency=row["currency"],
            account_id=row["account_id"],
            cadence=row["cadence"],
            confidence=float(row["confidence"]),
            is_confirmed=row["decision"] == "confirmed",
            is_transfer=row["is_transfer"],
        )
        for day in days
    ]


def _best(item: Movement, patterns: Sequence[DictRow], member_of: UUID | None) -> RecurringMatch | None:
    matches = [match for row in patterns if (match := _match(item, row, is_member=row["pattern_id"] == member_of))]
    return max(matches, key=lambda match: match.confidence, default=None)


def _match(item: Movement, row: DictRow, *, is_member: bool) -> RecurringMatch | None:
    if (item.amount > 0) != row["money_in"] or item.currency not in (None, row["currency"]):
        return None
    if item.account_id not in (None, row["account_id"]):
        return None
    sure, reasons = float(row["confidence"]), [f"{row['payments']} payments of this merchant are {row['cadence']}"]
    amount = abs(item.amount)
    if not is_member:
        if not row["amount_low"] / DEARER <= amount <= row["amount_high"] * DEARER:
            return None
        is_within = row["amount_low"] <= amount <= row["amount_high"]
        sure *= 1 if is_within else AT_ANOTHER_PRICE
        reasons.append("its amount is what they were" if is_within else "its amount is near to what they were")
        if item.date is None:
            sure *= WITHOUT_A_DATE
        elif not _is_near(item.date, row):
            return None
        else:
            reasons.append("its date is one on which it is due")
    is_agreed = row["category_id"] is not None and (row["by_people"] is not None or row["agreement"] >= AGREEMENT)
    return RecurringMatch(
        pattern_id=row["pattern_id"],
        category_id=row["category_id"] if is_agreed else None,
        cadence=row["cadence"],
        next_due_on=row["next_due_on"],
        confidence=round(sure, 4),
        is_confirmed=row["decision"] == "confirmed",
        is_by_people=row["by_people"] is not None,
        agreement=round(float(row["agreement"] or 0), 4),
        reasons=tuple(reasons),
    )


def _is_near(day: date, row: DictRow) -> bool:
    """Whether a day is as near to a due date as the pattern's own payments are, with a day to spare."""
    schedule = read_schedule(row["schedule"])
    ordinal = day.toordinal()
    off = ordinal - schedule.due(schedule.slot_of(ordinal))
    early = (row["next_due_on"] - row["next_earliest_on"]).days
    late = (row["next_latest_on"] - row["next_due_on"]).days
    return bool(-early - 1 <= off <= late + 1)


def _signed(row: Mapping[str, Any], amount: Decimal) -> Decimal:
    return amount if row["money_in"] else -amount


def _between(row: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    low, high = sorted((_signed(row, row["amount_low"]), _signed(row, row["amount_high"])))
    return low, high


def _pattern(row: DictRow) -> Pattern:
    low, high = _between(row)
    changes = [_change(row, change) for change in row["price_changes"]]
    shown = {name: row[name] for name in Pattern.__dataclass_fields__ if name in row}
    return Pattern(
        **{
            **shown,
            "type": "transfer" if row["is_transfer"] else "income" if row["money_in"] else "expense",
            "state": "dismissed" if row["decision"] == "dismissed" else row["state"],
            "is_confirmed": row["decision"] == "confirmed",
            "confidence": float(row["confidence"]),
            "schedule": read_schedule(row["schedule"]).described() if row["schedule"] else None,
            "amount": _signed(row, row["amount"]),
            "amount_low": low,
            "amount_high": high,
            "price_changes": changes,
        }
    )


def _change(row: DictRow, change: dict[str, str]) -> PriceChange:
    before, after = Decimal(change["before"]), Decimal(change["after"])
    since = date.fromisoformat(change["since"])
    return PriceChange(_signed(row, before), _signed(row, after), since, is_rise=after > before)
