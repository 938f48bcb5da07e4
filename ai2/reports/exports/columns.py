"""Columns: what each field of an exported table is, once for every format."""

from dataclasses import dataclass
from typing import Any, Literal

# id: UUID. label: a text of few values, which Parquet keeps once each. money: exact, in the currency beside it.
Kind = Literal["id", "text", "label", "texts", "date", "instant", "money", "rate", "share", "count", "truth", "json"]
TYPES: dict[Kind, str] = {
    "id": "UUID",
    "text": "text",
    "label": "text",
    "texts": "list of texts",
    "date": "calendar date, ISO 8601",
    "instant": "instant in UTC, RFC 3339",
    "money": "exact decimal",
    "rate": "exact decimal",
    "share": "number from 0 to 1",
    "count": "whole number",
    "truth": "true or false",
    "json": "JSON",
}
# What an amount may have: sixteen digits before the point, and sums of many of these; the most decimals that a
# currency of ISO 4217 has are four. A rate that is the quotient of two may have more.
MONEY_DIGITS, MONEY_DECIMALS = 38, 4
RATE_DIGITS, RATE_DECIMALS = 38, 18


@dataclass(frozen=True)
class Column:
    """A field: its name, what it is, and what a reader has to know besides."""

    name: str
    kind: Kind
    about: str
    unit: str | None = None

    def told(self) -> dict[str, Any]:
        """As the manifest has it."""
        unit = {"unit": self.unit} if self.unit else {}
        return {"name": self.name, "type": TYPES[self.kind], **unit, "description": self.about}


def money(name: str, about: str) -> Column:
    """An amount, whose currency stands beside it."""
    return Column(name, "money", about, "of `currency`")
