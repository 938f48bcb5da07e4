"""Listing: transactions by filter, in an order, page by page, each page costing the same however deep it lies."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from ai2.books.transactions import Status, Transaction, Type
from ai2.books.transactions_repository import COLUMNS
from ai2.kit.database import Connection, one, rows
from ai2.kit.errors import FieldError, Invalid

Sort = Literal["-date", "date", "-amount", "amount", "-description", "description"]
SORT_COLUMNS = {
    "date": ("booked_on", "date"),
    "amount": ("amount", "numeric"),
    "description": ("description", "text"),
}


class UnknownCursor(Invalid):
    """The cursor is not one that this list gave out for this sort; begin without one."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What to list. Dates include both ends; amounts compare as signed; `search` wants every word.

    Without a status: posted and pending ones, not those that the bank announced and took back.
    """

    start_date: date | None = None
    end_date: date | None = None
    account_id: UUID | None = None
    category_id: UUID | None = None
    uncategorized: bool | None = None
    type: Type | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currency: str | None = None
    merchant: str | None = None
    tag: str | None = None
    status: Status | None = None
    batch_id: UUID | None = None
    search: str | None = None


@dataclass(frozen=True)
class Page:
    """Some transactions, and how to ask for those after them."""

    items: list[Transaction]
    next_cursor: str | None


CONDITIONS = {
    "start_date": "booked_on >= %(start_date)s",
    "end_date": "booked_on <= %(end_date)s",
    "account_id": "account_id = %(account_id)s",
    "category_id": "category_id = %(category_id)s",
    "uncategorized": "(category_id is null) = %(uncategorized)s",
    "type": """case
        when category_id in (
            select category_id from books.categories
            where organization_id = %(organization_id)s and kind = 'transfer'
        ) then 'transfer' when amount > 0 then 'income' else 'expense'
    end = %(type)s""",
    "min_amount": "amount >= %(min_amount)s",
    "max_amount": "amount <= %(max_amount)s",
    "currency": "currency = %(currency)s",
    "merchant": "(merchant_key = lower(%(merchant)s) or lower(merchant) = lower(%(merchant)s))",
    "tag": "%(tag)s = any(tags)",
    "status": "status = %(status)s",
    "batch_id": "batch_id = %(batch_id)s",
    "search": "(description || ' ' || coalesce(merchant, '') || ' ' || coalesce(notes, '')) ilike all(%(search)s)",
}


async def page(
    db: Connection,
    organization_id: UUID,
    wanted: Filter,
    *,
    sort: Sort = "-date",
    cursor: str | None,
    limit: int,
) -> Page:
    """One page. Rows that arrive meanwhile neither repeat nor hide others: pages go on after a row, not a count."""
    column, kind = SORT_COLUMNS[sort.removeprefix("-")]
    order, after = ("desc", "<") if sort.startswith("-") else ("asc", ">")
    where, parameters = _where(organization_id, wanted)
    if cursor:
        where += f" and ({column}, transaction_id) {after} (%(after)s::{kind}, %(after_id)s::uuid)"
        parameters |= _read_cursor(cursor, sort)
    # The page is found first and its categories are looked up for it alone.
    query = f"""
        with page as (
            select transaction_id from books.transactions where {where}
            order by {column} {order}, transaction_id {order} limit %(limit)s
        )
        select {COLUMNS} from published.transactions
        where organization_id = %(organization_id)s and transaction_id in (select transaction_id from page)
        order by {column} {order}, transaction_id {order}
    """
    found = await rows(db, query, {**parameters, "limit": limit + 1})
    items = [Transaction(**row) for row in found[:limit]]
    return Page(items, _write_cursor(items[-1], column, sort) if len(found) > limit else None)


async def total(db: Connection, organization_id: UUID, wanted: Filter) -> int:
    """How many transactions there are in all."""
    where, parameters = _where(organization_id, wanted)
    row = await one(db, f"select count(*) as total from books.transactions where {where}", parameters)
    return int(row["total"]) if row else 0


def _where(organization_id: UUID, wanted: Filter) -> tuple[str, dict[str, Any]]:
    given = {name: value for name, value in asdict(wanted).items() if value is not None}
    if "search" in given:
        given["search"] = [f"%{_literal(word)}%" for word in given["search"].split()]
    own = ["organization_id = %(organization_id)s", "deleted_at is null"]
    if "status" not in given:  # what the bank took back is shown to whom asks for it
        own.append("status <> 'closed'")
    return " and ".join(own + [CONDITIONS[name] for name in given]), {
        **given,
        "organization_id": organization_id,
    }


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _write_cursor(last: Transaction, column: str, sort: Sort) -> str:
    plain = json.dumps([sort, str(getattr(last, column)), str(last.transaction_id)])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: Sort) -> dict[str, Any]:
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        made_for, value, transaction_id = json.loads(plain)
        column = sort.removeprefix("-")
        readers: dict[str, Callable[[str], object]]
        readers = {"date": date.fromisoformat, "amount": Decimal, "description": str}
        if made_for != sort or sort not in get_args(Sort):
            raise ValueError
        return {"after": readers[column](value), "after_id": UUID(transaction_id)}
    except (ValueError, ArithmeticError, TypeError, AttributeError, binascii.Error):
        raise UnknownCursor(errors=(FieldError("cursor", "is one that this list gave out"),)) from None
