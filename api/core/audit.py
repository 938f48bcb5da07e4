"""Audit: who did what, and whether what is said of that was changed since."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from ai2.identity import audit
from ai2.identity.audit import Anchor, Entry, Verdict
from ai2.kit.errors import FieldError, Invalid
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Instant, InstantIn, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/audit", tags=["audit"], route_class=Unit)

LAST = 2**63 - 1
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_:.-]+$")]
Link = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AuditQuery(PageQuery):
    """Which entries."""

    actor: Word | None = Field(default=None, description="`user:<id>`, `api_key:<id>`, `batch:<id>` or `system`.")
    operation: Word | None = Field(default=None, description="As /openapi.json names it (operationId).")
    entity_id: UUID | None = Field(default=None, description="What it was done to.")
    start_at: InstantIn | None = None
    end_at: InstantIn | None = Field(default=None, description="Not included itself.")


class AuditEntry(Out):
    """Who did what and when."""

    number: int
    at: Instant
    actor: str
    operation: str
    entity_kind: str | None
    entity_id: UUID | None
    details: dict[str, Any] | None = Field(
        description="The request's id, a digest of the address, the names of changed fields; null: they were erased."
    )
    link: str = Field(description="By which the entry hangs on the one before it.")


class AuditEntries(ListOf):
    """One page, the last entry first."""

    items: list[AuditEntry]


class AuditAnchor(Out):
    """A place in the chain. Kept elsewhere, it shows later whether the chain still leads through it."""

    number: int
    link: str | None


class AuditVerdict(Out):
    """Whether the chain holds."""

    holds: bool
    entries: int = Field(description="So many were looked at.")
    begins_after: int = Field(description="The retention has taken the entries up to this one.")
    broken_at: int | None = Field(description="The first entry that is not as it was written.")
    why: str | None = Field(
        description="changed, missing, details_changed, cut_off, beginning_moved or anchor_not_met."
    )
    anchor: AuditAnchor = Field(description="The last entry that holds.")


class VerifyQuery(Body):
    """An anchor from before, where there is one."""

    number: int | None = Field(default=None, ge=1, le=LAST)
    link: Link | None = None


@router.get("", response_model=AuditEntries)
async def list_audit(db: Db, who: Caller, wanted: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
    """Who did what, the last first."""
    chosen: dict[str, Any] = {
        "actor": wanted.actor,
        "operation": wanted.operation,
        "entity_id": wanted.entity_id,
        "start": wanted.start_at,
        "end": wanted.end_at,
    }
    before = read_cursor(wanted.cursor, _number)
    found = await audit.page(db, who.organization_id, before=before, limit=wanted.limit + 1, **chosen)
    page = found[: wanted.limit]
    return {
        "items": [_entry(each) for each in page],
        "next_cursor": write_cursor(page[-1].number if len(found) > wanted.limit else None),
        "total": await audit.total(db, who.organization_id, **chosen) if wanted.include else None,
    }


@router.get("/verify", response_model=AuditVerdict)
async def verify_audit(db: Db, who: Caller, known: Annotated[VerifyQuery, Query()]) -> dict[str, Any]:
    """Follow the chain from end to end; with an anchor that you kept, through that too."""
    if (known.number is None) != (known.link is None):
        raise Invalid(errors=(FieldError("number", "and link are the two parts of an anchor"),))
    kept = Anchor(known.number, bytes.fromhex(known.link)) if known.number and known.link else None
    return _verdict(await audit.verify(db, who.organization_id, kept))


def _number(text: str) -> int:
    """An entry's number, as the database can hold it."""
    number = int(text)
    if not 0 < number <= LAST:
        raise ValueError
    return number


def _entry(entry: Entry) -> dict[str, Any]:
    return {**vars(entry), "link": bytes(entry.link).hex()}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    end = {"number": verdict.end.number, "link": verdict.end.link.hex() or None}
    return {**vars(verdict), "holds": verdict.holds, "anchor": end}
