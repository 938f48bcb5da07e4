"""Reasons: what moves cells of budgets, and of taxes though nobody wrote the transaction since.

The answer of the tax rules rests on more than the transaction: on what people said, on a receipt beside it, on a rate,
on what its category means, on how the organization is taxed, and on the rules. Where several of these moved, nobody can
tell them apart.
"""

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.transactions import attachments
from ai2.kit.database import Connection
from ai2.reports import changes_repository as repository
from ai2.reports import repository as names
from ai2.reports.changes_model import Cause, CauseKind, effects_of
from ai2.reports.forms import moving_parts
from ai2.reports.forms.moving_parts import ZERO
from ai2.reports.model import Report
from ml.tax import service as tax


def planned(then: Report, now: Report) -> list[Cause]:
    """What was planned otherwise, and what is carried over of that and of months before."""
    moved = moving_parts.between(*(moving_parts.of(report).get(None, {}) for report in (then, now)))
    carried = {key: amount for key, amount in moved.items() if key.endswith("_carried")}
    budget = {key: amount for key, amount in moved.items() if key not in carried}
    return [Cause(kind="budget", effects=effects_of(budget)), Cause(kind="carried", effects=effects_of(carried))]


async def answered(
    db: Connection, organization_id: UUID, then: Report, now: Report, at: tuple[Moment, Moment]
) -> list[Cause]:
    """What moved transactions that were not written since, added up by what it was."""
    before, after = moving_parts.of(then), moving_parts.of(now)
    moved = {each: moving_parts.between(before.get(each, {}), after.get(each, {})) for each in {**before, **after}}
    written = await repository.written(db, organization_id, at[0], [each for each in moved if each and moved[each]])
    others = {each: effects for each, effects in moved.items() if each and effects and each not in written}
    if not others:
        return []
    why = await _why(db, organization_id, now, at, others.keys())
    together: dict[CauseKind, dict[str, Decimal | None]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for transaction_id, effects in others.items():
        own = together[why[transaction_id]]
        for key, amount in effects.items():
            known = own[key]
            own[key] = None if known is None or amount is None else known + amount
    counted = [*why.values()]
    return [
        Cause(kind=kind, transactions=counted.count(kind), effects=effects_of(own))
        for kind, own in sorted(together.items())
    ]


async def _why(
    db: Connection, organization_id: UUID, now: Report, at: tuple[Moment, Moment], ids: Collection[UUID]
) -> dict[UUID, CauseKind]:
    profiles, known = [
        [each[place] for each in [await tax.grounds(db, organization_id, moment) for moment in at]] for place in (0, 1)
    ]
    for_all: list[CauseKind] = ["profile"] if profiles[0] != profiles[1] else []
    for_all += ["rules"] if known[0] != known[1] else []
    of_each: dict[CauseKind, Collection[UUID]] = {
        "confirmation": await tax.said_since(db, organization_id, ids, at[0]),
        "receipt": await _receipts(db, organization_id, at, ids),
        "rate": await _rates(db, organization_id, now, at, ids),
        "category": await _categories(db, organization_id, at, ids),
    }
    found = {each: for_all + [kind for kind, those in of_each.items() if each in those] for each in ids}
    return {each: kinds[0] if len(kinds) == 1 else "together" for each, kinds in found.items()}


async def _receipts(
    db: Connection, organization_id: UUID, at: tuple[Moment, Moment], ids: Collection[UUID]
) -> set[UUID]:
    had, have = [await attachments.proven(db, organization_id, ids, known_at=moment) for moment in at]
    return had ^ have


async def _rates(
    db: Connection, organization_id: UUID, now: Report, at: tuple[Moment, Moment], ids: Collection[UUID]
) -> set[UUID]:
    """Those that are converted by another rate, or by none."""
    rows = await repository.as_they_were(db, organization_id, at[1], [*ids])
    found = set[UUID]()
    for into in {table.currency for table in now.tables}:
        wanted = {(row["currency"], row["booked_on"]) for row in rows.values()}
        was, current = [await rates.converter(db, organization_id, into, wanted, known_at=moment) for moment in at]
        found |= {
            each
            for each, row in rows.items()
            if was[row["currency"], row["booked_on"]].rate != current[row["currency"], row["booked_on"]].rate
        }
    return found


async def _categories(
    db: Connection, organization_id: UUID, at: tuple[Moment, Moment], ids: Collection[UUID]
) -> set[UUID]:
    """Those whose category is called, or stands for, something else."""
    meant = []
    for moment in at:
        known = await names.categories(db, organization_id, moment)
        codes = await tax.codes(db, organization_id, moment)
        meant.append({
            row["category_id"]: (row["name"], row["kind"], codes.get(row["category_id"])) for row in known
        })  # fmt: skip
    other = [each for each in {**meant[0], **meant[1]} if meant[0].get(each) != meant[1].get(each)]
    return await repository.in_categories(db, organization_id, ids, other) if other else set()
