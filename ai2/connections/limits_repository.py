"""Every query on how a credential may call its provider."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one


async def hold(db: Connection, provider: str, credential: bytes) -> DictRow:
    """The credential's bucket, which nobody else changes until our transaction ends, and the time on its clock then."""
    row = await one(
        db,
        """
        insert into connect.buckets as bucket (provider, credential) values (%(provider)s, %(credential)s)
        on conflict (provider, credential) do update set used_at = clock_timestamp()
        returning slots, failures, extract(epoch from clock_timestamp())::float8 as now,
            extract(epoch from closed_until - clock_timestamp())::float8 as closed_s
        """,
        {"provider": provider, "credential": credential},
    )
    assert row  # noqa: S101 - it was there or is now
    return row


async def keep_slots(db: Connection, provider: str, credential: bytes, slots: Sequence[Sequence[float]]) -> None:
    await db.execute(
        "update connect.buckets set slots = %s where provider = %s and credential = %s",
        [Jsonb(slots), provider, credential],
    )


async def close(db: Connection, provider: str, credential: bytes, seconds: float) -> None:
    """Let nobody call for so long, or for as long as was said before."""
    await db.execute(
        """
        update connect.buckets set
            closed_until = greatest(closed_until, clock_timestamp() + make_interval(secs => %(seconds)s))
        where provider = %(provider)s and credential = %(credential)s
        """,
        {"provider": provider, "credential": credential, "seconds": seconds},
    )


async def closed_s(db: Connection, provider: str, credential: bytes) -> float:
    """For how many seconds it is closed still."""
    row = await one(
        db,
        """
        select extract(epoch from closed_until - clock_timestamp())::float8 as closed_s from connect.buckets
        where provider = %(provider)s and credential = %(credential)s
        """,
        {"provider": provider, "credential": credential},
    )
    return float((row or {}).get("closed_s") or 0)


async def count_failure(db: Connection, provider: str, credential: bytes) -> int:
    """Count a run that the provider did not answer; how many there were in a row."""
    row = await one(
        db,
        """
        update connect.buckets set failures = failures + 1
        where provider = %(provider)s and credential = %(credential)s returning failures
        """,
        {"provider": provider, "credential": credential},
    )
    return int((row or {}).get("failures") or 0)


async def forget_failures(db: Connection, provider: str, credentials: Sequence[bytes]) -> None:
    """The provider answers: a breaker that was open is closed."""
    query = """
        update connect.buckets set failures = 0, closed_until = null
        where provider = %(provider)s and credential = any(%(credentials)s) and failures > 0
    """
    known: dict[str, Any] = {"provider": provider, "credentials": list(credentials)}
    await db.execute(query, known)


async def forget_unused(db: Connection, *, days: int) -> int:
    """Forget buckets of credentials that nobody uses any more."""
    done = await db.execute("delete from connect.buckets where used_at < now() - make_interval(days => %s)", [days])
    return done.rowcount
