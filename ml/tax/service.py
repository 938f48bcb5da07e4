"""The tax service: what of an organization's money is deductible, and what people say of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.transactions.service import Transaction
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.money import exponent
from ai2.kit.periods import Period
from ml.answers import Analysis
from ml.tax import confirmations, deduct, loading, profile, repository, years
from ml.tax.answers import Case, Confirmed, Conversion, Movement, TaxAnswer, TaxItem
from ml.tax.cases import cases
from ml.tax.confirmations import Field, Said
from ml.tax.deduct import Profile
from ml.tax.rows import Row
from ml.tax.rules import Rules
from ml.tax.totals import Totals, totals
from ml.tax.years import TaxYear

# As many as are answered at once.
MOST = 10_000


class TooMany(Invalid):
    """The period has more transactions than are assessed at once; ask for a shorter one."""


@dataclass(frozen=True)
class TaxAnalysis:
    """Answers, what they come to, and by what they were found."""

    jurisdiction: str
    tax_year: TaxYear | None
    period: Period | None
    # what was assessed, each beside its answer in `items`
    cases: list[Case]
    items: list[TaxAnswer]
    totals: Totals
    rules: Rules


async def assess(
    db: Connection,
    organization_id: UUID,
    items: Sequence[Movement],
    jurisdiction: str | None = None,
    tax_year: str | None = None,
    *,
    analyses: Sequence[Analysis] | None = None,
    organization: Organization | None = None,
    said: Said | None = None,
) -> list[TaxAnswer]:
    """An answer for each item, or for each part of one that is split, in their order.

    Stored ones (by their transaction_id) are as the books have them. Of others `analyses` says what they are, where
    the caller knows it; else the categoriser is asked. `organization`, and what people `said` of the items, save asking
    for them again.

    Raises UnknownJurisdiction, UnknownYear and TransactionNotFound.
    """
    rules = await loading.current(db)
    whose = organization or await organizations.get(db, organization_id)
    found = await _assess(db, rules, whose, items, jurisdiction, tax_year, analyses, said=said)
    return [answer for _, answer in found]


async def analyse(
    db: Connection,
    organization_id: UUID,
    items: Sequence[Movement] | None = None,
    *,
    period: Period | None = None,
    jurisdiction: str | None = None,
    tax_year: str | None = None,
    known_at: Moment | None = None,
) -> TaxAnalysis:
    """The answers and what they come to; without items of all that was booked in a period, or in a tax year.

    What is stored (items are, then) is as it is, or as it was known at a moment, by the rules of then.
    """
    rules, organization = await _rules_and_whose(db, organization_id, known_at)
    where = profile.of(rules, organization, jurisdiction).jurisdiction
    year = _year(rules, where, tax_year)
    if items is None:
        period = period or _whole(year)
        items = await booked(db, organization_id, rules, where, period)
    found = await _assess(db, rules, organization, items, where, tax_year, None, known_at)
    answers = [answer for _, answer in found]
    return TaxAnalysis(
        jurisdiction=where,
        tax_year=year,
        period=period,
        cases=[case for case, _ in found],
        items=answers,
        totals=totals(answers, years.currency(where)),
        rules=rules,
    )


async def this_year(db: Connection, organization_id: UUID, jurisdiction: str | None, today: date) -> str:
    """The name of the tax year that a day lies in."""
    rules = await loading.current(db)
    where = profile.of(rules, await organizations.get(db, organization_id), jurisdiction)
    return years.of(where.jurisdiction, today).name


async def rules_of(db: Connection, jurisdiction: str, year: str | None) -> tuple[TaxYear | None, list[Row]]:
    """The rules of a jurisdiction, all of them or those of a tax year. Raises UnknownJurisdiction and UnknownYear."""
    rules = await loading.current(db)
    where = rules.jurisdiction(jurisdiction)
    wanted = _year(rules, where, year)
    stretch = (wanted.start, wanted.end) if wanted else (date.min, date.max)
    return wanted, rules.of(where, *stretch)


async def booked(
    db: Connection, organization_id: UUID, rules: Rules, jurisdiction: str, period: Period
) -> list[Movement]:
    """What was booked in a period, to be assessed. Raises UnknownYear and TooMany."""
    for day in (period.start, period.end):
        rules.check_day(jurisdiction, day)
    wanted = {"start": period.start, "end": period.end, "most": MOST + 1}
    ids = await repository.posted_between(db, organization_id, **wanted)
    if len(ids) > MOST:
        raise TooMany(errors=(FieldError("period", f"has at most {MOST:,} transactions"),))
    return [stored(each) for each in ids]


def stored(transaction_id: UUID) -> Movement:
    """A transaction of the books, as an item: all else is read there."""
    return TaxItem("", Decimal(0), transaction_id=transaction_id)


async def where(
    db: Connection, organization_id: UUID, jurisdiction: str | None, *, known_at: Moment | None = None
) -> tuple[Rules, Profile]:
    """The rules, and how an organization is taxed in a jurisdiction, or where it says it is: now, or at a moment."""
    rules, organization = await _rules_and_whose(db, organization_id, known_at)
    return rules, profile.of(rules, organization, jurisdiction)


async def grounds(db: Connection, organization_id: UUID, known_at: Moment) -> tuple[tuple[Any, ...], str]:
    """How an organization was taxed at a moment, and the name of the state of the rules."""
    organization = await profile.organization_at(db, organization_id, known_at)
    rules = await loading.known_at(db, known_at)
    return tuple(getattr(organization, name) for name in profile.TAXED_BY), rules.digest


async def said_since(
    db: Connection, organization_id: UUID, transaction_ids: Collection[UUID], since: Moment
) -> set[UUID]:
    """Those of these transactions of which, or of whose merchant, people said something after a moment."""
    return await repository.said_since(db, organization_id, list(transaction_ids), since)


async def codes(db: Connection, organization_id: UUID, known_at: Moment) -> dict[UUID, list[str]]:
    """The predicted categories that each category stood for."""
    return await repository.codes(db, organization_id, known_at=known_at)


async def prepare(db: Connection) -> None:
    """Have new files of rules loaded, so that a moment from now on knows them."""
    await loading.current(db)


async def _rules_and_whose(
    db: Connection, organization_id: UUID, known_at: Moment | None
) -> tuple[Rules, Organization]:
    if known_at is None:
        return await loading.current(db), await organizations.get(db, organization_id)
    rules = await loading.known_at(db, known_at)
    return rules, await profile.organization_at(db, organization_id, known_at)


async def confirm(
    db: Connection,
    organization_id: UUID,
    transaction: Transaction,
    field: Field,
    value: str,
    *,
    apply_to: str,
    said_by: str,
) -> int:
    """Take a person's word for what a transaction is to the taxman, or how much of it is for business.

    `tax` is yes, no, or a head of expense; `business_use` a percentage. Says how many others of its merchant follow.
    """
    return await confirmations.keep(db, organization_id, transaction, field, value, apply_to=apply_to, said_by=said_by)


async def _assess(
    db: Connection,
    rules: Rules,
    organization: Organization,
    items: Sequence[Movement],
    jurisdiction: str | None,
    tax_year: str | None,
    analyses: Sequence[Analysis] | None,
    known_at: Moment | None = None,
    said: Said | None = None,
) -> list[tuple[Case, TaxAnswer]]:
    known = profile.of(rules, organization, jurisdiction)
    year = _year(rules, known.jurisdiction, tax_year)
    found = await cases(db, organization.organization_id, items, analyses, known_at=known_at)
    every = [case for of_item in found for case in of_item]
    for case in every:
        _check_day(rules, known.jurisdiction, case, year)
    if said is None:
        said = await confirmations.said(db, organization.organization_id, every, known_at=known_at)
    into = years.currency(known.jurisdiction)
    rate_of = await _conversions(db, organization.organization_id, into, every, known_at)
    return [
        (case, _answer(rules, known, case, said.of(case), rate_of.get((case.currency, case.date)), year))
        for case in every
    ]


def _answer(
    rules: Rules, known: Profile, case: Case, said: Confirmed | None, rate: Conversion | None, year: TaxYear | None
) -> TaxAnswer:
    """Without a day the year's, where all of it comes to the same."""
    if case.date is None and year is not None:
        first, last = (
            deduct.answer(rules, known, replace(case, date=day), said, rate) for day in (year.start, year.end)
        )
        if (first.rule_version, first.amount) == (last.rule_version, last.amount):
            return first
    answer = deduct.answer(rules, known, case, said, rate)
    return replace(answer, converted=rate) if rate else answer


def _year(rules: Rules, jurisdiction: str, tax_year: str | None) -> TaxYear | None:
    if tax_year is None:
        return None
    year = years.read(jurisdiction, tax_year)
    rules.check_year(jurisdiction, year.start.year)
    return year


def _whole(year: TaxYear | None) -> Period:
    if year is None:
        raise Invalid(errors=(FieldError("period", "or a tax_year is needed where no transactions are named"),))
    return Period(year.start, year.end)


def _check_day(rules: Rules, jurisdiction: str, case: Case, year: TaxYear | None) -> None:
    if case.date is None:
        return
    rules.check_day(jurisdiction, case.date)
    if year and not year.start <= case.date <= year.end:
        raise Invalid(errors=(FieldError("tax_year", f"{year.name} does not have {case.date.isoformat()}"),))


async def _conversions(
    db: Connection, organization_id: UUID, into: str, every: Sequence[Case], known_at: Moment | None
) -> dict[tuple[str | None, date | None], Conversion]:
    """The rate of the day for what is in another currency; a rate that is not known stays unknown, with its reason."""
    asked = {(case.currency, case.date) for case in every if case.currency and case.date and case.currency != into}
    wanted = {(currency, day) for currency, day in asked if currency and day}
    for currency, _ in wanted:
        exponent(currency)
    found = await rates.converter(db, organization_id, into, wanted, known_at=known_at) if wanted else {}
    return {
        (rate.base, rate.on): Conversion(rate.base, into, rate.rate, rate.quoted_on, rate.source, rate.reason)
        for rate in found.values()
    }
