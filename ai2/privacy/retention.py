"""Retention: how long the law wants books kept, how long we keep the rest, and what goes every night."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from ai2.connections import forgetting
from ai2.identity import audit, organizations
from ai2.identity import repository as identities
from ai2.identity.organizations import Organization, OrganizationNotFound
from ai2.kit import blobs, events
from ai2.kit.database import Connection, Database
from ai2.kit.errors import FieldError, Invalid, Stale
from ai2.privacy import repository
from ai2.reports.exports import service as exports

# Years for which accounting records are kept, and what says so. Where a law has shorter terms for some records (in
# Germany 8 years for vouchers since 2025) it is the longest, as books hold them all. They are defaults to be confirmed
# by whoever answers for the books, and no advice.
BOOKS_YEARS: dict[str, tuple[int, str]] = {
    "AT": (7, "BAO § 132"),
    "AU": (7, "Corporations Act 2001 s 286"),
    "BE": (10, "Code TVA art. 60"),
    "CA": (6, "Income Tax Act s 230"),
    "CH": (10, "OR Art. 958f"),
    "DE": (10, "AO § 147, HGB § 257"),
    "ES": (6, "Código de Comercio art. 30"),
    "FR": (10, "Code de commerce art. L123-22"),
    "GB": (6, "Finance Act 1998 sch. 18 para. 21"),
    "IE": (6, "Taxes Consolidation Act 1997 s 886"),
    "IT": (10, "Codice civile art. 2220"),
    "NL": (7, "AWR art. 52"),
    # the law names no number: 3 years mostly, and 7 the longest that its tax office advises where there is an end
    "US": (7, "26 CFR 1.6001-1; IRS Publication 583"),
}
# They count from the end of the calendar year in which the fiscal year ends (BAO § 132 (1), AO § 147 (4)); the others
# from the end of the fiscal year.
BY_CALENDAR_YEAR = frozenset({"AT", "DE"})
ELSEWHERE = (10, "the longest of those known here")
AUDIT_YEARS, EVENTS_DAYS = 10, 90
EXPORTS_DAYS, SESSIONS_DAYS, JOBS_DAYS, STRANDED_DAYS = 7, 90, 30, 90


@dataclass(frozen=True)
class Retention:
    """For how long an organization keeps what; `law` says why the books are kept for `law_years` at least."""

    books_years: int
    audit_years: int
    events_days: int
    law_years: int
    law: str
    version: int = 0


@dataclass(frozen=True)
class Purged:
    """What a night took away."""

    events: int
    audit_entries: int
    sessions: int
    invitations: int
    answers: int
    jobs: int
    users: int
    exports: int
    syncs: int


async def get(db: Connection, organization_id: UUID) -> Retention:
    """What holds for an organization."""
    country = (await organizations.get(db, organization_id)).country
    law_years, law = BOOKS_YEARS.get(country or "", ELSEWHERE)
    own = await repository.retention(db, organization_id) or {}
    return Retention(
        books_years=max(own.get("books_years") or law_years, law_years),
        audit_years=own.get("audit_years") or AUDIT_YEARS,
        events_days=own.get("events_days") or EVENTS_DAYS,
        law_years=law_years,
        law=law,
        version=own.get("version") or 0,
    )


async def update(
    db: Connection, organization_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Retention:
    """Change what is named. Books are kept for as long as the law wants, or longer."""
    await identities.lock_organization(db, organization_id)
    present = await get(db, organization_id)
    if version not in (None, present.version):
        raise Stale
    if (changes.get("books_years") or present.law_years) < present.law_years:
        told = f"is {present.law_years} or more: {present.law}"
        raise Invalid(errors=(FieldError("books_years", told),))
    await repository.put_retention(db, organization_id, changes)
    return await get(db, organization_id)


async def held_until(db: Connection, organization_id: UUID) -> date | None:
    """Until when the law wants the books kept; none where there are none, or not any more."""
    last = await repository.last_booked(db, organization_id)
    if last is None:
        return None
    until = kept_until(last, await organizations.get(db, organization_id), (await get(db, organization_id)).books_years)
    return until if until >= datetime.now(UTC).date() else None


async def purge(pipeline: Database, *, consumers: list[str]) -> Purged:
    """Take away what is past its time, in every organization; again, it finds nothing more."""
    now = datetime.now(UTC)
    counted = dict.fromkeys(("events", "audit_entries", "exports"), 0)
    async with pipeline.transaction() as db:
        everyone = [each.organization_id for each in await organizations.all_of_them(db)]
    for organization_id in everyone:
        async with pipeline.transaction() as db:
            try:
                kept = await get(db, organization_id)
            except OrganizationNotFound:  # it was erased meanwhile
                continue
            counted["events"] += await events.forget(db, organization_id, kept.events_days, consumers)
        async with pipeline.transaction() as db:
            before = now - timedelta(days=365.25 * kept.audit_years)
            counted["audit_entries"] += await audit.forget(db, organization_id, before)
        counted["exports"] += _forget_exports(organization_id, now - timedelta(days=EXPORTS_DAYS))
    counted["exports"] += await exports.purge(pipeline)
    async with pipeline.transaction() as db:
        forgotten = await repository.forget(db, sessions_days=SESSIONS_DAYS, jobs_days=JOBS_DAYS)
    async with pipeline.transaction() as db:
        users = await repository.anonymise_stranded(db, days=STRANDED_DAYS)
    syncs = await forgetting.purge(pipeline)
    return Purged(**counted, **forgotten, users=users, syncs=syncs)


def kept_until(booked_on: date, whose: Organization, years: int) -> date:
    """The last day on which the books of the fiscal year in which this day lies are kept."""
    begins = (whose.fiscal_year_start, whose.fiscal_year_start_day)
    begun = booked_on.year if (booked_on.month, booked_on.day) >= begins else booked_on.year - 1
    end = date(begun + 1 + years, *begins) - timedelta(days=1)
    return date(end.year, 12, 31) if whose.country in BY_CALENDAR_YEAR else end


def _forget_exports(organization_id: UUID, before: datetime) -> int:
    """Their names are ids, which say when they were made."""
    old = [
        name
        for name in blobs.names(f"exports/{organization_id}")
        if UUID(name[:36]).int >> 80 < before.timestamp() * 1000
    ]
    for name in old:
        blobs.delete_folder(f"exports/{organization_id}/{name}")
    return len(old)
