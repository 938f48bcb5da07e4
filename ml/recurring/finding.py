"""Finding: gather an organization's payments, judge them, and write down what recurs; again changes nothing."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.categories import service as categories
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.money import exponent
from ml.recurring import finding_repository, gathering_repository, identity, kinds
from ml.recurring import outlook as outlooks
from ml.recurring.detect import VERSION, Group, Pattern, Rejected, follow, judge
from ml.recurring.identity import Finding, Identities, Whose
from ml.recurring.outlook import Outlook

# What is rejected is kept to be looked at where there are as many payments over as many days.
LEAST_PAYMENTS, LEAST_DAYS = 3, 60
PLACES = -4  # amounts are judged in ten-thousandths

Known = dict[Whose, list[DictRow]]
# A pattern, the places of its payments in the group, and which it is where it was looked for.
Series = tuple[Pattern, tuple[int, ...], UUID | None]


@dataclass(frozen=True)
class Recurring:
    """What became of a look: payments and groups that were looked at, and what was found in them."""

    payments: int
    groups: int
    patterns: int
    new: int
    gone: int
    price_rises: int
    missed: int


@dataclass(frozen=True)
class Candidate:
    """What was found in a group, or why nothing was."""

    number: int
    group: DictRow
    # places of the group's payments
    members: tuple[int, ...] = ()
    pattern: Pattern | None = None
    ahead: Outlook | None = None
    rejected: Rejected | None = None
    named: UUID | None = None


async def find(db: Connection, organization_id: UUID, *, is_all: bool = False, today: date | None = None) -> Recurring:
    """Look through the payments of merchants of which something was written since the last look, or of all."""
    since = await gathering_repository.begin(db, organization_id)
    reached = await gathering_repository.watermark(db)
    is_all = is_all or since is None
    await gathering_repository.stage_accounts(db, organization_id, today or datetime.now(UTC).date())
    merchants = await gathering_repository.stage_wanted(db, organization_id, None if is_all else since)
    if not merchants:
        await gathering_repository.end(db, organization_id, reached)
        return Recurring(0, 0, 0, 0, 0, 0, 0)
    payments = await gathering_repository.stage_payments(db, organization_id, is_all=is_all)
    known = await finding_repository.known(db, organization_id)
    groups, candidates = await _judged(db, organization_id, known)
    told = await _written(db, organization_id, candidates, known)
    await gathering_repository.end(db, organization_id, reached)
    return Recurring(payments, groups, **told)


async def _judged(db: Connection, organization_id: UUID, known: Sequence[DictRow]) -> tuple[int, list[Candidate]]:
    """Judge all groups, in a thread, so that others are served meanwhile."""
    by_code = await categories.by_code(db, organization_id)
    codes = {category_id: code for code, category_id in sorted(by_code.items(), reverse=True)}
    confirmed: Known = {}
    for row in known:
        if row["decision"] == "confirmed" and row["cadence"]:
            confirmed.setdefault(identity.whose(row), []).append(row)
    candidates: list[Candidate] = []
    groups = 0
    async for some in gathering_repository.groups(db, organization_id):
        groups += len(some)
        candidates += await asyncio.to_thread(_of_groups, some, codes, confirmed, len(candidates))
    return groups, candidates


def _of_groups(groups: Sequence[DictRow], codes: Mapping[UUID, str], confirmed: Known, first: int) -> list[Candidate]:
    found: list[Candidate] = []
    for row in groups:
        code = codes.get(row["category_id"]) or row["suggested"]
        kind = kinds.kind_for(row["merchant_key"], row["money_in"], row["category"], code)
        group = Group(row["days"], row["amounts"], kind, is_mandated=bool(row["is_mandated"]))
        for candidate in _of_group(row, group, confirmed.get(identity.whose(row), [])):
            found.append(Candidate(first + len(found), **candidate))
    return found


def _of_group(row: DictRow, group: Group, confirmed: Sequence[DictRow]) -> Iterator[dict[str, Any]]:
    judged = judge(group)
    patterns: list[Series] = [(each, each.members, None) for each in judged.patterns]
    for known in confirmed:
        if not any(_is_same(each, known) for each in judged.patterns):
            patterns += _followed(group, known, {place for _, members, _ in patterns for place in members})
    through = row["known_through"].toordinal() if row["known_through"] else row["days"][-1]
    for pattern, members, named in patterns:
        ahead = outlooks.look(pattern.fit, row["days"][members[-1]], through)
        yield {"group": row, "members": members, "pattern": pattern, "ahead": ahead, "named": named}
    if not patterns and judged.rejected and _is_worth_a_look(row):
        yield {"group": row, "rejected": judged.rejected}


def _is_same(pattern: Pattern, known: DictRow) -> bool:
    times = decimal(pattern.amounts.expected) / known["amount"]
    cadence = pattern.fit.schedule.cadence
    return cadence == str(known["cadence"]) and 1 / identity.MOST_DEARER <= times <= identity.MOST_DEARER


def _followed(group: Group, known: DictRow, taken: set[int]) -> list[Series]:
    """What a person said is recurring goes on, whatever speaks against it: the payments of about its amounts."""
    low, high = known["amount_low"] / 2, known["amount_high"] * 2
    places = [
        place for place, amount in enumerate(group.amounts) if place not in taken and low <= decimal(amount) <= high
    ]
    some = Group([group.days[place] for place in places], [group.amounts[place] for place in places])
    pattern = follow(some, known["cadence"]) if places else None
    if pattern is None:
        return []
    return [(pattern, tuple(places[place] for place in pattern.members), known["pattern_id"])]


def _is_worth_a_look(row: DictRow) -> bool:
    days = row["days"]
    return len(days) >= LEAST_PAYMENTS and days[-1] - days[0] >= LEAST_DAYS


async def _written(
    db: Connection, organization_id: UUID, candidates: Sequence[Candidate], known: Sequence[DictRow]
) -> dict[str, int]:
    members = (
        (candidate.number, candidate.group["group_id"], place)
        for candidate in candidates
        for place in candidate.members
    )
    await finding_repository.stage_members(db, members)
    overlaps = await finding_repository.overlaps(db, organization_id)
    made = identity.identify([_finding(candidate) for candidate in candidates], known, overlaps)
    written = [candidate for candidate in candidates if candidate.number in made.ids]
    rows = [_row(candidate, made) for candidate in written]
    await finding_repository.write(db, organization_id, rows, made.ids.items(), made.gone)
    await finding_repository.link(db, organization_id)
    await finding_repository.forget_the_unlikeliest(db, organization_id)
    return await _tell(db, organization_id, written, made, known)


def _finding(candidate: Candidate) -> Finding:
    whose, pattern = identity.whose(candidate.group), candidate.pattern
    if pattern is None:
        return Finding(candidate.number, whose, is_rejected=True)
    return Finding(
        candidate.number, whose, is_rejected=False, cadence=pattern.fit.schedule.cadence,
        amount=decimal(pattern.amounts.expected), named=candidate.named,
    )  # fmt: skip


async def _tell(
    db: Connection, organization_id: UUID, written: Sequence[Candidate], made: Identities, known: Sequence[DictRow]
) -> dict[str, int]:
    """Tell of what is new, of what became dearer since it was known, and of what did not come; count it all."""
    before = {row["pattern_id"]: row for row in known if row["state"] != "rejected"}
    found = [(made.ids[candidate.number], candidate) for candidate in written if candidate.pattern]
    new = [pattern_id for pattern_id, _ in found if pattern_id not in before]
    heard = [
        (pattern_id, candidate, before[pattern_id])
        for pattern_id, candidate in found
        if pattern_id in before and before[pattern_id]["decision"] != "dismissed"
    ]
    dearer = [pattern_id for pattern_id, candidate, row in heard if _rose_since(candidate, row["known_through"])]
    missed = [
        pattern_id
        for pattern_id, candidate, row in heard
        if row["state"] == "active" and candidate.ahead and candidate.ahead.state == "missed"
    ]
    for kind, ids in (("found", new), ("price_rise", dearer), ("missed", missed)):
        if ids:
            few = ids if len(ids) <= events.MOST_IDS else None
            await events.emit(db, organization_id, f"recurring.{kind}", {"pattern_ids": few, "count": len(ids)})
    return {
        "patterns": len(found), "new": len(new), "gone": len(made.gone), "price_rises": len(dearer),
        "missed": len(missed),
    }  # fmt: skip


def _rose_since(candidate: Candidate, known_through: date) -> bool:
    pattern = candidate.pattern
    if pattern is None:
        return False
    rises = (change for change in pattern.amounts.changes if change.after > change.before)
    return any(_day(candidate, rise.at) > known_through for rise in rises)


def _day(candidate: Candidate, at: int) -> date:
    """The day of the series' payment at this place."""
    return date.fromordinal(candidate.group["days"][candidate.members[at]])


def decimal(amount: int) -> Decimal:
    return Decimal(amount).scaleb(PLACES)


def in_coins(amount: int, currency: str) -> Decimal:
    """With the currency's decimals; what was paid has them, and the bounds of what may be are rounded to them."""
    return decimal(amount).quantize(Decimal(1).scaleb(-exponent(currency)))


def _row(candidate: Candidate, made: Identities) -> tuple[Any, ...]:
    """As `finding_repository.COLUMNS` wants it."""
    group, pattern, ahead = candidate.group, candidate.pattern, candidate.ahead
    values: dict[str, Any] = {
        **{name: group[name] for name in ("account_id", "merchant_key", "merchant", "money_in", "currency")},
        "pattern_id": made.ids[candidate.number],
        "is_transfer": group["is_transfer"],
        "known_through": group["known_through"] or date.fromordinal(group["days"][-1]),
        "version": VERSION,
        "decision": "dismissed" if candidate.number in made.dismissed else None,
    }
    if pattern and ahead:
        values |= _of_pattern(candidate, pattern, ahead)
    elif candidate.rejected:
        values |= _of_rejected(group, candidate.rejected)
    return tuple(values.get(name) for name in finding_repository.COLUMNS)


def _of_pattern(candidate: Candidate, pattern: Pattern, ahead: Outlook) -> dict[str, Any]:
    amounts, currency = pattern.amounts, candidate.group["currency"]
    changes = [
        {
            "before": str(in_coins(change.before, currency)),
            "after": str(in_coins(change.after, currency)),
            "since": _day(candidate, change.at).isoformat(),
        }
        for change in amounts.changes
    ]
    return {
        "state": ahead.state,
        "cadence": ahead.schedule.cadence,
        "schedule": json.dumps(ahead.schedule.written()),
        "confidence": pattern.confidence,
        "reasons": json.dumps(pattern.reasons),
        "payments": len(candidate.members),
        "first_on": _day(candidate, 0),
        "last_on": _day(candidate, -1),
        "amount": in_coins(amounts.expected, currency),
        "amount_low": in_coins(amounts.low, currency),
        "amount_high": in_coins(amounts.high, currency),
        "amount_kind": amounts.kind,
        "price_changes": json.dumps(changes),
        "next_due_on": date.fromordinal(ahead.next_due),
        "next_earliest_on": date.fromordinal(ahead.next_due - ahead.early),
        "next_latest_on": date.fromordinal(ahead.next_due + ahead.late),
        "skipped": [date.fromordinal(day) for day in ahead.skipped],
        "missed": [date.fromordinal(day) for day in ahead.missed],
    }


def _of_rejected(group: DictRow, rejected: Rejected) -> dict[str, Any]:
    amounts = sorted(group["amounts"])
    return {
        "state": "rejected",
        "cadence": rejected.fit.schedule.cadence if rejected.fit else None,
        "confidence": rejected.confidence,
        "reason_code": rejected.code,
        "reasons": json.dumps([rejected.reason]),
        "payments": len(group["days"]),
        "first_on": date.fromordinal(group["days"][0]),
        "last_on": date.fromordinal(group["days"][-1]),
        "amount": in_coins(amounts[len(amounts) // 2], group["currency"]),
        "amount_low": in_coins(amounts[0], group["currency"]),
        "amount_high": in_coins(amounts[-1], group["currency"]),
        "amount_kind": "variable" if amounts[0] < amounts[-1] else "fixed",
        "price_changes": "[]",
        "skipped": [],
        "missed": [],
    }
