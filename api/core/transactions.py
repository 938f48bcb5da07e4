"""Transactions: listed page by page, written down, changed, taken out."""

from dataclasses import fields
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.books.transactions import listing, saved_filters
from ai2.books.transactions import service as transactions
from ai2.books.transactions.listing import Filter, Sort
from ai2.books.transactions.service import NewTransaction, Status, Transaction, Type
from ai2.identity.principal import Principal
from ai2.ingest import service as ingest
from ai2.kit.database import Connection
from api.core.rates import RateOut
from api.etags import IfMatch, mark
from api.pages import PageQuery
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
    Out,
    Text,
    changes,
)
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)

Description = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Tags = Annotated[list[Name], Field(max_length=50)]
Attributes = Annotated[dict[Name, Text], Field(max_length=100)]


class TransactionFilter(Body):
    """What to list. Dates include both ends; amounts compare as signed; `search` wants every word, typos forgiven."""

    start_date: Day | None = None
    end_date: Day | None = None
    account_id: UUID | None = None
    category_id: UUID | None = None
    uncategorized: bool | None = None
    type: Type | None = None
    min_amount: AmountIn | None = None
    max_amount: AmountIn | None = None
    currency: Currency | None = None
    merchant: Name | None = None
    tag: Name | None = None
    status: Status | None = Field(default=None, description="Without it: posted and pending, not closed.")
    batch_id: UUID | None = None
    search: Name | None = None
    sort: Sort = "-date"

    def chosen(self) -> dict[str, Any]:
        """The filters that were given."""
        return self.model_dump(include={known.name for known in fields(Filter)}, exclude_none=True)


class SavedOrGiven(TransactionFilter):
    """What to list; a saved filter says what is not said here."""

    filter_id: UUID | None = Field(default=None, description="A saved filter; what else is given goes before it.")


class TransactionQuery(SavedOrGiven, PageQuery):
    """What to list, and which page of it."""

    convert_to: Currency | None = Field(default=None, description="Each amount in this currency as well.")


class TransactionNew(Body):
    """A transaction to write down."""

    date: Day = Field(description="The bank's calendar date.")
    amount: AmountIn = Field(description="Negative is money out.")
    currency: Currency
    description: Description
    account_id: UUID | None = Field(default=None, description="Without one it goes to an account for such entries.")
    category_id: UUID | None = None
    category: Name | None = Field(default=None, description="Its name, instead of its id.")
    merchant: Name | None = None
    notes: Text | None = None
    tags: Tags = Field(default_factory=list)
    reference: Text | None = None
    attributes: Attributes = Field(default_factory=dict)
    type: Type | None = Field(default=None, description="Follows from sign and category; refused if it contradicts.")

    def as_new(self) -> dict[str, Any]:
        """The same by the names of the books."""
        given = {**dict(self), "booked_on": self.date, "tags": tuple(self.tags)}
        del given["date"]
        return given


class TransactionChange(Change):
    """What to change; what is not named stays. The account and its currency stay in any case."""

    date: Day = Field(default=date.min)
    amount: AmountIn = Field(default=0)  # type: ignore[assignment] # never used: only named fields are
    description: Description = Field(default="")
    category_id: UUID | None = Field(default=None, description="null takes the category away.")
    merchant: Name | None = None
    notes: Text | None = None
    tags: Tags = Field(default_factory=list)
    reference: Text | None = None
    attributes: Attributes = Field(default_factory=dict)


class SplitOut(Out):
    """A part of a transaction."""

    amount: Amount
    category_id: UUID | None = Field(description="null: nobody knows yet what the bank's later amount is for.")
    category: str | None
    notes: str | None
    tags: list[str]


class TransactionOut(Out):
    """A transaction, its category and who decided it."""

    transaction_id: UUID
    account_id: UUID
    date: CalendarDate = Field(validation_alias="booked_on")
    amount: Amount
    currency: str
    type: Type
    description: str
    merchant: str | None
    reference: str | None
    mcc: str | None
    notes: str | None
    tags: list[str]
    attributes: dict[str, Any] = Field(description="What the file said besides.")
    status: Status = Field(
        description="pending: announced, not booked; closed: announced, and taken back. Only what is posted counts."
    )
    value_date: CalendarDate | None = Field(validation_alias="value_on", description="From when interest counts.")
    counterparty: str | None = Field(description="The other side's account: IBAN or number.")
    category_id: UUID | None
    category: str | None
    decided_by: str | None = Field(description="user, rule, recurring, merchant, import, model or llm.")
    decided_version: str | None
    confidence: Confidence | None
    decided_at: Instant | None
    batch_id: UUID | None
    line_number: int | None
    version: int
    created_at: Instant
    updated_at: Instant
    splits: list[SplitOut] = Field(description="What it is for, where that is several things: they sum to its amount.")


class ConvertedAmountOut(RateOut):
    """The amount in another currency, by the rate that stands beside it; null where there is none."""

    amount: Amount | None


class ListedTransaction(TransactionOut):
    """A transaction of a list."""

    converted: ConvertedAmountOut | None = Field(
        default=None, exclude_if=lambda converted: converted is None, description="With convert_to."
    )


class Transactions(ListOf):
    """One page."""

    items: list[ListedTransaction]


@router.get("", response_model=Transactions)
async def list_transactions(db: Db, who: Caller, wanted: Annotated[TransactionQuery, Query()]) -> dict[str, Any]:
    """Transactions, newest first. Pages stay apart while rows arrive."""
    meant = await with_saved(db, who, wanted)
    chosen = Filter(**meant.chosen())
    await check_theirs(db, who.organization_id, meant)
    page = await listing.page(
        db, who.organization_id, chosen, sort=meant.sort, cursor=wanted.cursor, limit=wanted.limit
    )
    counted = await listing.total(db, who.organization_id, chosen) if wanted.include else None
    items = await _converted(db, who.organization_id, page.items, wanted.convert_to)
    return {"items": items, "next_cursor": page.next_cursor, "total": counted}


@router.post("", status_code=201, response_model=TransactionOut)
async def create_transaction(new: TransactionNew, db: Db, who: Caller, response: Response) -> Transaction:
    """Write a transaction down."""
    made = await transactions.create(db, who.organization_id, NewTransaction(**new.as_new()))
    mark(response, made.version)
    return made


@router.get("/{transaction_id}", response_model=TransactionOut)
async def get_transaction(transaction_id: UUID, db: Db, who: Caller, response: Response) -> Transaction:
    """One transaction."""
    found = await transactions.get(db, who.organization_id, transaction_id)
    mark(response, found.version)
    return found


@router.patch("/{transaction_id}", response_model=TransactionOut)
async def update_transaction(
    transaction_id: UUID, change: TransactionChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Transaction:
    """Change a transaction; what is not named stays. A category named here is your decision and stays yours."""
    wanted = changes(change)
    if "date" in wanted:
        wanted["booked_on"] = wanted.pop("date")
    changed = await transactions.update(db, who.organization_id, transaction_id, wanted, version=version)
    mark(response, changed.version)
    return changed


@router.delete("/{transaction_id}", status_code=204)
async def delete_transaction(transaction_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Take a transaction out of the books. It is kept, and its file does not bring it back."""
    await transactions.delete(db, who.organization_id, transaction_id, version=version)
    return Response(status_code=204)


async def _converted(
    db: Connection, organization_id: UUID, items: list[Transaction], currency: str | None
) -> list[Any]:
    """Each with its amount in another currency, by the rate of its day."""
    if currency is None:
        return list(items)
    days = {(each.currency, each.booked_on) for each in items}
    known = await rates.converter(db, organization_id, currency, days)
    found = [known[each.currency, each.booked_on] for each in items]
    return [
        {**vars(each), "converted": {**vars(rate), "amount": rate.convert(each.amount)}}
        for each, rate in zip(items, found, strict=True)
    ]


async def check_theirs(db: Connection, organization_id: UUID, wanted: TransactionFilter) -> None:
    """A stranger's account or category is not there, which is not the same as having no transactions."""
    if wanted.account_id:
        await accounts.get(db, organization_id, wanted.account_id)
    if wanted.category_id:
        await categories.get(db, organization_id, wanted.category_id)
    if wanted.batch_id:
        await ingest.batch(db, organization_id, wanted.batch_id)


async def with_saved(db: Connection, who: Principal, wanted: SavedOrGiven) -> TransactionFilter:
    """The filter with what its saved one says, where it names one; what it says itself goes before."""
    if wanted.filter_id is None:
        return wanted
    saved = await saved_filters.get(db, who, wanted.filter_id)
    given = {name: getattr(wanted, name) for name in wanted.model_fields_set & TransactionFilter.model_fields.keys()}
    return TransactionFilter.model_validate(saved.filter).model_copy(update=given)
