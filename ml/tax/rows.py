"""Rows: a rule as it is in force between two days, one fact with its law and its source."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from ai2.identity.organizations import TaxRole

Kind = Literal["rate", "cap", "percent", "threshold", "method", "line_map"]
Status = Literal["verified", "unverified", "announced", "unpublished"]
Grade = Literal["A", "B", "C"]
KeyedOn = Literal["transaction", "first_use", "acquired", "tax_year"]
Boundary = Literal["under", "up_to"]
# marginal: each tier for what lies in it; whole: the tier of the whole for all of it; flat: the tier's value itself.
Mode = Literal["marginal", "whole", "flat"]
# Whose distance fills tiers and caps: of all vehicles together, of each, or of each with its private use.
Counter = Literal["all", "vehicle", "all_use"]


class RuleUnreadable(ValueError):
    """A rule's row does not hold."""


@dataclass(frozen=True)
class Tier:
    """What counts up to a quantity; without `up_to` from the tier before on. `plus` is added once, in mode whole."""

    value: Decimal
    mode: Mode
    up_to: Decimal | None = None
    plus: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fact. `value` is none where nothing was published, which is then said by the status; amounts are exact.

    `role` none is everybody. `version` counts corrections of the same fact: the highest one is followed. `lines` say
    for each head of expense which line of a form it stands on, and `twin` what a head's disallowable part adds to it.
    """

    rule_id: str
    jurisdiction: str
    kind: Kind
    unit: str
    valid_from: date
    keyed_on: KeyedOn
    status: Status
    grade: Grade
    instrument: str
    source_url: str
    read_on: date
    version: int = 1
    role: TaxRole | None = None
    value: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    boundary: Boundary | None = None
    cap_amount: Decimal | None = None
    cap_distance: Decimal | None = None
    counter: Counter | None = None
    valid_to: date | None = None
    note: str | None = None
    lines: Mapping[str, str] = field(default_factory=dict, hash=False)
    twin: str | None = None

    def covers(self, day: date) -> bool:
        """Whether it is in force on this day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def is_published(self) -> bool:
        return self.status != "unpublished"

    @property
    def name(self) -> str:
        """Which of the rule's rows it is: the day from which it is in force, and its version."""
        return f"{self.valid_from.isoformat()}.{self.version}"

    @property
    def currency(self) -> str:
        """The currency of its unit, such as USD of USD/mi."""
        return self.unit[:3]

    def reached(self, quantity: Decimal) -> bool:
        """Whether a quantity lies within the threshold: below it, or up to it."""
        limit = self.value if self.value is not None else Decimal(0)
        return quantity < limit if self.boundary == "under" else quantity <= limit

    def digest(self) -> str:
        """What was written of it, but for the day on which it ends: to close a row is no edit."""
        told = {
            name: value for name, value in asdict(self).items() if name != "valid_to" and value not in (None, (), {})
        }
        return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


REQUIRED = {"rule_id", "jurisdiction", "kind", "unit", "valid_from", "keyed_on", "status", "grade", "instrument"} | {
    "source_url",
    "read_on",
}
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "status": get_args(Status),
    "grade": get_args(Grade),
    "keyed_on": get_args(KeyedOn),
    "role": get_args(TaxRole),
    "boundary": get_args(Boundary),
    "counter": get_args(Counter),
}
DAYS, NUMBERS = ("valid_from", "valid_to", "read_on"), ("value", "cap_amount", "cap_distance")


def read(written: Mapping[str, Any]) -> Row:
    """A row from its texts, as a file or the database has them. Raises RuleUnreadable with what is wrong."""
    known = {name: value for name, value in written.items() if value is not None}
    which = f"{known.get('rule_id', 'a rule')} from {known.get('valid_from', 'no day')}"
    if strange := known.keys() - {each.name for each in fields(Row)}:
        raise RuleUnreadable(f"{which}: {', '.join(sorted(strange))} is not known")
    if missing := REQUIRED - known.keys():
        raise RuleUnreadable(f"{which}: {', '.join(sorted(missing))} is missing")
    for name, choices in CHOICES.items():
        if known.get(name, choices[0]) not in choices:
            raise RuleUnreadable(f"{which}: {name} is one of {', '.join(choices)}")
    try:
        row = Row(**_typed(known))
    except (ValueError, TypeError, KeyError, InvalidOperation) as error:
        raise RuleUnreadable(f"{which}: {type(error).__name__}") from error
    _check(row, which)
    return row


def _typed(known: dict[str, Any]) -> dict[str, Any]:
    days = {name: _day(known[name]) for name in DAYS if name in known}
    numbers = {name: Decimal(str(known[name])) for name in NUMBERS if name in known}
    tiers = tuple(_tier(each) for each in known.get("tiers", ()))
    lines = {str(head): str(line) for head, line in known.get("lines", {}).items()}
    version = int(known.get("version", 1))
    return {**known, **days, **numbers, "tiers": tiers, "lines": lines, "version": version}


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _tier(written: Mapping[str, Any]) -> Tier:
    if strange := written.keys() - {"up_to", "value", "mode", "plus"}:
        raise RuleUnreadable(f"a tier has no {', '.join(sorted(strange))}")
    if written["mode"] not in get_args(Mode):
        raise RuleUnreadable(f"a tier's mode is one of {', '.join(get_args(Mode))}")
    up_to, plus = (None if written.get(name) is None else Decimal(str(written[name])) for name in ("up_to", "plus"))
    return Tier(Decimal(str(written["value"])), written["mode"], up_to, plus)


def _check(row: Row, which: str) -> None:
    says_something = row.value is not None or bool(row.tiers) or bool(row.lines)
    if says_something == (row.status == "unpublished"):
        raise RuleUnreadable(f"{which}: what is unpublished has no figure, and all else has one")
    if row.valid_to and row.valid_to < row.valid_from:
        raise RuleUnreadable(f"{which}: it ends before it begins")
    if row.kind == "threshold" and row.boundary is None:
        raise RuleUnreadable(f"{which}: a threshold says whether it is meant under or up_to")
    ends = [tier.up_to for tier in row.tiers]
    if ends and (ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(e for e in ends[:-1] if e)):
        raise RuleUnreadable(f"{which}: tiers rise, and only the last has no end")
