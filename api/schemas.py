"""Schemas: what amounts, days, texts, instants and lists look like on the wire."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ai2.kit.money import exact

NUMBER = re.compile(r"[+-]?\d{1,60}(\.\d{1,60})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_amount(value: Any) -> Decimal:
    """The exact decimal of a string or number; a float would have lost digits already."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError("is a decimal number such as -12.50, as a string or a number")


def read_day(value: Any) -> date:
    """A calendar date; no time and no count of seconds is one."""
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a day of the calendar") from None
    raise ValueError("is a date, YYYY-MM-DD")


def read_instant(value: Any) -> Any:
    """A date with a time and its zone; no count of seconds is one."""
    if isinstance(value, datetime) or (isinstance(value, str) and DAY.match(value)):
        return value
    raise ValueError("is an instant, such as 2026-11-02T09:30:00Z")


def read_currency(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value):
        return value
    raise ValueError("is an ISO 4217 code such as GBP")


AMOUNT_SCHEMA = {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$", "examples": ["-12.50"]}
AmountIn = Annotated[
    Decimal,
    BeforeValidator(read_amount),
    WithJsonSchema({"anyOf": [AMOUNT_SCHEMA, {"type": "number"}], "examples": ["-12.50"]}),
]
Amount = Annotated[Decimal, WithJsonSchema(AMOUNT_SCHEMA)]
Day = Annotated[date, BeforeValidator(read_day), WithJsonSchema({"type": "string", "format": "date"})]
CalendarDate = date  # a field may be called `date`, and then the type cannot be
Currency = Annotated[
    str,
    BeforeValidator(read_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["GBP"]}),
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=320)]
Code = Annotated[str, StringConstraints(max_length=100)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Text = Annotated[str, StringConstraints(max_length=10_000)]
# JSON has numbers and truth of its own: in a body "5" is no number and 0 is not false.
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Instant = datetime  # in UTC, as the database gives it
InstantIn = Annotated[
    AwareDatetime, BeforeValidator(read_instant), AfterValidator(lambda at: at.astimezone(UTC))
]  # fmt: skip


class Body(BaseModel):
    """What comes in. An unknown field is refused: it would have no effect, and its sender should know."""

    model_config = ConfigDict(extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


class Change(Body):
    """What a PATCH changes. What is not named stays, so no field has a default that would be true of it."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        for field in handler.resolve_ref_schema(described).get("properties", {}).values():
            field.pop("default", None)
        return described


class Out(BaseModel):
    """What goes out, read from the domain's own values."""

    model_config = ConfigDict(from_attributes=True)


class OfCurrency(Out):
    """Amounts of one currency, each with just its decimals: nothing in pounds is 0.00."""

    currency: str

    @field_validator("*", mode="after")
    @classmethod
    def _with_its_decimals(cls, value: Any, info: ValidationInfo) -> Any:
        return exact(value, info.data["currency"]) if isinstance(value, Decimal) else value


class ListOf(Out):
    """One page of a list."""

    next_cursor: str | None = Field(default=None, description="Send as `cursor` for the next page; null at the end.")
    total: int | None = Field(default=None, exclude_if=lambda total: total is None, description="With include=total.")


def changes(body: Body) -> dict[str, Any]:
    """What a PATCH names; what it does not name stays."""
    return {name: getattr(body, name) for name in body.model_fields_set}
