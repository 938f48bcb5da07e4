"""Institutions: the banks that a provider reaches in a country, asked for once an hour."""

import asyncio
import time

from ai2.connections.limits import pace_of
from ai2.ingest.sources import names
from ai2.ingest.sources.model import Institution, Session
from ai2.kit.database import Database
from ai2.kit.errors import NotFound

KEPT_S = 3600.0
_kept: dict[tuple[str, str], tuple[float, list[Institution]]] = {}


class NoInstitutions(NotFound):
    """This provider has no list of institutions; its settings say what it needs."""


async def of_country(database: Database, provider: str, country: str) -> list[Institution]:
    """A country's banks by their names. Raises ProviderNotFound, NoInstitutions, and what the provider says."""
    source = names.source(provider)
    if source.institutions is None:
        raise NoInstitutions
    known = _kept.get((provider, country))
    if known is None or known[0] < time.monotonic():
        pace = pace_of(database, source, asyncio.get_running_loop())
        session = Session(settings={}, credentials={}, cursor=None, pace=pace, keep=lambda _: None)
        found = await asyncio.to_thread(source.institutions, session, country)
        known = _kept[provider, country] = (time.monotonic() + KEPT_S, found)
    return known[1]
