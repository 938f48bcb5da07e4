"""Balances: what statements say an account held, and whether the books agree.

Kept with the batch that states them, in its transaction; undone with it. The first of them anchors the account's
opening balance where nobody said that.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pyarrow.compute as pc

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account, Moved
from ai2.ingest.balances import repository, suspects
from ai2.ingest.balances.proof import Break, Proof, doubtful_ends, prove, unfinished
from ai2.ingest.balances.proof import Statement as Said
from ai2.ingest.balances.stated import Stated, stated
from ai2.ingest.balances.suspects import Suspect
from ai2.ingest.layout.signs import OWED
from ai2.ingest.lines import Statement
from ai2.kit import logs
from ai2.kit.database import Connection
from ai2.kit.money import LIMIT, exact, exponent

ACCOUNTS_AT_ONCE = 200
SUSPECTS = 10

log = logs.logger("ai2.ingest.balances")


@dataclass(frozen=True)
class Broken:
    """An account whose books do not hold what its bank says, and since when."""

    organization_id: UUID
    account_id: UUID
    first_break: date
    proven_until: date | None


async def keep(
    db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID, statements: Sequence[Statement]
) -> tuple[str, ...]:
    """Keep what a batch's statements state, and name the files whose running balance cannot be understood."""
    said = await asyncio.to_thread(stated, statements)
    if said.balances:
        currency = (await accounts.get(db, organization_id, account_id)).currency
        kept = [replace(each, amount=exact(each.amount, currency)) for each in said.balances if _fits(each, currency)]
        await repository.insert(db, organization_id, account_id, batch_id, kept)
    if said.balances or await _reaches_anchor(db, organization_id, account_id, statements):
        await _anchor(db, organization_id, account_id)
    if said.undecided:
        log.info("running balances not kept: neither dates nor sums tell their order", batch_id=str(batch_id))
    return said.undecided


async def forget(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Take away what a batch stated: it is undone."""
    for account_id in await repository.delete(db, organization_id, batch_id):
        await _anchor(db, organization_id, account_id)


async def anchor_anew(db: Connection, organization_id: UUID, account_id: UUID) -> None:
    """What was booked is another: the opening that follows from what is stated may be, too."""
    if (await accounts.get(db, organization_id, account_id)).anchored_on is not None:
        await _anchor(db, organization_id, account_id)


async def proof(db: Connection, organization_id: UUID, account_id: UUID) -> Proof:
    """Every day of an account on which something moved or was stated, and whether the two agree."""
    account = await accounts.get(db, organization_id, account_id)
    return (await _proofs(db, [account]))[account_id]


async def suspects_of(db: Connection, organization_id: UUID, account_id: UUID, found: Break) -> list[Suspect]:
    """What probably went wrong between the last day that held and the first that does not, most likely first."""
    first = found.proven_on
    if first is None:
        begun = await repository.first_day(db, organization_id, account_id)
        first = min(begun or found.booked_on, found.booked_on) - timedelta(days=1)
    evidence = await suspects.evidence(db, organization_id, account_id, found, first + timedelta(days=1))
    return suspects.rank(evidence)[:SUSPECTS]


async def broken(db: Connection) -> list[Broken]:
    """Every account that does not hold, of every organization. For operators: `db` is the pipeline role's."""
    known = await repository.accounts_with_balances(db)
    found = []
    for place in range(0, len(known), ACCOUNTS_AT_ONCE):
        some = known[place : place + ACCOUNTS_AT_ONCE]
        owners = {row["account_id"]: row["organization_id"] for row in some}
        proofs = await _proofs(db, await accounts.of_all(db, list(owners)))
        found += [
            Broken(owners[account_id], account_id, proof.first_break.booked_on, proof.proven_until)
            for account_id, proof in proofs.items()
            if proof.first_break
        ]
    return found


def _fits(balance: Stated, currency: str) -> bool:
    """A balance of more decimals than money has (interest not yet due) proves nothing of what was booked."""
    return balance.amount == round(balance.amount, exponent(currency)) and abs(balance.amount) < LIMIT


async def _reaches_anchor(
    db: Connection, organization_id: UUID, account_id: UUID, statements: Sequence[Statement]
) -> bool:
    """Whether lines are of the day with which the proof begins: its bank may have spoken before they were booked."""
    on = (await accounts.get(db, organization_id, account_id)).anchored_on
    return on is not None and any(pc.any(pc.equal(each.lines["booked_on"], on)).as_py() for each in statements)


async def _anchor(db: Connection, organization_id: UUID, account_id: UUID) -> None:
    """Let the account's opening follow from what is stated first."""
    account = await accounts.get(db, organization_id, account_id)
    shown = (await _proofs(db, [replace(account, opening_balance=Decimal(0), opening_on=None)]))[account_id]
    await accounts.anchor(db, organization_id, account_id, shown.anchored_on, shown.anchored_balance)


async def _proofs(db: Connection, wanted: Sequence[Account]) -> dict[UUID, Proof]:
    """The proofs of these accounts, their days in two queries for all of them."""
    ids = [account.account_id for account in wanted]
    moved, said = await accounts.moved(db, ids), await _said(db, ids)
    return {
        account.account_id: await _proof(db, account, moved[account.account_id], said[account.account_id])
        for account in wanted
    }


async def _proof(db: Connection, account: Account, moved: Sequence[Moved], said: Sequence[Said]) -> Proof:
    """An account's proof, with the days left out on which its bank spoke before all was booked."""
    opening = account.opening_balance if account.opening_is == "given" else None
    do = partial(prove, moved, opening=opening, is_owed=account.kind in OWED)
    shown = do(said)
    if shown.anchored_on and said[0].is_last_day and said[0].kind != "implied":
        later = await repository.came_later(db, account.account_id, {said[0].balance_on: said[0].batch_id})
        early = [replace(said[0], amount=said[0].amount + sum(later.values())), *said[1:]]
        if later and (otherwise := do(early)).state == "holds" and shown.state != "holds":
            said, shown = early, otherwise
    doubtful = doubtful_ends(shown, said)
    if not doubtful:
        return shown
    early_days = unfinished(shown, await repository.came_later(db, account.account_id, doubtful))
    return do(said, unfinished=early_days) if early_days else shown


async def _said(db: Connection, account_ids: Sequence[UUID]) -> dict[UUID, list[Said]]:
    """What counts as stated, by day. What is only implied begins a proof, and is no word of the bank's after that."""
    found: dict[UUID, list[Said]] = defaultdict(list)
    for row in await repository.stated(db, account_ids):
        days = found[row.pop("account_id")]
        if row["kind"] != "implied" or not days:
            days.append(Said(**{**row, "others": tuple(row["others"] or ())}))
    return found
