"""Institutions: the banks that can be connected through a provider."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from ai2.connections import institutions
from api.pages import WholeQuery, cut
from api.schemas import ListOf, Out
from api.unit import Caller, Outside, Pool

router = APIRouter(prefix="/api/connectors/providers", tags=["connectors"], route_class=Outside)


class InstitutionOut(Out):
    """A bank. `institution_id` is what a connect names."""

    institution_id: str
    name: str
    bic: str | None
    countries: list[str] = Field(description="ISO 3166 codes.")
    history_days: int = Field(description="How far back it tells of transactions.")


class Institutions(ListOf):
    """One page."""

    items: list[InstitutionOut]


class InstitutionsWanted(WholeQuery):
    """Which banks."""

    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166 code, such as GB.")
    search: str | None = Field(default=None, max_length=100, description="A part of the name, or the BIC.")


@router.get("/{provider}/institutions", response_model=Institutions)
async def list_institutions(
    provider: Annotated[str, Path(max_length=40)],
    database: Pool,
    who: Caller,
    wanted: Annotated[InstitutionsWanted, Query()],
) -> dict[str, object]:
    """The banks of a country that this provider reaches, by their names."""
    found = await institutions.of_country(database, provider, wanted.country)
    text = (wanted.search or "").strip().casefold()
    shown = [bank for bank in found if text in bank.name.casefold() or text == (bank.bic or "").casefold()]
    return cut(shown, wanted, lambda bank: bank.institution_id)
