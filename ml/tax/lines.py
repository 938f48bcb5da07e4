"""Lines: on which line of which form an expense stands, and where its disallowable part does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ml.tax.rules import Rules

# Heads that have no line of their own in every form.
OTHERS = frozenset({"training", "gifts", "bank_charges", "delivery", "management", "software", "clothing", "storage"})
MAPS = {"US": "us.schedule_c", "GB": "gb.sa103", "CA": "ca.t2125"}


@dataclass(frozen=True)
class Line:
    """A line of a form; `twin` is where what is not allowed stands. Without a line there is a reason."""

    form: str
    rule_id: str
    rule_version: str
    line: str | None
    twin: str | None
    reason: str | None = None


def line(rules: Rules, jurisdiction: str, head: str, on: date) -> Line | None:
    """The line of a head of expense in the form of a day's year; none where no form is mapped, or none has it."""
    rule_id = MAPS.get(jurisdiction.partition("-")[0])
    row = rules.find(rule_id, on) if rule_id else None
    if rule_id is None or row is None:
        return None
    if not row.is_published:
        former = rules.former(rule_id, row)
        known = former and _of(former.lines, head)
        told = f"; in the form of {former.valid_from.year} it was {known}" if former and known else ""
        return Line(row.instrument, rule_id, row.name, None, None, f"{row.note}{told}")
    found = _of(row.lines, head)
    if found is None:
        return None
    return Line(row.instrument, rule_id, row.name, found, f"{found}{row.twin}" if row.twin else None)


def amounts(cost: Decimal, allowed: Decimal, line: Line | None) -> dict[str, Decimal]:
    """What a form is told of an expense: where there is a twin the whole cost, and in the twin what is not allowed."""
    if line is None or line.line is None:
        return {}
    if line.twin is None:
        return {line.line: allowed}
    return {line.line: cost, line.twin: cost - allowed}


def _of(lines: Mapping[str, str], head: str) -> str | None:
    return lines.get(head) or (lines.get("other") if head in OTHERS else None)
