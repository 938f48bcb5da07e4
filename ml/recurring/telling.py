"""Telling: what a person says of payments. It holds at once and for ever."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal, get_args
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.transactions import service as transactions
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.ids import new_id
from ml.recurring import gathering_repository, repository, service
from ml.recurring import outlook as outlooks
from ml.recurring.amounts import judge
from ml.recurring.detect import VERSION, Group, follow
from ml.recurring.finding import in_coins
from ml.recurring.schedules import DAYS, Cadence, Schedule, day_in_month, month_of

EXPECTED = f"is yes, no, or a cadence: {', '.join(get_args(Cadence))}"
# Payments within these times a payment's amount are taken for the same thing.
ALIKE = 2
ApplyTo = Literal["this", "similar", "always"]


class NoMerchant(Invalid):
    """The transaction names no merchant by which others could be found; correct its merchant first."""


async def confirm(
    db: Connection, organization_id: UUID, pattern_id: UUID, *, cadence: Cadence | None = None, actor: str
) -> service.Pattern:
    """A person says that it recurs, in the cadence that was found or in another."""
    known = await service.get(db, organization_id, pattern_id)
    if known.reason_code or (cadence and cadence != known.cadence):
        await _put_rejected_right(db, organization_id, known, cadence or known.cadence)
    await repository.decide(db, organization_id, pattern_id, "confirmed", actor)
    await events.emit(db, organization_id, "recurring.confirmed", {"pattern_id": pattern_id})
    return await service.get(db, organization_id, pattern_id)


async def hear(
    db: Connection, organization_id: UUID, transaction_id: UUID, value: str, apply_to: ApplyTo, *, actor: str
) -> tuple[int, str]:
    """A person's word from a transaction: that it recurs (yes, or its cadence), or that it does not.

    `this` takes a transaction out of its series, and leaves the others in it; `similar` and `always` dismiss the
    series, or all of the merchant's payments in that account. Says how many others it concerns, and what it holds for.
    """
    said = value.strip().lower()
    if said not in ("yes", "no", *get_args(Cadence)):
        raise Invalid(errors=(FieldError("value", EXPECTED),))
    cadence: Cadence | None = next((name for name in get_args(Cadence) if name == said), None)
    known = await repository.pattern_of(db, organization_id, transaction_id)
    if said == "no" and apply_to == "this":
        await repository.set_apart(db, organization_id, transaction_id, actor)
        return 0, "this transaction"
    await repository.put_back(db, organization_id, transaction_id)
    if known and said == "no":
        pattern = await service.dismiss(db, organization_id, known, actor=actor)
    elif known:
        pattern = await confirm(db, organization_id, known, cadence=cadence, actor=actor)
    else:
        pattern = await _named(db, organization_id, transaction_id, cadence, is_recurring=said != "no", actor=actor)
    way = "from" if pattern.amount > 0 else "to"
    return max(pattern.payments - 1, 0), f"payments {way} {pattern.merchant_key}"


async def _named(
    db: Connection,
    organization_id: UUID,
    transaction_id: UUID,
    cadence: Cadence | None,
    *,
    is_recurring: bool,
    actor: str,
) -> service.Pattern:
    """A pattern that nobody found, from one of its transactions."""
    payments = await gathering_repository.closest_group(db, organization_id, transaction_id)
    if not payments:
        await transactions.get(db, organization_id, transaction_id)
        raise NoMerchant
    this = next(payment for payment in payments if payment["transaction_id"] == transaction_id)
    alike = [each for each in payments if this["amount"] <= ALIKE * each["amount"] <= ALIKE * ALIKE * this["amount"]]
    candidate = await repository.rejected_of(db, organization_id, this)
    pattern_id = candidate or new_id()
    decision = "confirmed" if is_recurring else "dismissed"
    told = {"pattern_id": pattern_id, "decision": decision, "decided_by": actor, "decided_at": datetime.now(UTC)}
    if is_recurring:
        await _write(db, organization_id, this, alike, cadence, told)
    else:
        await repository.put(db, organization_id, {**_whose(this), **told, **_rejected(payments)})
    await events.emit(db, organization_id, f"recurring.{decision}", {"pattern_id": pattern_id})
    return await service.get(db, organization_id, pattern_id)


async def _put_rejected_right(
    db: Connection, organization_id: UUID, known: service.Pattern, cadence: Cadence | None
) -> None:
    """Let a pattern have the cadence that a person says it has, with the payments that keep to it."""
    own = await repository.members(db, organization_id, known.pattern_id)
    if own:
        payments = await gathering_repository.closest_group(db, organization_id, own[0]["transaction_id"])
        ids = {row["transaction_id"] for row in own}
        payments = [each for each in payments if each["transaction_id"] in ids]
    else:
        payments = await gathering_repository.payments_of(db, organization_id, known.pattern_id)
    if not payments:
        raise service.PatternNotFound
    await _write(db, organization_id, payments[-1], payments, cadence, {"pattern_id": known.pattern_id})


async def _write(
    db: Connection,
    organization_id: UUID,
    this: DictRow,
    payments: Sequence[DictRow],
    cadence: Cadence | None,
    told: dict[str, Any],
) -> None:
    group = Group([each["day"] for each in payments], [each["amount"] for each in payments])
    pattern = follow(group, cadence)
    members = [payments[place] for place in pattern.members] if pattern else [this]
    last = members[-1]["day"]
    if pattern:
        schedule, amounts = pattern.fit.schedule, pattern.amounts
        ahead = outlooks.look(pattern.fit, last, last)
        early, late, due = ahead.early, ahead.late, ahead.next_due
        schedule = ahead.schedule
    elif cadence:
        schedule, amounts = _from_one(last, cadence), judge([this["amount"]])
        due = next(schedule.after(last))
        early = late = outlooks.room_before_any(cadence)
    else:
        raise service.CadenceNeeded
    await repository.put(
        db,
        organization_id,
        {
            **_whose(this),
            **told,
            "state": "active",
            "cadence": schedule.cadence,
            "schedule": Jsonb(schedule.written()),
            "confidence": 1,
            "reason_code": None,
            "reasons": Jsonb(["a person said so"]),
            "payments": len(members),
            "first_on": date.fromordinal(members[0]["day"]),
            "last_on": date.fromordinal(last),
            "amount": in_coins(amounts.expected, this["currency"]),
            "amount_low": in_coins(amounts.low, this["currency"]),
            "amount_high": in_coins(amounts.high, this["currency"]),
            "amount_kind": amounts.kind,
            "next_due_on": date.fromordinal(due),
            "next_earliest_on": date.fromordinal(due - early),
            "next_latest_on": date.fromordinal(due + late),
            "known_through": date.fromordinal(last),
            "version": VERSION,
        },
    )
    ids = [each["transaction_id"] for each in members]
    await repository.put_members(db, organization_id, told["pattern_id"], ids)


def _from_one(day: int, cadence: Cadence) -> Schedule:
    """The schedule that a single payment begins."""
    if cadence in ("weekly", "fortnightly", "four_weekly"):
        return Schedule(cadence, "interval", day, days=int(DAYS[cadence]))
    months = {"semi_monthly": 1, "monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}[cadence]
    place = day_in_month(day)
    on = (place, place + 15 if place <= 15 else place - 15) if cadence == "semi_monthly" else (place,)
    return Schedule(cadence, "month_day", month_of(day), months=months, on=tuple(sorted(on)))


def _whose(payment: DictRow) -> dict[str, Any]:
    return {name: payment[name] for name in ("account_id", "merchant_key", "merchant", "money_in", "currency")}


def _rejected(payments: Sequence[DictRow]) -> dict[str, Any]:
    """What is kept of payments that a person says do not recur."""
    amounts = sorted(payment["amount"] for payment in payments)
    return {
        "state": "rejected",
        "confidence": 0,
        "reason_code": "dismissed",
        "reasons": Jsonb(["a person said so"]),
        "payments": len(payments),
        "first_on": date.fromordinal(payments[0]["day"]),
        "last_on": date.fromordinal(payments[-1]["day"]),
        "amount": in_coins(amounts[len(amounts) // 2], payments[0]["currency"]),
        "amount_low": in_coins(amounts[0], payments[0]["currency"]),
        "amount_high": in_coins(amounts[-1], payments[0]["currency"]),
        "amount_kind": "variable" if amounts[0] < amounts[-1] else "fixed",
        "known_through": date.fromordinal(payments[-1]["day"]),
        "version": VERSION,
    }
