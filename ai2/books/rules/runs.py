"""Running rules: shown first, brought to the history and taken back, and on whatever comes in.

What a person decided and what is paired as a transfer stays as it is; what anybody else decided, a rule overrules.
All active rules are tried in their order, so that applying one changes only what that one decides.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.rules import repository as rules_repository
from ai2.books.rules import runs_repository as repository
from ai2.books.rules import service as rules
from ai2.books.rules.matching import FIELDS, Actions, Conditions, Field, Rule, decide
from ai2.books.rules.parts_repository import stage_parted
from ai2.books.rules.runs_repository import Scope
from ai2.books.transfers import service as transfers
from ai2.kit import events
from ai2.kit.database import Connection, allow_memory, done_by, planned_for
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.ids import new_id
from ai2.kit.money import exact

# Who the history says it was where nobody asked for it: rules that run on what comes in.
ACTOR = "rules"
# From so many rows on matching goes to a thread, so that others are served meanwhile.
MANY = 1000


class RuleIsInactive(Conflict):
    """The rule is not active, so it decides nothing; activate it first."""


class ApplicationNotFound(NotFound):
    """There is no such application; GET /api/core/rules/applications lists yours."""


@dataclass(frozen=True)
class Draft:
    """A rule that is not written down, or the change of one that is."""

    conditions: Conditions
    actions: Actions
    position: int | None = None


@dataclass(frozen=True)
class State:
    """What a rule may change of a transaction."""

    category_id: UUID | None
    category: str | None
    decided_by: str | None
    tags: list[str]
    merchant: str | None
    splits: list[dict[str, Any]]


@dataclass(frozen=True)
class Changed:
    """A transaction as it is and as it would be; `decided` says which rule decides which field (none: the draft)."""

    transaction_id: UUID
    booked_on: date
    amount: Decimal
    currency: str
    description: str
    before: State
    after: State
    decided: dict[Field, UUID | None]


@dataclass(frozen=True)
class Preview:
    """What rules would change: `matched` is what they decide, `kept` of it what people or transfers decided.

    `closed` would change too, and stays as it is because its period is closed.
    """

    matched: int
    changed: int
    kept: int
    closed: int
    fields: dict[Field, int]
    items: list[Changed]
    next_cursor: UUID | None


@dataclass(frozen=True)
class Application:
    """A rule brought to the history, and what became of that when it was undone."""

    application_id: UUID
    rule_id: UUID
    rule_version: int
    start_date: date | None
    end_date: date | None
    account_id: UUID | None
    rows_changed: int
    rows_closed: int
    applied_by: str
    applied_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    rows_given_back: int | None
    rows_left_alone: int | None


async def preview(
    db: Connection,
    organization_id: UUID,
    *,
    rule_id: UUID | None = None,
    draft: Draft | None = None,
    scope: Scope,
    after: UUID | None = None,
    limit: int = 50,
) -> Preview:
    """What all active rules would change; or one of them, as it is or as `draft` has it; or a new one.

    Writes nothing.
    """
    await _check(db, organization_id, scope)
    known, mine = await _tried(db, organization_id, rule_id, draft)
    matched, kept, closed = await _stage(db, organization_id, known, scope, only=mine)
    counted = await repository.counts(db)
    found = await repository.page(db, organization_id, after=after, limit=limit + 1)
    is_new = draft is not None and rule_id is None
    ids = [None if is_new and place == mine else rule.rule_id for place, rule in enumerate(known)]
    items = [_changed(row, ids) for row in found[:limit]]
    return Preview(
        matched=matched,
        changed=counted["changed"],
        kept=kept,
        closed=closed,
        fields={field: counted[field] for field in FIELDS},
        items=items,
        next_cursor=items[-1].transaction_id if len(found) > limit else None,
    )


async def apply(db: Connection, organization_id: UUID, rule_id: UUID, *, scope: Scope, applied_by: str) -> Application:
    """Bring a rule to the history, and keep a record by which that can be undone."""
    await _check(db, organization_id, scope)
    rule = await rules.get(db, organization_id, rule_id)
    if not rule.is_active:
        raise RuleIsInactive
    known = await rules.in_force(db, organization_id)
    # One after the other with imports, so that two that write many rows never wait for each other.
    await transfers.queue_up(db, organization_id)
    application_id = new_id()
    place = [each.rule_id for each in known].index(rule_id)
    _, _, closed = await _stage(db, organization_id, known, scope, only=place, writes=True)
    async with done_by(db, _actor(applied_by, application_id)):
        changed = await _write(db, organization_id)
    await _pair(db, organization_id, known)
    await rules_repository.insert_application(
        db,
        organization_id=organization_id,
        application_id=application_id,
        rule_id=rule_id,
        rule_version=rule.version,
        start_date=scope.start_date,
        end_date=scope.end_date,
        account_id=scope.account_id,
        rows_changed=changed,
        rows_closed=closed,
        applied_by=applied_by,
    )
    told = {"rule_id": rule_id, "application_id": application_id, "count": changed}
    await events.emit(db, organization_id, "rule.applied", told)
    return await _application(db, organization_id, application_id)


async def undo(db: Connection, organization_id: UUID, application_id: UUID, *, undone_by: str) -> Application:
    """Give what an application changed its former values; what was changed since is left alone and counted.

    An application that is undone already is only reported.
    """
    await transfers.queue_up(db, organization_id)
    known = await _application(db, organization_id, application_id)
    if known.undone_at is not None:
        return known
    changed_by = _actor(known.applied_by, application_id)
    await allow_memory(db)
    async with done_by(db, ACTOR):  # what was paired because the rule said so comes apart first
        await transfers.dissolve_ruled(db, organization_id, changed_by, f"{known.rule_id}/{known.rule_version}")
    async with done_by(db, f"{undone_by} undo:{application_id}"), planned_for(db, known.rows_changed):
        given_back = await repository.give_back(db, organization_id, changed_by=changed_by)
    await rules_repository.set_undone(db, organization_id, application_id, undone_by=undone_by, given_back=given_back)
    told = {"rule_id": known.rule_id, "application_id": application_id, "count": given_back}
    await events.emit(db, organization_id, "rule.undone", told)
    return await _application(db, organization_id, application_id)


async def applications(
    db: Connection, organization_id: UUID, *, rule_id: UUID | None = None, after: UUID | None = None, limit: int
) -> tuple[list[Application], UUID | None]:
    """Where rules were applied, newest first, and the last one's id where there are more."""
    found = await rules_repository.applications(db, organization_id, rule_id=rule_id, after=after, limit=limit + 1)
    items = [Application(**row) for row in found[:limit]]
    return items, items[-1].application_id if len(found) > limit else None


async def count_applications(db: Connection, organization_id: UUID, rule_id: UUID | None) -> int:
    """How often rules, or this one, were applied."""
    return await rules_repository.count_applications(db, organization_id, rule_id)


async def run_on_batch(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Run the rules on what an import or its replay wrote in this very database transaction; says how many changed."""
    known = await rules.in_force(db, organization_id)
    return await _run(db, organization_id, known, Scope(batch_id=batch_id))


async def for_new(db: Connection, organization_id: UUID, known: list[Rule], *, transfers_too: bool) -> list[Rule]:
    """Those of the rules in force that run on what is written by hand; who said that it is no transfer is heeded."""
    if not known or transfers_too:
        return known
    kinds = {each.category_id: each.kind for each in await categories.list_all(db, organization_id)}
    return [
        rule
        for rule in known
        if kinds.get(rule.actions.category_id) != "transfer" and not rule.actions.transfer  # type: ignore[arg-type]
    ]


async def run_on_new(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], known: Sequence[Rule]
) -> int:
    """Run these rules on what was written by hand. Says how many changed."""
    return await _run(db, organization_id, known, Scope(transaction_ids=list(transaction_ids)))


async def _run(db: Connection, organization_id: UUID, known: Sequence[Rule], scope: Scope) -> int:
    if not known:
        return 0
    await _stage(db, organization_id, known, scope, writes=True)
    async with done_by(db, ACTOR):
        changed = await _write(db, organization_id)
    await _pair(db, organization_id, known)
    return changed


async def _pair(db: Connection, organization_id: UUID, known: Sequence[Rule]) -> None:
    """Look for the other side of what these rules just said to be transfers."""
    places = [place for place, rule in enumerate(known) if rule.actions.transfer]
    if places and (number := await repository.moved(db, places)):
        async with done_by(db, ACTOR), planned_for(db, number):
            await transfers.pair_moved(db, organization_id)


async def _stage(
    db: Connection,
    organization_id: UUID,
    known: Sequence[Rule],
    scope: Scope,
    *,
    only: int | None = None,
    writes: bool = False,
) -> tuple[int, int, int]:
    """Gather what would change; says how many transactions rules decide, and how many of these somebody else did.

    And how many would change and are left out, because their period is closed.
    """
    await repository.stage_touched(db, organization_id, scope)
    found = []
    async for facts in repository.facts(db, organization_id, scope):
        if len(facts) < MANY:
            found.append(decide(facts, known, only))
        else:
            found.append(await asyncio.to_thread(decide, facts, known, only))
    await repository.stage_ruled(db, found)
    of_transfers: tuple[UUID | None, UUID | None] = (None, None)
    if any(rule.actions.transfer for rule in known):
        of_transfers = await transfers.categories(db, organization_id, make=writes)
    async with planned_for(db, sum(len(piece.transaction_ids) for piece in found)):
        await stage_parted(db, organization_id, known)
        await repository.stage_changes(db, organization_id, known, of_transfers)
    closed_through = await periods.closed_through(db, organization_id)
    closed = await repository.leave_closed(db, organization_id, closed_through) if closed_through else 0
    return sum(piece.matched for piece in found), sum(piece.kept for piece in found), closed


async def _write(db: Connection, organization_id: UUID) -> int:
    changed = (await repository.counts(db))["changed"]
    if not changed:
        return 0
    await allow_memory(db)
    async with planned_for(db, changed):
        return await repository.write_changes(db, organization_id)


async def _tried(
    db: Connection, organization_id: UUID, rule_id: UUID | None, draft: Draft | None
) -> tuple[list[Rule], int | None]:
    """The rules to be tried, and the place of the one that is asked about, which counts as active."""
    known = await rules.in_force(db, organization_id)
    if rule_id is None and draft is None:
        return known, None
    if rule_id is not None:
        mine = await rules.get(db, organization_id, rule_id)
    else:
        now = datetime.now(UTC)
        last = max((rule.position for rule in known), default=0)
        mine = Rule(rule_id=new_id(), name="draft", position=last + 1, is_active=True, conditions=Conditions(),
                    actions=Actions(), version=0, created_at=now, updated_at=now)  # fmt: skip
    if draft is not None:
        conditions = await rules.checked(db, organization_id, draft.conditions, draft.actions)
        position = draft.position or mine.position
        mine = replace(mine, conditions=conditions, actions=draft.actions, position=position)
    tried = [rule for rule in known if rule.rule_id != mine.rule_id] + [mine]
    tried.sort(key=lambda rule: (rule.position, rule.rule_id))
    return tried, tried.index(mine)


async def _check(db: Connection, organization_id: UUID, scope: Scope) -> None:
    if scope.account_id:
        await accounts.get(db, organization_id, scope.account_id)
    if scope.start_date and scope.end_date and scope.start_date > scope.end_date:
        raise Invalid(errors=(FieldError("end_date", "is not before start_date"),))


async def _application(db: Connection, organization_id: UUID, application_id: UUID) -> Application:
    row = await rules_repository.application(db, organization_id, application_id)
    if row is None:
        raise ApplicationNotFound
    return Application(**row)


def _actor(applied_by: str, application_id: UUID) -> str:
    """Who the history says it was: an act of many rows, and no edit."""
    return f"{applied_by} rules:{application_id}"


def _changed(row: DictRow, ids: Sequence[UUID | None]) -> Changed:
    before = State(row["category_id"], row["category"], row["decided_by"], row["tags"], row["merchant"], row["splits"])
    after = replace(before, tags=[*row["tags"], *row["new_tags"]], merchant=row["new_merchant"] or row["merchant"])
    if row["category_place"] is not None:
        after = replace(after, category_id=row["new_category_id"], category=row["new_category"], decided_by="rule")
        after = replace(after, splits=row["new_splits"])
    decided: dict[Field, UUID | None] = {
        field: ids[row[f"{field}_place"]] for field in FIELDS if row[f"{field}_place"] is not None
    }
    told: dict[str, Any] = {name: row[name] for name in ("transaction_id", "booked_on", "currency", "description")}
    return Changed(**told, amount=exact(row["amount"], row["currency"]), before=before, after=after, decided=decided)
