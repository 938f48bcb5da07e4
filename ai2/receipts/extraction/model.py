"""What is read from a document: each field with how sure that is and where it stood; what is unsure is empty."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value")
# What it was read from, the surest first: data that a machine wrote for machines, then what people see.
Form = Literal["ubl", "cii", "json_ld", "microdata", "html", "pdf", "text"]


@dataclass(frozen=True)
class Read(Generic[Value]):
    """A value, how sure it is (0 to 1, the part of such readings that are right), and where it was read."""

    value: Value
    confidence: float
    where: str


@dataclass(frozen=True)
class Extracted:
    """A receipt or an invoice. `total` is what was to be paid, tax included, positive; a credit note's is negative."""

    form: Form
    supplier: Read[str] | None = None
    issued_on: Read[date] | None = None
    total: Read[Decimal] | None = None
    tax: Read[Decimal] | None = None
    currency: Read[str] | None = None
    number: Read[str] | None = None
    order_number: Read[str] | None = None
