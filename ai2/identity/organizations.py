"""Organizations: the tenants, each with a key of its own for its raw files."""

import calendar
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.identity import repository
from ai2.kit import events
from ai2.kit.countries import is_country
from ai2.kit.database import Connection, Query, act_for
from ai2.kit.envelope import fresh_wrapped_key, unwrap_key
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import exponent

# When consumption tax is owed: when invoiced, when paid, at one rate of all turnover, or not at all.
TaxScheme = Literal["accrual", "cash", "flat_rate", "exempt"]
# Who is taxed on the income, and when it and its expenses count: when earned, or when paid.
TaxRole = Literal["self_employed", "company", "employee"]
TaxBasis = Literal["accrual", "cash"]
# What it does, as far as some tax rule depends on it: long-haul drivers eat by another percentage.
TaxBusiness = Literal[
    "general", "professional", "retail", "hospitality", "transport", "construction", "farming", "creative", "other"
]
A_COMMON_YEAR = 2025


class OrganizationNameAmbiguous(Conflict):
    """Several organizations have this name; say its id instead."""


class OrganizationNotFound(NotFound):
    """There is no organization of this name or id."""


@dataclass(frozen=True)
class Organization:
    """A tenant. `base_currency` is ISO 4217, `country` ISO 3166-1 alpha-2 or unknown.

    Its fiscal year begins on the day `fiscal_year_start_day` of the month `fiscal_year_start`. What a decider is less
    sure of than `auto_apply_confidence` waits for a person; none leaves it to the decider. Only where
    `shares_learning` do its corrections teach the model that all share, and only where it `allows_llm` may an LLM be
    asked of merchants that nobody knows. Where they `require_second_factor`, members
    without one may only set it up.
    """

    organization_id: UUID
    name: str
    base_currency: str
    country: str | None
    fiscal_year_start: int = 1
    shares_learning: bool = False
    require_second_factor: bool = False
    version: int = 1
    fiscal_year_start_day: int = 1
    tax_jurisdiction: str | None = None
    tax_registered: bool | None = None
    tax_number: str | None = None
    tax_scheme: TaxScheme | None = None
    auto_apply_confidence: Decimal | None = None
    tax_role: TaxRole | None = None
    tax_business: TaxBusiness | None = None
    tax_basis: TaxBasis | None = None
    allows_llm: bool = False


@dataclass(frozen=True)
class FormerSettings:
    """How an organization kept its books until `known_to`, when `changed_by` changed it."""

    version: int
    settings: dict[str, Any]
    known_to: datetime
    changed_by: str


async def create(db: Connection, *, name: str, base_currency: str, country: str | None = None) -> Organization:
    """Make an organization; the rest of the transaction acts for it."""
    exponent(base_currency)
    organization = Organization(new_id(), name, base_currency, country)
    _check(organization)
    await act_for(db, organization.organization_id)
    await repository.insert_organization(db, organization, fresh_wrapped_key())
    return organization


async def get(db: Connection, organization_id: UUID) -> Organization:
    row = await repository.organization(db, organization_id)
    if row is None:
        raise OrganizationNotFound
    return Organization(**row)


def query(organization_id: UUID) -> Query:
    """What asks for an organization, for who asks for more at once; `read` makes one of the row."""
    return repository.organization_query(organization_id)


def read(row: DictRow) -> Organization:
    """The organization of a row that may have more columns."""
    return Organization(**{each.name: row[each.name] for each in fields(Organization)})


async def update(
    db: Connection, organization_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Organization:
    """Change what is named. Amounts stay in the currencies they are in, whatever the base currency becomes."""
    await repository.lock_organization(db, organization_id)
    present = await get(db, organization_id)
    if version not in (None, present.version):
        raise Stale
    changed = replace(present, **changes)
    exponent(changed.base_currency)
    _check(changed)
    await repository.update_organization(db, changed)
    await events.emit(db, organization_id, "organization.updated", {"fields": sorted(changes)})
    return await get(db, organization_id)


def _check(organization: Organization) -> None:
    faults = []
    if organization.country is not None and not is_country(organization.country):
        faults.append(FieldError("country", "is a country of ISO 3166-1, such as GB"))
    jurisdiction = organization.tax_jurisdiction
    if jurisdiction is not None and not is_country(jurisdiction.partition("-")[0]):
        faults.append(FieldError("tax.jurisdiction", "begins with a country of ISO 3166-1, such as GB or US-CA"))
    last = calendar.monthrange(A_COMMON_YEAR, organization.fiscal_year_start)[1]
    if organization.fiscal_year_start_day > last:
        faults.append(FieldError("fiscal_year_start_day", "is a day that its month has in every year"))
    if faults:
        raise Invalid(errors=tuple(faults))


async def history(
    db: Connection, organization_id: UUID, *, before: int | None = None, limit: int
) -> tuple[list[FormerSettings], int | None]:
    """What its settings were before, the last ones first, and the last version where there are more."""
    found = await repository.former_settings(db, organization_id, before=before, limit=limit + 1)
    items = [FormerSettings(**row) for row in found[:limit]]
    return items, items[-1].version if len(found) > limit else None


async def find(db: Connection, name_or_id: str) -> Organization:
    """The organization of this name (case aside) or id. For operators: `db` is the pipeline role's."""
    found = await repository.organizations_named(db, name_or_id)
    if len(found) > 1:
        raise OrganizationNameAmbiguous
    if not found:
        raise OrganizationNotFound
    return Organization(**found[0])


async def all_of_them(db: Connection) -> list[Organization]:
    """Every organization, oldest first. For operators: `db` is the pipeline role's."""
    return [Organization(**row) for row in await repository.organizations(db)]


async def file_key(db: Connection, organization_id: UUID) -> bytes:
    """The key (32 bytes) that encrypts this organization's raw files."""
    wrapped = await repository.wrapped_key(db, organization_id)
    if wrapped is None:
        raise OrganizationNotFound
    return unwrap_key(wrapped)
