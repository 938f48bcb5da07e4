"""Notes: what a reader has to know of the books behind a report, found anew each time it is made.

Every day of the last year or so is held against what banks state, in one query; only where that finds a difference
the proof itself is asked, which knows of days on which a bank spoke too early, and says what probably went wrong.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from ai2.ingest import balances
from ai2.kit.database import Connection
from ai2.kit.periods import Period
from ai2.reports.model import Asked, Note, Table
from ai2.reports.quality import repository, telling
from ai2.reports.quality.repository import Span, State
from ai2.reports.quality.telling import Broken, Told

# Of so many broken accounts it is said what probably went wrong; of the others only that they are.
SUSPECTED = 3


async def notes(
    db: Connection, organization_id: UUID, asked: Asked, tables: Sequence[Table], *, is_balance: bool = False
) -> tuple[Note, ...]:
    """What there is to say of a report's accounts and days, warnings first."""
    period = Period(asked.start_date, asked.end_date)
    today = await repository.today(db)
    if period.start <= today < period.end:
        period = Period(period.start, today)
    state = await repository.state(db, Span(organization_id, asked.account_ids, period))
    proven, broken = await _proofs(db, organization_id, state, period)
    return telling.notes(Told(period, is_balance, state, tables, proven, broken))


async def _proofs(
    db: Connection, organization_id: UUID, state: State, period: Period
) -> tuple[dict[UUID, date], list[Broken]]:
    """Through which day each account agrees with its bank, and those that do not."""
    agreeing = {row["account_id"]: row for row in state.rhythm if row["of"] == "agrees"}
    proven = {each: row["last_day"] for each, row in agreeing.items() if not row["number"] and row["last_day"]}
    broken: list[Broken] = []
    for row in state.accounts:
        account_id = row["account_id"]
        said = agreeing.get(account_id)
        if row["last_stated"] is None or (said and not said["number"]):
            continue
        proof = await balances.proof(db, organization_id, account_id)
        first = proof.first_break
        if first is None or first.booked_on > period.end:
            if proof.proven_until and proof.state != "unproven":
                proven[account_id] = min(proof.proven_until, period.end)
            continue
        suspects = []
        if len(broken) < SUSPECTED:
            suspects = await balances.suspects_of(db, organization_id, account_id, first)
        broken.append(Broken(account_id, row["name"], row["currency"], proof, suspects))
    return proven, broken
