"""The organization: what it is called, where it is, and how it keeps its books."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from ai2.identity import organizations
from ai2.identity.organizations import Organization, TaxBasis, TaxBusiness, TaxRole, TaxScheme
from api.etags import IfMatch, mark
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Change, Confidence, Country, Currency, Instant, ListOf, Name, Out, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/organization", tags=["organization"], route_class=Unit)

Month = Annotated[int, Field(strict=True, ge=1, le=12)]
DayOfMonth = Annotated[int, Field(strict=True, ge=1, le=31)]
Jurisdiction = Annotated[str, StringConstraints(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
TaxNumber = Annotated[str, StringConstraints(strip_whitespace=True, pattern="^[A-Za-z0-9][A-Za-z0-9 ./-]{1,29}$")]
Sureness = Annotated[float, Field(strict=True, ge=0, le=1)]


class TaxProfileChange(Change):
    """What to change of it; what is not named stays. What is deductible is told by it."""

    jurisdiction: Jurisdiction | None = Field(
        default=None, description="ISO 3166: the country whose taxes count, or its state, such as US-CA."
    )
    registered: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="Whether you are registered for VAT, GST or the like; null: nobody said."
    )
    number: TaxNumber | None = Field(default=None, description="The registration's number, as you write it.")
    scheme: TaxScheme | None = Field(
        default=None, description="Tax is owed when invoiced, when paid, at one rate of all turnover, or not at all."
    )
    role: TaxRole | None = Field(default=None, description="Who is taxed on the income.")
    business: TaxBusiness | None = Field(default=None, description="What you do, as far as a rule depends on it.")
    basis: TaxBasis | None = Field(default=None, description="Expenses count when they are owed, or when paid.")


class OrganizationChange(Change):
    """What to change; what is not named stays."""

    name: Name = Field(default="", description="Its folder in the inbox has this name, or its id.")
    base_currency: Currency = Field(default="", description="ISO 4217; new accounts are in it unless they say.")
    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2; null where it is not known.")
    fiscal_year_start: Month = Field(default=1, description="The month in which the fiscal year begins.")
    fiscal_year_start_day: DayOfMonth = Field(default=1, description="And the day of it: 6 for 6 April.")
    tax: TaxProfileChange = Field(default_factory=TaxProfileChange)
    auto_apply_confidence: Sureness | None = Field(
        default=None,
        description="What a decider is less sure of than this waits for a person; null leaves it to the decider. "
        "What your people taught is followed in any case.",
    )
    shares_learning: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether your corrections may teach the model that all organizations here share."
    )
    allows_llm: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="Whether a language model may be asked of merchants that nobody knows, where the operator has set "
        "one up. It is shown a merchant's words, without names and numbers, and nothing of payments between people.",
    )
    require_second_factor: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether members without a second factor may do nothing but set one up."
    )


class TaxProfile(Out):
    """Where and how it is taxed, as far as it was said."""

    jurisdiction: str | None
    registered: bool | None
    number: str | None
    scheme: TaxScheme | None
    role: TaxRole | None
    business: TaxBusiness | None
    basis: TaxBasis | None


class OrganizationSettings(Out):
    """The organization that the credential belongs to."""

    organization_id: UUID
    name: str
    base_currency: str
    country: str | None
    fiscal_year_start: int
    fiscal_year_start_day: int
    tax: TaxProfile
    auto_apply_confidence: Confidence | None
    shares_learning: bool
    allows_llm: bool
    require_second_factor: bool
    version: int


class FormerSettingsOut(Out):
    """The settings of one version, and who ended it when."""

    version: int
    settings: dict[str, Any]
    known_to: Instant
    changed_by: str


class SettingsHistory(ListOf):
    """One page."""

    items: list[FormerSettingsOut]


@router.get("", response_model=OrganizationSettings)
async def get_organization(db: Db, who: Caller, response: Response) -> dict[str, Any]:
    """Your organization."""
    return _shown(await organizations.get(db, who.organization_id), response)


@router.patch("", response_model=OrganizationSettings)
async def update_organization(
    change: OrganizationChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> dict[str, Any]:
    """Change your organization. Amounts stay in their currencies, and what it was stays in its history."""
    wanted = changes(change)
    if "tax" in wanted:
        wanted |= {f"tax_{name}": value for name, value in changes(wanted.pop("tax")).items()}
    return _shown(await organizations.update(db, who.organization_id, wanted, version=version), response)


@router.get("/history", response_model=SettingsHistory)
async def get_organization_history(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """What the settings were before, the last ones first."""
    before = read_cursor(wanted.cursor, _version)
    items, last = await organizations.history(db, who.organization_id, before=before, limit=wanted.limit)
    present = await organizations.get(db, who.organization_id)
    # every version but the present one is kept
    total = present.version - 1 if wanted.include else None
    return {"items": items, "next_cursor": write_cursor(last), "total": total}


def _shown(organization: Organization, response: Response) -> dict[str, Any]:
    mark(response, organization.version)
    known = vars(organization)
    return {**known, "tax": {name: known[f"tax_{name}"] for name in TaxProfile.model_fields}}


def _version(text: str) -> int:
    version = int(text)
    if not 0 < version < 2**31:
        raise ValueError
    return version
