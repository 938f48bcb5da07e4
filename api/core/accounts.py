"""Accounts: bank and card accounts, what they held each day, and how their files are read."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account, AccountKind, OpeningIs
from ai2.ingest import balances
from ai2.ingest.balances.proof import State
from ai2.ingest.balances.suspects import SuspectKind
from api.etags import IfMatch, mark
from api.pages import PageQuery, WholeQuery, cut, read_cursor, write_cursor
from api.schemas import (
    Amount,
    AmountIn,
    Body,
    CalendarDate,
    Change,
    Confidence,
    Currency,
    Day,
    Instant,
    ListOf,
    Name,
    OfCurrency,
    Out,
    changes,
)
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/accounts", tags=["accounts"], route_class=Unit)


class AccountNew(Body):
    """An account to open."""

    name: Name = Field(description="Unique here, without regard to case.")
    currency: Currency
    kind: AccountKind = "bank"
    opening_balance: AmountIn = Field(default=Decimal(0), description="What it held before its first transaction.")
    opening_on: Day | None = None
    number: Name | None = Field(default=None, description="As the bank writes it: IBAN or account number.")


class AccountChange(Change):
    """What to change; what is not named stays."""

    name: Name = Field(default="")
    kind: AccountKind = Field(default="bank")
    currency: Currency = Field(default="", description="Only while there are no transactions.")
    opening_balance: AmountIn = Field(default=Decimal(0))
    opening_on: Day | None = None
    number: Name | None = None
    is_archived: bool = Field(default=False, description="Whether it is put away; false brings it back.")


class AccountOut(OfCurrency):
    """An account."""

    account_id: UUID
    name: str
    kind: AccountKind
    opening_balance: Amount
    opening_on: date | None
    opening_is: OpeningIs = Field(description="Who says what it held at first: a person, its bank, or nobody.")
    number: str | None
    archived_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant


class Accounts(ListOf):
    """The organization's accounts, by name."""

    items: list[AccountOut]


class DailyBalanceOut(OfCurrency):
    """What an account held before and after a day, and what its bank says of the day's end."""

    date: CalendarDate = Field(validation_alias="booked_on")
    opening: Amount
    money_in: Amount
    money_out: Amount
    closing: Amount
    stated: Amount | None = Field(description="What the bank states; null where it says nothing of this day.")
    difference: Amount | None = Field(description="What the bank has more than the books.")
    is_proven: bool | None = Field(description="null where nothing is stated, or before all of the day was booked.")
    contradicted_by: list[Amount] = Field(description="Other amounts that other files state for the same day.")


class BreakOut(OfCurrency):
    """The first day that does not hold."""

    date: CalendarDate = Field(validation_alias="booked_on")
    difference: Amount = Field(description="What the bank has more than the books.")
    previous_proven_date: CalendarDate | None = Field(validation_alias="proven_on")


class LineOut(Out):
    """A line of an imported file."""

    batch_id: UUID
    line_number: int


class SuspectOut(Out):
    """What may explain the difference to the cent."""

    kind: SuspectKind
    score: Confidence = Field(description="How likely among the others; it orders the list.")
    reason: str
    what_to_do: str
    transaction_ids: list[UUID]
    lines: list[LineOut]


class ProofOut(Out):
    """Whether the books hold what the bank says, over the whole account."""

    state: State = Field(description="holds, breaks, or unproven: the bank says nothing to prove them by.")
    proven_until: CalendarDate | None
    opening_is: OpeningIs = Field(
        description="given by a person; stated: it follows from the first balance that the bank states; or unknown: "
        "then balances are only what moved."
    )
    anchored_on: CalendarDate | None = Field(description="The day from whose stated balance the opening follows.")
    first_break: BreakOut | None
    suspects: list[SuspectOut]
    as_of: Instant
    computed_by: str = "ingest.balances"


class DailyBalances(ListOf):
    """A page of the days on which something moved or was stated, and the proof of them all."""

    items: list[DailyBalanceOut]
    proof: ProofOut


class AccountQuery(WholeQuery):
    """Which accounts."""

    archived: bool = Field(default=False, description="Those put away, too.")


class BalancesQuery(PageQuery):
    """Which days; both ends are included."""

    start_date: Day | None = None
    end_date: Day | None = None


@router.get("", response_model=Accounts)
async def list_accounts(db: Db, who: Caller, wanted: Annotated[AccountQuery, Query()]) -> dict[str, Any]:
    """The accounts by name, those put away only with `archived=true`."""
    found = await accounts.list_all(db, who.organization_id, archived=wanted.archived)
    return cut(found, wanted, lambda account: account.account_id)


@router.post("", status_code=201, response_model=AccountOut)
async def create_account(new: AccountNew, db: Db, who: Caller, response: Response) -> Account:
    """Open an account."""
    account = await accounts.create(db, who.organization_id, **dict(new))
    mark(response, account.version)
    return account


@router.get("/{account_id}", response_model=AccountOut)
async def get_account(account_id: UUID, db: Db, who: Caller, response: Response) -> Account:
    """One account."""
    account = await accounts.get(db, who.organization_id, account_id)
    mark(response, account.version)
    return account


@router.patch("/{account_id}", response_model=AccountOut)
async def update_account(
    account_id: UUID, change: AccountChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Account:
    """Change an account; what is not named stays as it is."""
    account = await accounts.update(db, who.organization_id, account_id, changes(change), version=version)
    mark(response, account.version)
    return account


@router.delete("/{account_id}", status_code=204)
async def delete_account(account_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Put an account away: it takes nothing new, and its transactions stay."""
    await accounts.archive(db, who.organization_id, account_id, version=version)
    return Response(status_code=204)


@router.get("/{account_id}/balances", response_model=DailyBalances)
async def list_balances(
    account_id: UUID, db: Db, who: Caller, wanted: Annotated[BalancesQuery, Query()]
) -> dict[str, Any]:
    """What the account held day by day, oldest first, and whether that is what its bank says."""
    account, now = await accounts.get(db, who.organization_id, account_id), datetime.now(UTC)
    proof = await balances.proof(db, who.organization_id, account_id)
    days = proof.within(wanted.start_date, wanted.end_date)
    after = read_cursor(wanted.cursor, date.fromisoformat) or date.min
    rest = [day for day in days if day.booked_on > after]
    page = rest[: wanted.limit]
    found = proof.first_break
    suspects = await balances.suspects_of(db, who.organization_id, account_id, found) if found else []
    of_currency = {"currency": account.currency}
    first_break = vars(found) | of_currency if found else None
    return {
        "items": [vars(day) | of_currency for day in page],
        "next_cursor": write_cursor(page[-1].booked_on if len(rest) > wanted.limit else None),
        "total": len(days) if wanted.include else None,
        "proof": vars(proof) | {"as_of": now, "first_break": first_break, "suspects": suspects},
    }
