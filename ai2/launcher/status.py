"""Status: which parts of a running platform answer."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from ai2.kit import postgres
from ai2.kit.settings import Settings
from ai2.launcher import probes, stack
from ai2.launcher.parts import Process
from ai2.launcher.profiles import Profile, plan

HEARTBEAT_S = 90  # Dagster's daemons give a sign of life every 30 s


@dataclass(frozen=True)
class PartStatus:
    """Whether a part answers, where, and where its log is."""

    title: str
    answers: bool
    urls: tuple[str, ...]
    log: Path


async def look(using: Settings) -> list[PartStatus]:
    """Ask every part of the profile that was started last, all at once."""
    note = using.home / "up.lock"
    profile = Profile(note.read_text() or Profile.DEV) if note.exists() else Profile.DEV
    parts = [
        part for part in stack.parts(using, plan(profile), since=time.time() - HEARTBEAT_S) if isinstance(part, Process)
    ]
    answers = await asyncio.gather(_database(using), *(part.answers() for part in parts))
    return [
        PartStatus("PostgreSQL", answers[0], (), using.home / "postgres.log"),
        *(
            PartStatus(part.title, is_up, tuple(part.urls.values()), using.home / "logs" / f"{part.name}.log")
            for part, is_up in zip(parts, answers[1:], strict=True)
        ),
    ]


async def _database(using: Settings) -> bool:
    if using.database_url is None:
        return await asyncio.to_thread(postgres.answers, using.home)
    return await probes.row(using, "select 1")()
