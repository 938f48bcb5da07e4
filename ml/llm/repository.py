"""Every query on what an LLM answered, and on what it may still be asked today."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows


async def answers(
    db: Connection, organization_id: UUID, model: str, version: str, texts: Sequence[str]
) -> list[DictRow]:
    """What was answered for these texts."""
    query = """
        select text, money_in, detailed, confidence::float8 as confidence from ml.llm_answers
        where organization_id = %(organization_id)s and model = %(model)s and version = %(version)s
            and text = any(%(texts)s)
    """
    parameters = {"organization_id": organization_id, "model": model, "version": version, "texts": list(texts)}
    return await rows(db, query, parameters)


async def keep(
    db: Connection, organization_id: UUID, model: str, version: str, answered: Sequence[tuple[Any, ...]]
) -> None:
    """Keep (text, money_in, detailed, confidence) rows; what was answered before stays."""
    texts, ways, detailed, sure = zip(*answered, strict=True)
    await db.execute(
        """
        insert into ml.llm_answers (organization_id, model, version, text, money_in, detailed, confidence)
        select %s, %s, %s, * from unnest(%s::text[], %s::boolean[], %s::text[], %s::numeric[])
        on conflict do nothing
        """,
        [organization_id, model, version, list(texts), list(ways), list(detailed), list(sure)],
    )


async def take_call(db: Connection, organization_id: UUID, calls: int, tokens: int) -> bool:
    """Count a call against the organization's day (in UTC); false, and not counted, where the day's are used up."""
    found = await one(
        db,
        """
        insert into ml.llm_days as used (organization_id, day, calls)
        select %(organization_id)s, (now() at time zone 'utc')::date, 1 where %(calls)s > 0 and %(tokens)s > 0
        on conflict (organization_id, day) do update set calls = used.calls + 1
        where used.calls < %(calls)s and used.tokens < %(tokens)s
        returning calls
        """,
        {"organization_id": organization_id, "calls": calls, "tokens": tokens},
    )
    return found is not None


async def add_tokens(db: Connection, organization_id: UUID, tokens: int) -> None:
    """Count what a call took."""
    await db.execute(
        """
        insert into ml.llm_days as used (organization_id, day, tokens)
        values (%s, (now() at time zone 'utc')::date, %s)
        on conflict (organization_id, day) do update set tokens = used.tokens + excluded.tokens
        """,
        [organization_id, tokens],
    )
