"""The organization: what it is called, where it is, and how it keeps its books."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from ai2.identity import organizations
from ai2.identity.organizations import Organization
from api.etags import IfMatch, mark
from api.schemas import Change, Country, Currency, Name, Out, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/organization", tags=["organization"], route_class=Unit)

Month = Annotated[int, Field(strict=True, ge=1, le=12)]


class OrganizationChange(Change):
    """What to change; what is not named stays."""

    name: Name = Field(default="", description="Its folder in the inbox has this name, or its id.")
    base_currency: Currency = Field(default="", description="ISO 4217; new accounts are in it unless they say.")
    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2; null where it is not known.")
    fiscal_year_start: Month = Field(default=1, description="The month in which the fiscal year begins.")
    shares_learning: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether your corrections may teach the model that all organizations here share."
    )
    require_second_factor: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether members without a second factor may do nothing but set one up."
    )


class OrganizationSettings(Out):
    """The organization that the credential belongs to."""

    organization_id: UUID
    name: str
    base_currency: str
    country: str | None
    fiscal_year_start: int
    shares_learning: bool
    require_second_factor: bool
    version: int


@router.get("", response_model=OrganizationSettings)
async def get_organization(db: Db, who: Caller, response: Response) -> Organization:
    """Your organization."""
    organization = await organizations.get(db, who.organization_id)
    mark(response, organization.version)
    return organization


@router.patch("", response_model=OrganizationSettings)
async def update_organization(
    change: OrganizationChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Organization:
    """Change your organization."""
    organization = await organizations.update(db, who.organization_id, changes(change), version=version)
    mark(response, organization.version)
    return organization
