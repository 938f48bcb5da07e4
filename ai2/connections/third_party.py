"""Third parties: trying a mapping of an API before anything is connected."""

from collections.abc import Mapping
from typing import Any

from ai2.connections import service
from ai2.ingest.sources import names
from ai2.ingest.sources.rest import fetching
from ai2.ingest.sources.rest.fetching import Preview
from ai2.kit.database import Database

PROVIDER = "rest"


async def preview(database: Database, *, settings: Mapping[str, Any], secret: Mapping[str, Any]) -> Preview:
    """The first rows that a mapping finds, and what it makes of them; nothing is kept.

    Raises SettingsDoNotHold, MappingDoesNotHold, and what the provider says.
    """
    source = names.source(PROVIDER)
    service.check(source, settings, secret)
    return await service.asked(database, source, settings, secret, fetching.preview)
