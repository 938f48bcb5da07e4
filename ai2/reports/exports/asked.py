"""What can be asked for as a file, of which days and accounts, and in which formats."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from ai2.kit.errors import FieldError, Invalid

What = Literal[
    "transactions", "entries", "splits", "accounts", "categories", "balances", "rules", "budgets", "rates", "report"
]
Format = Literal["csv", "xlsx", "json", "parquet", "pdf", "html"]
# By what each may be narrowed; a filter that would have no effect is refused.
NARROWED_BY: Mapping[What, tuple[str, ...]] = {
    "transactions": ("start_date", "end_date", "account_ids"),
    "entries": ("start_date", "end_date", "account_ids"),
    "splits": ("start_date", "end_date", "account_ids"),
    "accounts": ("account_ids",),
    "categories": (),
    "balances": ("start_date", "end_date", "account_ids"),
    "rules": (),
    "budgets": ("start_date", "end_date"),
    "rates": ("start_date", "end_date"),
    "report": ("report_id",),
}
FILTERS = ("start_date", "end_date", "account_ids", "report_id")
TABLE_FORMATS: tuple[Format, ...] = ("csv", "xlsx", "json", "parquet")


class NotSuchAnExport(Invalid):
    """What was asked for cannot be had so; correct the named fields."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to export. Both days are included; without accounts it is of all of them."""

    what: What
    format: Format
    start_date: date | None = None
    end_date: date | None = None
    account_ids: tuple[UUID, ...] = ()
    report_id: UUID | None = None


def check(asked: Asked, report_formats: tuple[Format, ...]) -> None:
    """Refuse what cannot be had. Raises NotSuchAnExport."""
    possible = report_formats if asked.what == "report" else TABLE_FORMATS
    faults = []
    if asked.format not in possible:
        faults.append(FieldError("format", f"is {', '.join(possible)} for {asked.what}"))
    useless = [name for name in FILTERS if getattr(asked, name) and name not in NARROWED_BY[asked.what]]
    faults += [FieldError(name, f"narrows nothing of {asked.what}") for name in useless]
    if asked.what == "report" and not asked.report_id:
        faults.append(FieldError("report_id", "is needed: which report"))
    if asked.start_date and asked.end_date and asked.end_date < asked.start_date:
        faults.append(FieldError("end_date", "is not before start_date"))
    if faults:
        raise NotSuchAnExport(errors=tuple(faults))
