"""Transfers: what the rules paired or suggest, and what people say to it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.books.transactions import service as transactions
from ai2.books.transfers import service as transfers
from ai2.books.transfers.service import State, Transfer
from ai2.kit.database import Connection
from api.core.transactions import TransactionOut
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Confidence, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core", tags=["transfers"], route_class=Unit)


class TransferWith(Body):
    """The other side."""

    other_transaction_id: UUID = Field(description="Of another account, with the opposite sign.")


class TransferOut(Out):
    """Two transactions that are, may be, or are not one movement between your own accounts."""

    transfer_id: UUID
    state: State = Field(description="paired, suggested (waits for you), or rejected (never paired again).")
    confidence: Confidence
    reasons: list[str]
    decided_by: str = Field(description="rule or user.")
    out_transaction_id: UUID
    in_transaction_id: UUID
    out_transaction: TransactionOut | None = Field(description="Money out; null where it was deleted since.")
    in_transaction: TransactionOut | None = Field(description="Money in; null where it was deleted since.")
    created_at: Instant
    decided_at: Instant


class Transfers(ListOf):
    """One page."""

    items: list[TransferOut]


class TransferQuery(PageQuery):
    """Which transfers."""

    state: State | None = Field(default=None, description="suggested is the review queue.")
    transaction_id: UUID | None = Field(default=None, description="Those of which this is a side.")


@router.get("/transfers", response_model=Transfers)
async def list_transfers(db: Db, who: Caller, wanted: Annotated[TransferQuery, Query()]) -> dict[str, Any]:
    """Transfers, newest first; with state=suggested, what waits for a person."""
    if wanted.transaction_id:
        await transactions.get(db, who.organization_id, wanted.transaction_id)
    items, last = await transfers.page(
        db,
        who.organization_id,
        state=wanted.state,
        transaction_id=wanted.transaction_id,
        after=read_cursor(wanted.cursor, UUID),
        limit=wanted.limit,
    )
    return {
        "items": await _with_sides(db, who.organization_id, items),
        "next_cursor": write_cursor(last),
        "total": await transfers.count(db, who.organization_id, wanted.state, wanted.transaction_id)
        if wanted.include
        else None,
    }


@router.post("/transfers/{transfer_id}/accept", response_model=TransferOut)
async def accept_transfer(transfer_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """Say yes: both are one transfer, neither income nor expense."""
    return await _one(db, who.organization_id, await transfers.accept(db, who.organization_id, transfer_id))


@router.post("/transfers/{transfer_id}/reject", response_model=TransferOut)
async def reject_transfer(transfer_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """Say no: these two are never paired again. What was paired gets its former category back."""
    return await _one(db, who.organization_id, await transfers.reject(db, who.organization_id, transfer_id))


@router.put("/transactions/{transaction_id}/transfer", response_model=TransferOut)
async def pair_transfer(transaction_id: UUID, with_: TransferWith, db: Db, who: Caller) -> dict[str, Any]:
    """Pair two transactions yourself, whatever was said of them before."""
    made = await transfers.pair_by_person(db, who.organization_id, transaction_id, with_.other_transaction_id)
    return await _one(db, who.organization_id, made)


@router.delete("/transactions/{transaction_id}/transfer", status_code=204)
async def take_transfer_apart(transaction_id: UUID, db: Db, who: Caller) -> Response:
    """Take a transfer apart. It is never paired again, and both sides get their former categories back."""
    await transfers.take_apart(db, who.organization_id, transaction_id)
    return Response(status_code=204)


async def _one(db: Connection, organization_id: UUID, transfer: Transfer) -> dict[str, Any]:
    return (await _with_sides(db, organization_id, [transfer]))[0]


async def _with_sides(db: Connection, organization_id: UUID, items: list[Transfer]) -> list[dict[str, Any]]:
    wanted = [side for item in items for side in (item.out_transaction_id, item.in_transaction_id)]
    sides = {each.transaction_id: each for each in await transactions.get_many(db, organization_id, wanted)}
    return [
        {
            **vars(item),
            "out_transaction": sides.get(item.out_transaction_id),
            "in_transaction": sides.get(item.in_transaction_id),
        }
        for item in items
    ]
