"""Governance: who may change what serves for everyone, whether a training is due, and what learning has come to."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from ai2.identity.principal import Principal
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Forbidden, Invalid
from ai2.kit.settings import settings
from ml import registry
from ml.copies import About
from ml.governance import repository, shadow, succession, triggers
from ml.governance.intervals import wilson
from ml.governance.succession import ModelVersionNotFound, Version
from ml.governance.triggers import Facts, Found, Heard, Limits
from ml.knowledge.labels import primary_of
from ml.own import repository as own_repository

WEEKS = 26
# Who decided in the place of people.
MACHINES = ("rule", "recurring", "merchant", "import", "model", "llm")


class NotAnOperator(Forbidden):
    """A model answers for every organization here; only operators may change it. Ask who runs this deployment."""


class GatesNotPassed(Conflict):
    """This version did not pass every gate; promote another, or say force and a reason."""


def may_operate(who: Principal) -> bool:
    """Whether somebody's organization may change what answers for all: one that is named, or the only tenant's."""
    named = settings().operator_organizations
    return who.organization_id in named if named else not settings().enable_multi_tenant


def check_operator(who: Principal) -> None:
    if not may_operate(who):
        raise NotAnOperator


async def versions(name: str | None = None) -> list[Version]:
    """Every version of the models here, the last trained first."""
    if name not in (None, registry.NAME):
        raise ModelVersionNotFound
    return await asyncio.to_thread(succession.versions)


async def promote(who: Principal, name: str, number: str, *, force: bool, reason: str | None) -> Version:
    """Let a version serve. One that failed a gate needs to be forced, for a reason."""
    check_operator(who)
    await _check_named(name)
    if force and not reason:
        raise Invalid(errors=(FieldError("reason", "says why the gates are passed over"),))
    wanted = await asyncio.to_thread(succession.version, number)
    if wanted.role == "champion":
        return wanted
    failed = [gate for gate in wanted.about.gates if gate["is_passed"] is False]
    if failed and not force:
        raise GatesNotPassed(gates=failed)
    await asyncio.to_thread(succession.promote, wanted.about, by=who.actor)
    return await asyncio.to_thread(succession.version, number)


async def rollback(who: Principal, name: str) -> Version:
    """Let what served before serve again."""
    check_operator(who)
    await _check_named(name)
    back = await asyncio.to_thread(succession.rollback, by=who.actor)
    return await asyncio.to_thread(succession.version, back.version)


async def _check_named(name: str) -> None:
    if name != registry.NAME:
        raise ModelVersionNotFound


# --- what is decided, and the challenger beside it ---------------------------------------------------------------


async def watch(db: Connection, organization_id: UUID, since: datetime | None = None) -> None:
    """Count what `ml.service.suggest` decided just now, and ask the challenger about some of it.

    Counted is what was written since the last count, or `since`, for who decides in several goes.
    """
    counted: dict[tuple[str, str, str, str], int] = {}
    since = since or await repository.counted_to(db, organization_id)
    for row in await repository.decided_now(db, organization_id, registry.champion().version, since):
        cell = row["decided_by"], row["version"], row["decision"], primary_of(row["detailed"]) or ""
        counted[cell] = counted.get(cell, 0) + row["decisions"]
    names = ("decided_by", "version", "decision", "category", "decisions")
    cells = [dict(zip(names, (*cell, times), strict=True)) for cell, times in sorted(counted.items())]
    await repository.count_decisions(db, organization_id, cells)
    await shadow.beside(db, organization_id)


# --- whether a training is due -----------------------------------------------------------------------------------


async def look(db: Connection, now: datetime | None = None) -> list[Found]:
    """See how far every trigger is, and write it down for everyone to read. `db` is the pipeline role's."""
    now = now or datetime.now(UTC)
    await asyncio.to_thread(registry.refresh)
    seen = triggers.found(await facts(db, now), limits(), now)
    await repository.put_state(db, registry.NAME, {"triggers": [asdict(each) for each in seen]})
    await shadow.tell_mlflow(db)
    return seen


async def facts(db: Connection, now: datetime) -> Facts:
    """What the triggers are told by, of everyone."""
    trained_at = await _last_training()
    promoted_at = _instant(registry.about_champion(), "promoted_at")
    corrections = await repository.shared_since(db, trained_at)
    if promoted_at is None:
        return Facts(trained_at, corrections)
    first, last = _windows(promoted_at.date(), now.date())
    if last is None:
        return Facts(trained_at, corrections)
    return Facts(
        trained_at,
        corrections,
        before=await repository.mix(db, *first),
        now=await repository.mix(db, *last),
        heard_before=Heard(*await repository.override_share(db, *first)),
        heard_now=Heard(*await repository.override_share(db, *last)),
    )


def limits() -> Limits:
    using = settings()
    return Limits(using.ai_retrain_days, using.ai_retrain_corrections, using.ai_retrain_drift)


Window = tuple[date, date]


def _windows(promoted_on: date, today: date) -> tuple[Window, Window | None]:
    """The days after a promotion, and the last ones, once they do not overlap."""
    days = timedelta(days=triggers.WINDOW_DAYS)
    first, last = (promoted_on, promoted_on + days), (today - days, today)
    return first, last if last[0] > first[1] else None


async def _last_training() -> datetime | None:
    """When the last version was trained, whether or not it serves."""
    known = await asyncio.to_thread(succession.versions)
    return max((datetime.fromisoformat(each.about.trained_at) for each in known), default=None)


def _instant(about: About | None, name: str) -> datetime | None:
    told = getattr(about, name) if about else None
    return datetime.fromisoformat(told) if told else None


# --- what learning has come to -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LearningStats:
    """What people of one organization said, how often they had to, and how the model that all share stands."""

    as_of: datetime
    feedback: dict[str, Any]
    override_rate: list[dict[str, Any]]
    accuracy_over_time: list[dict[str, Any]]
    champion: About | None
    challenger: About | None
    shadow: dict[str, Any] | None
    next_retraining: dict[str, Any]


async def learning_stats(db: Connection, who: Principal) -> LearningStats:
    """The caller's organization's figures; of everyone's only whether a trigger is due, and to operators how far."""
    organization_id, now = who.organization_id, datetime.now(UTC)
    tried = registry.about_challenger()
    champion = registry.about_champion()
    return LearningStats(
        as_of=now,
        feedback=_feedback(await repository.feedback(db, organization_id)),
        override_rate=_override_rates(
            await repository.overrides(db, organization_id),
            dict((await own_repository.state(db, organization_id)).held),
        ),
        accuracy_over_time=_weeks(await repository.weeks(db, organization_id, WEEKS)),
        champion=champion,
        challenger=tried,
        shadow=await shadow.told(db, tried.version) if tried else None,
        next_retraining=await _next(db, champion, tried, now, is_told_all=may_operate(who)),
    )


def _feedback(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counted: dict[str, dict[str, int]] = {"by_field": {}, "by_apply_to": {}}
    for row in found:
        for name, key in (("by_field", row["field"]), ("by_apply_to", row["apply_to"])):
            counted[name][key] = counted[name].get(key, 0) + row["times"]
    last_at = max((row["last_at"] for row in found), default=None)
    return {"total": sum(row["times"] for row in found), **counted, "last_at": last_at}


def _override_rates(found: Sequence[dict[str, Any]], held: dict[str, float]) -> list[dict[str, Any]]:
    """Of all that a decider decided, what people put elsewhere; what they left alone counts as standing."""
    rates = []
    for row in found:
        decided = row["standing"] + row["confirmed"] + row["overridden"]
        if row["decided_by"] in MACHINES and decided:
            low, high = wilson(row["overridden"], decided)
            rate = round(row["overridden"] / decided, 4)
            told = {"decided": decided, "rate": rate, "low": low, "high": high}
            rates.append({**row, **told, "held_to": held.get(row["decided_by"])})
    return rates


def _weeks(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "accuracy": round(row["confirmed"] / (row["confirmed"] + row["overridden"]), 4)} for row in found]


async def _next(
    db: Connection, champion: About | None, tried: About | None, now: datetime, *, is_told_all: bool
) -> dict[str, Any]:
    """When the next training is, by schedule, and what would bring it forward."""
    last = max(filter(None, (_instant(champion, "trained_at"), _instant(tried, "trained_at"))), default=None)
    known = await repository.state(db, registry.NAME)
    seen: dict[str, Any] = {each["trigger"]: each for each in known["figures"]["triggers"]} if known else {}
    wanted = triggers.found(Facts(last, 0), limits(), now)
    told = [_told(each, seen.get(each.trigger), is_told_all=is_told_all) for each in wanted]
    at = now if any(each["is_due"] for each in told) else triggers.next_scheduled(last, limits().days, now)
    return {"at": at, "last_training_at": last, "looked_at": known["looked_at"] if known else None, "triggers": told}


def _told(each: Found, seen: dict[str, Any] | None, *, is_told_all: bool) -> dict[str, Any]:
    """A trigger as it is told: the time of everyone's, the rest from the last look, and its value only to operators."""
    if each.trigger == "schedule":
        return asdict(each)
    is_due = bool(seen and seen["is_due"])
    return {**asdict(each), "is_due": is_due, "value": seen["value"] if seen and is_told_all else None}
