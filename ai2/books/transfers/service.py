"""Transfers: two transactions that are one movement between own accounts, and neither income nor expense.

What is certain is paired and both sides get a transfer's category; what may be waits for a person. A person's no
holds for ever, and what a person decided of a category is not overwritten by a rule. While paired, each side's former
decision is kept, to be given back when the pair is dissolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from psycopg import errors

from ai2.books.categories import repository as categories_repository
from ai2.books.periods import service as periods
from ai2.books.transactions import bulk_repository
from ai2.books.transactions import repository as transactions_repository
from ai2.books.transfers import candidates_repository as finding
from ai2.books.transfers import repository
from ai2.books.transfers.sides import Accounts, Own, Side
from ai2.books.transfers.verdicts import Candidate, Verdict, decide
from ai2.kit import events
from ai2.kit.database import Connection, Query, done_by
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.ids import new_id

State = Literal["suggested", "paired", "rejected"]
OUT_CODES = ("TRANSFER_OUT_ACCOUNT_TRANSFER", "TRANSFER_OUT")
IN_CODES = ("TRANSFER_IN_ACCOUNT_TRANSFER", "TRANSFER_IN")
OUT_NAME, IN_NAME = "To another account", "From another account"
# More candidates than these are no transfers but two accounts with the same amounts every day.
MOST_CANDIDATES = 50_000
# Beyond so many transactions at once, two equal amounts of which neither speaks of a transfer are chance.
MOST_BARE = 5_000
# Partners of other amounts are looked for among those that speak of a transfer, within this many comparisons.
MOST_NEAR, DAYS_NEAR = 3_000_000, 24
# Of more that are named one by one, partners of the same amount alone are looked for: each other text takes its time.
MOST_CLOSELY = 100
EURO = "EUR"


class TransferNotFound(NotFound):
    """There is no such transfer; GET /api/core/transfers lists yours."""


class SideNotFound(NotFound):
    """There is no such transaction; GET /api/core/transactions lists yours."""


class NotPaired(NotFound):
    """This transaction is no side of a transfer."""


class AlreadyPaired(Conflict):
    """One of the two is paired with another; take that transfer apart first."""


class SplitIsNoTransfer(Conflict):
    """One of the two is split; make it whole at PUT /api/core/transactions/{id}/splits first."""


class Rejected(Conflict):
    """This pair was rejected; PUT /api/core/transactions/{id}/transfer pairs them after all."""


class NoTransfer(Invalid):
    """These two cannot be one transfer."""


@dataclass(frozen=True)
class Transfer:
    """Two transactions and what they are to each other; `reasons` say why, `decided_by` is `rule` or `user`."""

    transfer_id: UUID
    out_transaction_id: UUID
    in_transaction_id: UUID
    state: State
    confidence: Decimal
    reasons: list[str]
    decided_by: str
    created_at: datetime
    decided_at: datetime


async def queue_up(db: Connection, organization_id: UUID) -> None:
    """Before an import writes: one at a time in an organization, so that each sees the partners the other brought."""
    await repository.lock(db, organization_id)


def partner_query(organization_id: UUID, side: Side, *, closely: bool) -> Query:
    """What asks whether this one, written already or not, may have another side: `is_there`, null where none can come.

    `closely` looks at other amounts too, which takes longer. Where there is none, `pair` has nothing to do.
    """
    return finding.partner_query(organization_id, side, closely=closely)


async def pair(
    db: Connection, organization_id: UUID, batch_id: UUID | None = None, *, transaction_ids: Sequence[UUID] = ()
) -> int:
    """Find partners for a batch's transactions, or for these; says how many pairs were made.

    May be called again: what is paired or rejected stays, and suggestions are made anew.
    """
    if not await finding.has_others(db, organization_id):
        return 0
    await finding.prepare(db)
    is_large = await _find_for_batch(db, organization_id, batch_id) if batch_id else False
    if transaction_ids:
        closely = len(transaction_ids) <= MOST_CLOSELY
        await finding.find_for(db, organization_id, transaction_ids, closely=closely)
    await finding.add_suggested(db, organization_id, batch_id=batch_id, transaction_ids=transaction_ids)
    return await _pair_found(db, organization_id, batch_id, bare=not is_large)


async def _pair_found(db: Connection, organization_id: UUID, batch_id: UUID | None, *, bare: bool) -> int:
    closed_through = await periods.closed_through(db, organization_id)
    for _ in range(3):  # somebody else may pair one of these meanwhile
        candidates = await _candidates(db, organization_id)
        decided = decide(candidates, await _accounts(db, organization_id), bare=bare)
        verdicts = [_unless_closed(verdict, closed_through) for verdict in decided]
        try:
            async with db.transaction():
                return await _write(db, organization_id, batch_id, verdicts)
        except errors.UniqueViolation:
            continue
    return 0


def _unless_closed(verdict: Verdict, closed_through: date | None) -> Verdict:
    """A pair of which a side lies in a closed period waits for a person, who has it reopened or lets it be."""
    if closed_through is None or min(verdict.out.booked_on, verdict.into.booked_on) > closed_through:
        return verdict
    reasons = (*verdict.reasons, "one side lies in a closed period")
    return replace(verdict, state="suggested", reasons=reasons)


async def pair_moved(db: Connection, organization_id: UUID) -> int:
    """Find the other side of what rules said to be transfers, `moved`, in the accounts that they name."""
    await finding.prepare(db)
    await finding.find_moved(db, organization_id)
    return await _pair_found(db, organization_id, None, bare=False)


async def _find_for_batch(db: Connection, organization_id: UUID, batch_id: UUID) -> bool:
    """Gather who may be whose partner; whether the batch is a large one."""
    extent = await finding.batch_extent(db, organization_id, batch_id)
    if extent is None or not extent["has_others"]:
        return False
    size, days = extent["transactions"], (extent["last"] - extent["first"]).days + 1
    is_large = bool(size > MOST_BARE)
    reach = {name: extent[name] for name in ("account_id", "currency", "first", "last")}
    await finding.stage_others(db, organization_id, **reach, closely=not is_large)
    await finding.find_same_amounts(db, organization_id, batch_id)
    speaking = await finding.keep_speaking(db)
    if speaking and speaking * (1 + size // days) * DAYS_NEAR <= MOST_NEAR:
        await finding.find_other_amounts(db, organization_id, batch_id)
    return is_large


async def _candidates(db: Connection, organization_id: UUID) -> list[Candidate]:
    """Each side once, in however many pairs it may be: what its text says is found out once."""
    pairs = await finding.found(db, organization_id, MOST_CANDIDATES)
    wanted = {side for pair in pairs for side in pair.values()}
    found = await finding.sides(db, organization_id, list(wanted)) if wanted else []
    sides = {row["transaction_id"]: Side(**row) for row in found}
    both = [
        (sides[pair["out_id"]], sides[pair["in_id"]])
        for pair in pairs
        if pair["out_id"] in sides and pair["in_id"] in sides
    ]
    rates = await _rates(db, [pair for pair in both if pair[0].currency != pair[1].currency])
    return [Candidate(out, into, _rate(rates, out, into)) for out, into in both]


async def _rates(db: Connection, pairs: Sequence[tuple[Side, Side]]) -> dict[tuple[date, str], Decimal]:
    wanted = {(out.booked_on, side.currency) for out, into in pairs for side in (out, into)}
    if not wanted:
        return {}
    found = await finding.rates(db, [day for day, _ in wanted], [currency for _, currency in wanted])
    return {(row["day"], row["currency"]): row["per_euro"] for row in found} | {
        (day, currency): Decimal(1) for day, currency in wanted if currency == EURO
    }


def _rate(rates: dict[tuple[date, str], Decimal], out: Side, into: Side) -> Decimal | None:
    """What came in for one unit that went out, by the reference rates of the day."""
    paid, came = rates.get((out.booked_on, out.currency)), rates.get((out.booked_on, into.currency))
    return came / paid if paid and came else None


async def _accounts(db: Connection, organization_id: UUID) -> Accounts:
    return Accounts(Own(**row) for row in await repository.account_list(db, organization_id))


async def _write(db: Connection, organization_id: UUID, batch_id: UUID | None, verdicts: Sequence[Verdict]) -> int:
    await finding.forget_unlikely(db, organization_id, verdicts)
    if verdicts:
        await repository.write(db, organization_id, verdicts, [new_id() for _ in verdicts], decided_by="rule")
    paired = [verdict for verdict in verdicts if verdict.state == "paired"]
    if not paired:
        return 0
    out_id, in_id = await _made_categories(db, organization_id)
    sides = [(v.out.transaction_id, out_id, v.confidence) for v in paired]
    sides += [(v.into.transaction_id, in_id, v.confidence) for v in paired]
    await repository.forget_suggestions(db, organization_id, [side[0] for side in sides])
    if batch_id is None:
        await repository.categorise(db, organization_id, sides, decided_by="rule")
    else:
        async with done_by(db, f"batch:{batch_id}"):  # an import by a person is no edit by that person
            await repository.categorise(db, organization_id, sides, decided_by="rule")
    return len(paired)


async def categories(db: Connection, organization_id: UUID, *, make: bool) -> tuple[UUID | None, UUID | None]:
    """The categories of what goes to and comes from another own account; with `make` there always are some."""
    if make:
        return await _made_categories(db, organization_id)
    known = [await repository.transfer_category(db, organization_id, codes) for codes in (OUT_CODES, IN_CODES)]
    out_id, in_id = (row["category_id"] if row else None for row in known)
    return out_id, in_id


async def _made_categories(db: Connection, organization_id: UUID) -> tuple[UUID, UUID]:
    return (
        await _category(db, organization_id, OUT_CODES, OUT_NAME),
        await _category(db, organization_id, IN_CODES, IN_NAME),
    )


async def _category(db: Connection, organization_id: UUID, codes: tuple[str, ...], name: str) -> UUID:
    known = await repository.transfer_category(db, organization_id, codes)
    if known:
        return UUID(str(known["category_id"]))
    category_id = new_id()
    taken = await categories_repository.find_many(db, organization_id, [name])
    named = f"{name} ({category_id})" if taken else name
    await categories_repository.insert_many(db, organization_id, [(category_id, None, named, "transfer")], [])
    await repository.mean_by(db, organization_id, codes[0], category_id)
    return category_id


async def dissolve(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], *, but_of_people: bool = False
) -> None:
    """These changed or went: what they were paired with gets its former decision back. No word of a person is lost.

    What people paired stays so `but_of_people`.
    """
    made_by = "rule" if but_of_people else None
    await _dissolve(db, organization_id, await repository.pairs_of(db, organization_id, transaction_ids, made_by))
    await repository.forget_suggestions(db, organization_id, transaction_ids)


async def dissolve_ruled(db: Connection, organization_id: UUID, changed_by: str, decided_version: str) -> None:
    """The same for pairs that were made because a rule, by this version and in this act, said so."""
    ruled = await repository.ruled_pairs(db, organization_id, changed_by, decided_version)
    await _dissolve(db, organization_id, ruled)


async def dissolve_of_batch(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """The same for what a batch brought, once its transactions are deleted or have their former values back."""
    await _dissolve(db, organization_id, await repository.broken_pairs(db, organization_id, batch_id))
    await repository.forget_suggestions_of(db, organization_id, batch_id)


async def _dissolve(db: Connection, organization_id: UUID, transfer_ids: Sequence[UUID]) -> None:
    if transfer_ids:
        await repository.give_back(db, organization_id, transfer_ids)
        await repository.delete(db, organization_id, transfer_ids)


async def is_paired(db: Connection, organization_id: UUID, transaction_id: UUID) -> bool:
    """Whether this is one side of a transfer."""
    return bool(await repository.pairs_of(db, organization_id, [transaction_id]))


async def forget(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """These are no transfers: what was suggested for them holds no longer."""
    await repository.forget_suggestions(db, organization_id, transaction_ids)


async def hear(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """A person decided these categories: a pair of which a side is no transfer any more is rejected."""
    contradicted = await repository.contradicted(db, organization_id, transaction_ids)
    await _reject(db, organization_id, contradicted)


async def _reject(db: Connection, organization_id: UUID, transfer_ids: Sequence[UUID]) -> None:
    if transfer_ids:
        await repository.give_back(db, organization_id, transfer_ids)
        await repository.reject(db, organization_id, transfer_ids)


async def pair_by_person(
    db: Connection, organization_id: UUID, transaction_id: UUID, other_transaction_id: UUID
) -> Transfer:
    """A person's word that these two are one transfer, whatever was said before. Again, it changes nothing."""
    await bulk_repository.lock(db, organization_id, [transaction_id, other_transaction_id])
    one = await _of_person(db, organization_id, transaction_id)
    other = await _of_person(db, organization_id, other_transaction_id)
    _check(one, other)
    if one.is_split or other.is_split:
        raise SplitIsNoTransfer
    out, into = (one, other) if one.amount < 0 else (other, one)
    known = await repository.between(db, organization_id, out.transaction_id, into.transaction_id)
    if known and known["state"] == "paired":
        return Transfer(**known)
    ids = [out.transaction_id, into.transaction_id]
    if await repository.pairs_of(db, organization_id, ids):
        raise AlreadyPaired
    verdict = Verdict(out, into, "paired", 1.0, ("a person said so",))
    try:
        async with db.transaction():
            await repository.write(db, organization_id, [verdict], [new_id()], decided_by="user")
    except errors.UniqueViolation:
        raise AlreadyPaired from None
    await repository.forget_suggestions(db, organization_id, ids)
    out_id, in_id = await _made_categories(db, organization_id)
    sides = [(out.transaction_id, out_id, 1.0), (into.transaction_id, in_id, 1.0)]
    await repository.categorise(db, organization_id, sides, decided_by="user")
    made = Transfer(**(await repository.between(db, organization_id, *ids) or {}))
    told = {"transaction_ids": ids, "transfer_id": made.transfer_id}
    await events.emit(db, organization_id, "transfer.paired", told)
    return made


async def _of_person(db: Connection, organization_id: UUID, transaction_id: UUID) -> Side:
    row = await transactions_repository.get(db, organization_id, transaction_id)
    if row is None:
        raise SideNotFound
    fields = ("transaction_id", "account_id", "booked_on", "amount", "currency", "description")
    told = {name: row[name] for name in fields}
    return Side(**told, is_posted=row["status"] == "posted", is_split=bool(row["splits"]))


def _check(one: Side, other: Side) -> None:
    why = None
    if one.account_id == other.account_id:
        why = "is of the same account"
    elif one.amount * other.amount >= 0:
        why = "goes the same way: one goes out, the other comes in"
    elif one.currency == other.currency and one.amount + other.amount > 0:
        why = "brings in more than went out"
    elif not (one.is_posted and other.is_posted):
        why = "is not booked yet, or the other is not"
    if why:
        raise NoTransfer(errors=(FieldError("other_transaction_id", why),))


async def take_apart(db: Connection, organization_id: UUID, transaction_id: UUID) -> None:
    """A person's word that a transaction is not what it is paired with: that pair is never made again."""
    await _of_person(db, organization_id, transaction_id)
    paired = await repository.pairs_of(db, organization_id, [transaction_id])
    if not paired:
        raise NotPaired
    await _reject(db, organization_id, paired)
    for transfer_id in paired:  # there is one
        await _tell_dissolved(db, organization_id, transfer_id)


async def accept(db: Connection, organization_id: UUID, transfer_id: UUID) -> Transfer:
    """A person's yes to a suggestion."""
    known = await get(db, organization_id, transfer_id)
    if known.state == "rejected":
        raise Rejected
    return await pair_by_person(db, organization_id, known.out_transaction_id, known.in_transaction_id)


async def reject(db: Connection, organization_id: UUID, transfer_id: UUID) -> Transfer:
    """A person's no, to a suggestion or to a pair."""
    known = await get(db, organization_id, transfer_id)
    if known.state != "rejected":
        await _reject(db, organization_id, [transfer_id])
        await _tell_dissolved(db, organization_id, transfer_id)
    return await get(db, organization_id, transfer_id)


async def _tell_dissolved(db: Connection, organization_id: UUID, transfer_id: UUID) -> None:
    known = await get(db, organization_id, transfer_id)
    ids = [known.out_transaction_id, known.in_transaction_id]
    await events.emit(db, organization_id, "transfer.dissolved", {"transaction_ids": ids})


async def get(db: Connection, organization_id: UUID, transfer_id: UUID) -> Transfer:
    row = await repository.get(db, organization_id, transfer_id)
    if row is None:
        raise TransferNotFound
    return Transfer(**row)


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    state: State | None = None,
    transaction_id: UUID | None = None,
    after: UUID | None = None,
    limit: int,
) -> tuple[list[Transfer], UUID | None]:
    """Transfers, newest first, and the last one's id where there are more."""
    found = await repository.page(
        db, organization_id, state=state, transaction_id=transaction_id, after=after, limit=limit + 1
    )
    items = [Transfer(**row) for row in found[:limit]]
    return items, items[-1].transfer_id if len(found) > limit else None


async def count(db: Connection, organization_id: UUID, state: State | None, transaction_id: UUID | None) -> int:
    """How many transfers there are in this state, and of this transaction."""
    return await repository.count(db, organization_id, state, transaction_id)
