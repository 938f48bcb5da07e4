"""Institutions: the banks that a provider reaches in a country, asked for once an hour."""

import time

from ai2.connections import service
from ai2.ingest.sources.model import Institution
from ai2.kit.database import Database

KEPT_S = 3600.0
_kept: dict[tuple[str, str], tuple[float, list[Institution]]] = {}


async def of_country(database: Database, provider: str, country: str) -> list[Institution]:
    """A country's banks by their names. Raises ProviderNotFound, NoInstitutions, and what the provider says."""
    known = _kept.get((provider, country))
    if known is None or known[0] < time.monotonic():
        found = await service.institutions(database, provider, country)
        known = _kept[provider, country] = (time.monotonic() + KEPT_S, found)
    return known[1]
