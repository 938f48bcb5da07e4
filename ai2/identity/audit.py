"""Audit: who did what and when, in a chain that shows whatever is changed, left out, put in or put elsewhere.

Each entry's link is a keyed digest (HMAC-SHA256, by a key that follows from the organization's own and never reaches
the database) of the link before it, of ids, and of the digest of its details. Details can be erased: the chain holds
without them. Entries are added last of all in the transaction that they tell of: the chain's end is locked only for
that, and as nothing is locked after it, no two transactions wait for each other.
"""

import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from ai2.identity import audit_repository as repository
from ai2.kit.database import Connection
from ai2.kit.envelope import unwrap_key

PAGE = 5000


@dataclass(frozen=True)
class Origin:
    """Where an act came from: its request, and from which address."""

    request_id: str | None = None
    address: str | None = None


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - it is frozen


@dataclass(frozen=True)
class Entity:
    """What an act was done to."""

    kind: str
    id: UUID


@dataclass(frozen=True)
class Entry:
    """One act. Without `details` they were erased."""

    number: int
    at: datetime
    actor: str
    operation: str
    entity_kind: str | None
    entity_id: UUID | None
    details: dict[str, Any] | None
    details_digest: bytes
    link: bytes


@dataclass(frozen=True)
class Anchor:
    """A place in the chain, to be kept elsewhere: who has it sees later whether the chain still leads through it."""

    number: int
    link: bytes


@dataclass(frozen=True)
class Verdict:
    """Whether the chain holds: from the entry after `begins_after` to `end`, or up to where it is broken, and why."""

    entries: int
    begins_after: int
    end: Anchor
    broken_at: int | None = None
    why: Literal["changed", "missing", "details_changed", "cut_off", "beginning_moved", "anchor_not_met"] | None = None

    @property
    def holds(self) -> bool:
        return self.broken_at is None


async def record(
    db: Connection,
    organization_id: UUID,
    *,
    actor: str,
    operation: str,
    entity: Entity | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry, as the last act of its transaction. `details` has facts, never somebody's data."""
    head = await repository.hold(db, organization_id)
    if head is None:
        await repository.begin(db, organization_id)
        head = await repository.hold(db, organization_id)
    if head is None:  # the organization is erased
        return
    key = _key(head["wrapped_key"])
    told = {**_told_origin(key), **(details or {})}
    number, at = head["number"] + 1, datetime.now(UTC)
    known = Entry(
        number=number,
        at=at,
        actor=actor,
        operation=operation,
        entity_kind=entity.kind if entity else None,
        entity_id=entity.id if entity else None,
        details=told,
        details_digest=_details_digest(key, number, told),
        link=b"",
    )
    await repository.add(db, organization_id, {**vars(known), "link": _link(key, organization_id, head["link"], known)})


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    before: int | None = None,
    limit: int,
    actor: str | None = None,
    operation: str | None = None,
    entity_id: UUID | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[Entry]:
    """Entries, the last one first, that were added before this one."""
    found = await repository.page(
        db,
        organization_id,
        before=before,
        limit=limit,
        actor=actor,
        operation=operation,
        entity_id=entity_id,
        start=start,
        end=end,
    )
    return [Entry(**row) for row in found]


async def total(db: Connection, organization_id: UUID, **chosen: Any) -> int:
    """How many entries these filters of `page` leave."""
    return await repository.total(db, organization_id, **chosen)


async def anchor(db: Connection, organization_id: UUID) -> Anchor:
    """Where the chain ends now."""
    head = await repository.head(db, organization_id)
    return Anchor(head["number"], bytes(head["link"])) if head else Anchor(0, b"")


async def verify(db: Connection, organization_id: UUID, known: Anchor | None = None) -> Verdict:
    """Follow the chain from its beginning to its end, and through a place that was kept elsewhere.

    Who holds the database but no key cannot make a link. That the last entries are cut off and the head was put back
    with them, only an anchor from after that shows.
    """
    head = await repository.head(db, organization_id)
    if head is None:
        met = known is None or known.number == 0
        return Verdict(0, 0, Anchor(0, b""), None if met else 1, None if met else "anchor_not_met")
    key, base = _key(head["wrapped_key"]), Anchor(head["base_number"], bytes(head["base_link"]))
    if base.number and not hmac.compare_digest(bytes(head["base_seal"]), _seal(key, organization_id, base)):
        return Verdict(0, base.number, base, base.number, "beginning_moved")
    last, counted = base, 0
    met = known is None or known.number <= base.number
    async for entry in _entries(db, organization_id, base.number):
        why = _fault(key, organization_id, last, entry)
        if why:
            return Verdict(counted, base.number, last, last.number + 1, why)
        last, counted = Anchor(entry.number, bytes(entry.link)), counted + 1
        if known and known.number == last.number:
            if known.link != last.link:
                return Verdict(counted, base.number, last, last.number, "anchor_not_met")
            met = True
    is_whole = (last.number, last.link) == (head["number"], bytes(head["link"]))
    if not (is_whole and met):
        return Verdict(counted, base.number, last, last.number + 1, "anchor_not_met" if is_whole else "cut_off")
    return Verdict(counted, base.number, last)


async def erase_details(db: Connection, organization_id: UUID, *, actor: str) -> int:
    """Erase the details of all that somebody did; that they did it, and the chain, stays. Says of how many entries."""
    return await repository.erase_details(db, organization_id, actor)


async def forget(db: Connection, organization_id: UUID, before: datetime) -> int:
    """Take the entries from before an instant out, from the beginning; the chain begins anew after them.

    `db` is the pipeline role's. Says how many.
    """
    head = await repository.hold(db, organization_id)
    last = await repository.last_before(db, organization_id, before) if head else None
    if head is None or last is None:
        return 0
    base = Anchor(last["number"], bytes(last["link"]))
    seal = _seal(_key(head["wrapped_key"]), organization_id, base)
    return await repository.forget(db, organization_id, number=base.number, link=base.link, seal=seal)


async def _entries(db: Connection, organization_id: UUID, after: int) -> AsyncIterator[Entry]:
    while found := await repository.after(db, organization_id, after, PAGE):
        for row in found:
            yield Entry(**row)
        after = found[-1]["number"]


def _fault(
    key: bytes, organization_id: UUID, before: Anchor, entry: Entry
) -> Literal["changed", "missing", "details_changed"] | None:
    if entry.number != before.number + 1:
        return "missing"
    if not hmac.compare_digest(_link(key, organization_id, before.link, entry), bytes(entry.link)):
        return "changed"
    if entry.details is not None and not hmac.compare_digest(
        _details_digest(key, entry.number, entry.details), bytes(entry.details_digest)
    ):
        return "details_changed"
    return None


def _told_origin(key: bytes) -> dict[str, str]:
    """The request, and a digest of the address: the same address has the same one, and nobody can tell which it is."""
    known = origin.get()
    told = {}
    if known.request_id:
        told["request_id"] = known.request_id
    if known.address:
        told["address_digest"] = _keyed(key, "address", known.address).hex()[:16]
    return told


def _link(key: bytes, organization_id: UUID, before: bytes, entry: Entry) -> bytes:
    return _keyed(
        key,
        "link",
        bytes(before).hex(),
        str(organization_id),
        entry.number,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.operation,
        entry.entity_kind,
        entry.entity_id and str(entry.entity_id),
        bytes(entry.details_digest).hex(),
    )


def _details_digest(key: bytes, number: int, details: Mapping[str, Any]) -> bytes:
    return _keyed(key, "details", number, details)


def _seal(key: bytes, organization_id: UUID, base: Anchor) -> bytes:
    return _keyed(key, "base", str(organization_id), base.number, base.link.hex())


def _keyed(key: bytes, *parts: Any) -> bytes:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.digest(key, text.encode(), "sha256")


def _key(wrapped: bytes) -> bytes:
    """The chain's own key; who reads it cannot read files with it."""
    return hmac.digest(unwrap_key(bytes(wrapped)), b"audit chain", sha256)
