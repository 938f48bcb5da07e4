"""Limits: how fast a provider may be asked, for each credential, by all processes together.

A token bucket in the database: a call takes a token, or learns how long it has to wait for one and has it then. What a
provider said by Retry-After closes the bucket for so long.
"""

import asyncio
import time
from hashlib import blake2b

from ai2.ingest.sources.model import Pace, Source
from ai2.kit.database import Database, one

TAKE = """
    insert into connect.buckets as bucket (provider, credential, tokens)
    values (%(provider)s, %(credential)s, %(most)s - %(cost)s)
    on conflict (provider, credential) do update set
        -- below zero: somebody waits for what is not there yet, and the next one behind them
        tokens = least(
            %(most)s, bucket.tokens + extract(epoch from clock_timestamp() - bucket.filled_at) * %(a_second)s
        ) - %(cost)s,
        filled_at = clock_timestamp()
    returning greatest(
        -tokens / %(a_second)s, extract(epoch from closed_until - clock_timestamp()), 0
    )::float8 as wait_s
"""


def pace_of(database: Database, source: Source, loop: asyncio.AbstractEventLoop) -> Pace:
    """What a source asks before each call, from a thread of its own."""

    def pace(credential: str, cost: int = 1) -> None:
        if source.limit is not None:
            wait_s = asyncio.run_coroutine_threadsafe(take(database, source, credential, cost), loop).result()
            time.sleep(wait_s)

    return pace


async def take(database: Database, source: Source, credential: str, cost: int = 1) -> float:
    """Take tokens, and say how many seconds to wait until they are there."""
    limit = source.limit
    if limit is None:
        return 0
    known = {
        "provider": source.name,
        "credential": blake2b(credential.encode(), digest_size=16).digest(),
        "most": float(limit.calls),
        "a_second": limit.calls / limit.seconds,
        "cost": cost,
    }
    async with database.transaction() as db:
        row = await one(db, TAKE, known)
    return float((row or {})["wait_s"])
