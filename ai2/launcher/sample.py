"""The sample organization's way in: kept in a file that only its owner can read, shown at the end of every start."""

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ai2.kit.settings import Settings
from ai2.launcher import probes


@dataclass(frozen=True)
class Sample:
    """Who signs in with what. `is_loaded` once the bank files are in the books."""

    organization: str
    organization_id: str
    email: str
    password: str
    api_key: str
    is_loaded: bool = False


def read(home: Path) -> Sample | None:
    path = home / "sample.json"
    return Sample(**json.loads(path.read_text())) if path.exists() else None


def keep(home: Path, sample: Sample) -> None:
    """Write the file; it appears whole or not at all."""
    draft = home / "sample.json.draft"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(sample), file, indent=2)
    draft.replace(home / "sample.json")


async def is_wanted(using: Settings) -> bool:
    """Whether the database has no organization, or only a sample that is half made."""
    known = read(using.home)
    count = "select count(*) from identity.organizations"
    if await asyncio.to_thread(probes.ask_database, using, count) == 0:
        return True
    return known is not None and not known.is_loaded


async def is_uncategorised(using: Settings) -> bool:
    """Whether there is a sample and none of its transactions has a category yet."""
    known = read(using.home)
    decided = "select 1 from books.transactions where organization_id = %s and category_id is not null limit 1"
    if known is None:
        return False
    return await asyncio.to_thread(probes.ask_database, using, decided, [known.organization_id]) is None
