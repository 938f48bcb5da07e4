"""Assessed: what the tax rules say of everything that was booked on a report's days, by the columns it is in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.rates.service import EXACT, rounded
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.reports.forms import repository
from ai2.reports.model import Asked, Column, Told
from ml.tax import service as tax
from ml.tax import years
from ml.tax.answers import Case, TaxAnswer
from ml.tax.deduct import Profile
from ml.tax.rules import Rules

# So many are assessed at a time.
BATCH = 2_000


@dataclass(frozen=True)
class Assessed:
    """Answers beside what they are of, and where and how it is taxed. `currency` is that of the jurisdiction."""

    rules: Rules
    profile: Profile
    currency: str
    cases: list[tuple[Case, TaxAnswer]]


class TooManyToAssess(Invalid):
    """The report's days have more than 50,000 transactions to assess; take fewer days, or some accounts only."""


MOST = 50_000


async def assess(
    db: Connection, organization: Organization, asked: Asked, columns: Sequence[Column], known_at: Moment
) -> Assessed:
    """Everything booked on the days of these columns, as it was known then.

    Raises UnknownJurisdiction, UnknownYear, NoRulesThen and TooManyToAssess.
    """
    whose = organization.organization_id
    rules, profile = await tax.where(db, whose, asked.jurisdiction, known_at=known_at)
    currency = years.currency(profile.jurisdiction)
    if asked.currency not in (None, currency):
        expected = f"is {currency} or left out: the figures are for the return of {profile.jurisdiction}"
        raise Invalid(errors=(FieldError("currency", expected),))
    found: list[tuple[Case, TaxAnswer]] = []
    for start, end in stretches(columns):
        for day in (start, end):
            rules.check_day(profile.jurisdiction, day)
        ids = await repository.posted(
            db, whose, start, end, accounts=asked.account_ids, most=MOST + 1, known_at=known_at
        )
        if len(ids) > MOST:
            raise TooManyToAssess(errors=(FieldError("end_date", "is nearer to start_date"),))
        for batch in _batches(ids):
            found += await _answers(db, whose, batch, profile.jurisdiction, known_at)
    return Assessed(rules, profile, currency, found)


async def _answers(
    db: Connection, organization_id: UUID, ids: Sequence[UUID], jurisdiction: str, known_at: Moment
) -> list[tuple[Case, TaxAnswer]]:
    items = [tax.stored(each) for each in ids]
    analysis = await tax.analyse(db, organization_id, items, jurisdiction=jurisdiction, known_at=known_at)
    return list(zip(analysis.cases, analysis.items, strict=True))


def computed_by(known_at: Moment) -> tuple[str, ...]:
    """What such a report is made from."""
    present = ("ml.tax", "published.transactions")
    return present if known_at.is_present else (*present, "published.transaction_versions")


def stretches(columns: Iterable[Column]) -> list[tuple[date, date]]:
    """The days of these columns, each once: stretches that touch are one."""
    days = sorted((column.start, column.end) for column in columns if column.start and not column.is_derived)
    found: list[tuple[date, date]] = []
    for start, end in days:
        if found and start <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def within(columns: Iterable[Column], day: date | None) -> Iterator[str]:
    """The keys of the columns that have a day."""
    for column in columns:
        if day and column.start and not column.is_derived and column.start <= day <= column.end:
            yield column.key


def place_of(case: Case) -> int:
    """Which part of its transaction it is, counted as the ledger does."""
    return 1 if case.part is None else case.part + 1


def told(answer: TaxAnswer, *reasons: str) -> Told:
    """By what an answer was found."""
    rate = answer.converted
    return Told(
        rule_id=answer.rule_id,
        rule_version=answer.rule_version,
        law=answer.law,
        source=answer.source,
        status=answer.rule_status,
        grade=answer.rule_grade,
        rate=rate.rate if rate else None,
        rate_quoted_on=rate.quoted_on if rate else None,
        evidence_needed=tuple(answer.evidence_needed),
        reasons=(*answer.reasons, *reasons),
    )


def paid(case: Case, answer: TaxAnswer) -> tuple[Decimal | None, str | None]:
    """What left the account, in the currency of the answer and rounded as it is there; or why nobody knows."""
    if case.currency == answer.currency:
        return -case.amount + 0, None
    rate = answer.converted
    if rate is None or rate.rate is None:
        why = rate.reason if rate else "its currency is not said"
        return None, f"no rate from {case.currency}: {why}"
    return -rounded(EXACT.multiply(case.amount, rate.rate), answer.currency) + 0, None


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for first in range(0, len(ids), BATCH):
        yield ids[first : first + BATCH]
