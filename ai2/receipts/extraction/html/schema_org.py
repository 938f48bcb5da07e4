"""What schema.org's items say of a purchase: Order, Invoice, ParcelDelivery, reservations, tickets."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from ai2.ingest.layout import amounts
from ai2.receipts.extraction.confidence import MARKED_UP
from ai2.receipts.extraction.model import Extracted, Form, Read

Value = TypeVar("Value")
MAX_ITEMS, MAX_DEPTH = 2_000, 30
_TYPES = re.compile(r"Order|Invoice|Receipt|.*Reservation|ParcelDelivery|.*Ticket|MoneyTransfer|PayAction|BuyAction")
_SUPPLIERS = (
    "seller", "merchant", "broker", "provider", "reservationFor.provider", "reservationFor.airline",
    "reservationFor.organizer", "vendor", "carrier", "partOfOrder.merchant", "partOfOrder.seller",
)  # fmt: skip
_TOTALS = (
    "totalPaymentDue", "total", "totalPrice", "orderTotal", "price", "amount", "partOfInvoice.totalPaymentDue",
    "minimumPaymentDue",
)  # fmt: skip
_CURRENCIES = (
    "priceCurrency", "totalPaymentDue.priceCurrency", "totalPaymentDue.currency", "totalPrice.currency", "currency",
    "partOfInvoice.totalPaymentDue.priceCurrency", "acceptedOffer.priceCurrency",
    "acceptedOffer.priceSpecification.priceCurrency",
)  # fmt: skip
# When it was bought or billed; never when it is due, sent or used.
_DATES = (
    "orderDate", "dateIssued", "dateCreated", "datePublished", "bookingTime", "bookingDate", "purchaseDate",
    "partOfOrder.orderDate",
)  # fmt: skip
_NUMBERS = ("confirmationNumber", "invoiceNumber", "identifier")
_ORDERS = (
    "orderNumber", "reservationNumber", "reservationId", "ticketNumber", "partOfOrder.orderNumber",
    "referencesOrder.orderNumber",
)  # fmt: skip


def of_json_ld(texts: Iterable[str]) -> Extracted | None:
    return _first("json_ld", [item for text in texts for item in _items(_parsed(text), 0)])


def of_microdata(items: Iterable[dict[str, object]]) -> Extracted | None:
    return _first("microdata", [inner for item in items for inner in _items(item, 0)])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text.strip().removeprefix("<!--").removesuffix("-->"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _items(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for each in value[:MAX_ITEMS]:
            yield from _items(each, depth + 1)
    elif isinstance(value, dict):
        if any(_TYPES.fullmatch(name) for name in _names(value)):
            yield value
        for inner in value.values():
            if isinstance(inner, dict | list):
                yield from _items(inner, depth + 1)


def _names(item: dict[str, Any]) -> list[str]:
    told = item.get("@type", "")
    return [str(each).rpartition("/")[2].rpartition(":")[2] for each in (told if isinstance(told, list) else [told])]


def _first(form: Form, items: list[dict[str, Any]]) -> Extracted | None:
    """Of several the one that says most; an invoice or an order before what is in it."""
    read = [found for item in items if (found := _read(form, item))]
    return max(read, key=_weight, default=None)


def _weight(found: Extracted) -> int:
    fields = (found.total, found.supplier, found.currency, found.issued_on, found.order_number, found.number)
    return sum(field is not None for field in fields) + 2 * (found.total is not None)


def _read(form: Form, item: dict[str, Any]) -> Extracted | None:
    name = next(iter(_names(item)), "")
    number = _at(item, _NUMBERS, _text, name)
    order = _at(item, _ORDERS, _text, name)
    found = Extracted(
        form,
        supplier=_at(item, _SUPPLIERS, _text, name),
        issued_on=_at(item, _DATES, _day, name),
        total=_at(item, _TOTALS, _amount, name),
        currency=_at(item, _CURRENCIES, _code, name) or _at(item, _TOTALS, _code_of_amount, name),
        number=number if "Invoice" in name else (number if order is None else None),
        order_number=order,
    )
    return found if found.total or found.order_number or found.number else None


def _at(item: dict[str, Any], paths: Iterable[str], read: Any, name: str) -> Read[Any] | None:
    for path in paths:
        value: Any = item
        for part in path.split("."):
            value = value[0] if isinstance(value, list) and value else value
            value = value.get(part) if isinstance(value, dict) else None
        found = read(value[0] if isinstance(value, list) and value else value)
        if found is not None:
            return Read(found, MARKED_UP, f"{name}.{path}")
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("name") or value.get("legalName") or value.get("value")
        value = value[0] if isinstance(value, list) and value else value
    text = " ".join(value.split()) if isinstance(value, str) else str(value) if type(value) is int else ""
    return text if 0 < len(text) <= 200 else None


def _day(value: Any) -> date | None:
    match = re.match(r"(\d{4})-(\d{2})-(\d{2})(?!\d)", value) if isinstance(value, str) else None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _amount(value: Any) -> Decimal | None:
    """A price as schema.org wants it, with a point; `€ 12,50` is written all the same, and read where it is plain."""
    if isinstance(value, dict):
        inner = value.get("price", value.get("value", value.get("totalPrice")))
        return None if isinstance(inner, dict) else _amount(inner)
    if isinstance(value, Decimal) or type(value) is int:
        return Decimal(value) if Decimal(value).is_finite() else None
    if not isinstance(value, str):
        return None
    try:
        plain = Decimal(value.strip()) if re.fullmatch(r"[+-]?\d{1,16}(?:\.\d{1,4})?", value.strip()) else None
    except InvalidOperation:
        return None
    if plain is None and (mark := amounts.mark_evidence([value]).decided):
        told = amounts.read(value, mark)
        plain = told.value if told else None
    return plain


def _code(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value.strip()) else None


def _code_of_amount(value: Any) -> str | None:
    """The currency that stands beside the price in the same item, or in the price itself."""
    if isinstance(value, dict):
        return _code(value.get("priceCurrency") or value.get("currency"))
    match = re.search(r"(?<![A-Z])[A-Z]{3}(?![A-Z])", value) if isinstance(value, str) else None
    return match[0] if match else None
