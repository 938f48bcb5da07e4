"""The profile: how an organization is taxed. It is kept with the organization's settings, and nowhere else."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from ai2.books.moments import Moment
from ai2.identity import organizations
from ai2.identity.organizations import Organization, TaxBasis, TaxBusiness, TaxRole, TaxScheme
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError
from ml.tax import repository
from ml.tax.deduct import Profile
from ml.tax.rules import Rules, UnknownJurisdiction


@dataclass(frozen=True)
class TaxProfile:
    """What was said of it. `year_end` is the last day of its fiscal year, month and day; `version` is its settings'."""

    jurisdiction: str | None
    role: TaxRole | None
    business: TaxBusiness | None
    registered: bool | None
    number: str | None
    scheme: TaxScheme | None
    basis: TaxBasis | None
    fiscal_year_start: int
    fiscal_year_start_day: int
    # by what it is assessed where no jurisdiction was said
    assumed_jurisdiction: str | None
    version: int


FIELDS = ("jurisdiction", "role", "business", "registered", "number", "scheme", "basis")
# What of an organization's settings decides how it is taxed.
TAXED_BY = ("country", "tax_jurisdiction", "tax_role", "tax_business", "tax_registered", "tax_scheme")


async def get(db: Connection, organization_id: UUID) -> TaxProfile:
    return _profile(await organizations.get(db, organization_id))


async def put(
    db: Connection, organization_id: UUID, rules: Rules, said: dict[str, Any], *, version: int | None = None
) -> TaxProfile:
    """Say it anew, whole. Raises UnknownJurisdiction for one of which no rules are known."""
    if said.get("jurisdiction"):
        try:
            said = {**said, "jurisdiction": rules.jurisdiction(said["jurisdiction"])}
        except UnknownJurisdiction as unknown:
            unknown.errors = (FieldError("jurisdiction", "is one of those that are known"),)
            raise
    changes = {f"tax_{name}" if name in FIELDS else name: value for name, value in said.items()}
    return _profile(await organizations.update(db, organization_id, changes, version=version))


async def organization_at(db: Connection, organization_id: UUID, known_at: Moment) -> Organization:
    """The organization, taxed as it said at a moment; before it said anything, as it said first."""
    present = await organizations.get(db, organization_id)
    former = await repository.settings_known(db, organization_id, known_at)
    if former is None:
        return present
    taxed_by: dict[str, Any] = {name: former.get(name) for name in TAXED_BY}
    return replace(present, **taxed_by)


def of(rules: Rules, organization: Organization, jurisdiction: str | None) -> Profile:
    """How an organization is taxed in a jurisdiction, or where it says it is; else in its country.

    Raises UnknownJurisdiction where that is none of which rules are known.
    """
    wanted = jurisdiction or organization.tax_jurisdiction or organization.country
    if wanted is None:
        raise UnknownJurisdiction(
            "Nobody said where you are taxed: put it into the tax profile, or name a jurisdiction.",
            known=[*rules.jurisdictions],
        )
    known = Profile(
        rules.jurisdiction(wanted),
        organization.tax_role,
        organization.tax_business,
        organization.tax_registered,
        organization.tax_scheme,
    )
    own = organization.tax_jurisdiction or organization.country
    if own and known.jurisdiction[:2] != rules.jurisdiction(own)[:2]:
        return replace(known, registered=None, scheme=None)  # of another country nobody said it
    return known


def _profile(known: Organization) -> TaxProfile:
    return TaxProfile(
        **{name: getattr(known, f"tax_{name}") for name in FIELDS},
        fiscal_year_start=known.fiscal_year_start,
        fiscal_year_start_day=known.fiscal_year_start_day,
        assumed_jurisdiction=known.tax_jurisdiction or known.country,
        version=known.version,
    )
