"""Idempotency: the first answer to a key is kept for 24 hours, in the transaction that had the effect.

Effect and answer are written together or not at all, so a crash between them cannot happen. A second request
with a key that is still at work finds it locked. Where the effect is at a server that is not ours no transaction can
wait for it: the key is held by a row without an answer, for as long as such a request may take.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ai2.kit.database import Connection, one
from ai2.kit.errors import Conflict, Invalid


class KeyAtWork(Conflict):
    """A request with this Idempotency-Key is still running; ask again shortly."""


class KeyOfAnother(Invalid):
    """This Idempotency-Key was used for another request; use a fresh one."""


class AnswerNotKept(Conflict):
    """A request with this Idempotency-Key was done; its answer held a secret and is not kept."""


@dataclass(frozen=True)
class Answer:
    """What was answered. Without a body it held a secret."""

    status: int
    body: bytes | None
    content_type: str | None


async def claim(db: Connection, organization_id: UUID, key: str, request_digest: bytes) -> Answer | None:
    """The answer given before to this very request, or none: then the key is ours until the transaction ends."""
    locked = await one(
        db,
        "select pg_try_advisory_xact_lock(hashtextextended(%(name)s, 0)) as locked",
        {"name": f"idempotency {organization_id} {key}"},
    )
    if not locked or not locked["locked"]:
        raise KeyAtWork
    found = await one(
        db,
        """
        select request_digest, status, body, content_type, created_at > now() - interval '10 minutes' as may_work
        from identity.idempotency_keys
        where organization_id = %(organization_id)s and key = %(key)s and created_at > now() - interval '24 hours'
        """,
        {"organization_id": organization_id, "key": key},
    )
    if found is None:
        return None
    if found["request_digest"] != request_digest:
        raise KeyOfAnother
    if found["status"] is None and not found["may_work"]:
        return None  # whoever held it ended without a word
    if found["status"] is None:
        raise KeyAtWork
    if found["body"] is None:
        raise AnswerNotKept
    return Answer(found["status"], found["body"], found["content_type"])


async def hold(db: Connection, organization_id: UUID, key: str, request_digest: bytes) -> Answer | None:
    """The same as `claim`; but the key is ours until `keep` or `release`, whatever happens to this transaction's."""
    former = await claim(db, organization_id, key, request_digest)
    if former is None:
        await _write(db, organization_id, key, request_digest, {"status": None, "body": None, "content_type": None})
    return former


async def release(db: Connection, organization_id: UUID, key: str) -> None:
    """Let go of a key that is held: nothing came of it."""
    await db.execute(
        "delete from identity.idempotency_keys where organization_id = %s and key = %s and status is null",
        [organization_id, key],
    )


async def keep(db: Connection, organization_id: UUID, key: str, request_digest: bytes, answer: Answer) -> None:
    """Keep the answer, and forget those of yesterday."""
    await _write(db, organization_id, key, request_digest, vars(answer))


async def _write(
    db: Connection, organization_id: UUID, key: str, request_digest: bytes, answer: dict[str, Any]
) -> None:
    await db.execute(
        """
        with forgotten as (
            delete from identity.idempotency_keys
            where organization_id = %(organization_id)s and created_at < now() - interval '24 hours'
                and key <> %(key)s
        )
        insert into identity.idempotency_keys (organization_id, key, request_digest, status, body, content_type)
        values (%(organization_id)s, %(key)s, %(request_digest)s, %(status)s, %(body)s, %(content_type)s)
        on conflict (organization_id, key) do update set
            request_digest = excluded.request_digest, status = excluded.status, body = excluded.body,
            content_type = excluded.content_type, created_at = now()
        """,
        {
            **answer,
            "organization_id": organization_id,
            "key": key,
            "request_digest": request_digest,
        },
    )
