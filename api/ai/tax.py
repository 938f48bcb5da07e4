"""Tax: what is deductible and by which rule, what may be besides, and the papers for it. General information only."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import IO, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from ai2.identity.organizations import TaxBasis, TaxBusiness, TaxRole, TaxScheme
from ai2.kit.database import Connection
from ai2.kit.money import exact
from ai2.kit.periods import EXPECTED, Period, read_period
from api.ai.analyze import Movement
from api.ai.tax_answers import TaxAnswerOut
from api.core.organization import DayOfMonth, Jurisdiction, Month, TaxNumber
from api.etags import IfMatch, mark
from api.pages import PageQuery, WholeQuery, cut
from api.schemas import Amount, AmountIn, Body, Instant, ListOf, Name, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.tax import asked, loading, pack, profile, service
from ml.tax.answers import Deductible, Evidence, TaxItem
from ml.tax.figures import NOTE
from ml.tax.heads import Head
from ml.tax.profile import TaxProfile
from ml.tax.rows import Boundary, Counter, Grade, KeyedOn, Kind, Mode, Status
from ml.tax.service import TaxAnalysis
from ml.tax.suggestions import SuggestionKind, suggestions

router = APIRouter(prefix="/api/ai", tags=["tax"], route_class=Unit)
PIECE_BYTES = 64 * 1024


def _read_year(value: Any) -> Any:
    """A number is a year as its digits are."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Year = Annotated[
    str,
    BeforeValidator(_read_year),
    StringConstraints(max_length=9),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}], "examples": ["2026", "2026-27"]}),
]
Where = Annotated[str, StringConstraints(max_length=10)]
JURISDICTION = "ISO 3166, with a province where it taxes: US, GB (or UK), CA-ON; by default that of your tax profile."
YEAR = "2026, or 2026-27 where it is not the calendar's; 2026 means the one that begins in it."
Share = Annotated[AmountIn, Field(ge=0, le=100)]


class TaxMovement(Movement):
    """A movement of money that need not be stored, and what you know of it."""

    id: Name | None = Field(default=None, description="Your own, by which its answer is found.")
    category: Name | None = Field(default=None, description="Its category, by predicted code, name or id.")
    head: Head | None = Field(default=None, description="The kind of expense, where the category does not tell.")
    business_use: Share | None = Field(default=None, description="How much of it is for business, in percent.")


class Wanted(Body):
    """Of which days, and by whose rules."""

    period: str | None = Field(default=None, max_length=50, description=f"A period: it {EXPECTED}.")
    jurisdiction: Where | None = Field(default=None, description=JURISDICTION)
    tax_year: Year | None = Field(default=None, description=YEAR)


class TaxAnalysisWanted(Wanted):
    """Stored transactions, others, or all that was booked in a period or a tax year."""

    transaction_ids: Annotated[list[UUID], Field(min_length=1, max_length=service.MOST)] | None = None
    transactions: Annotated[list[TaxMovement], Field(min_length=1, max_length=service.MOST)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "TaxAnalysisWanted":
        named = sum(each is not None for each in (self.transaction_ids, self.transactions, self.period))
        if named > 1 or (not named and self.tax_year is None):
            raise ValueError("needs transaction_ids, transactions, or a period or tax_year, and only one of them")
        return self


class LineOut(Out):
    """What stands on a line of a form."""

    form: str
    line: str
    confirmed: Amount
    possible: Amount


class TotalsOut(OfCurrency):
    """What the answers come to, what a person stands behind apart from what may be."""

    confirmed: Amount
    possible: Amount
    disallowed: Amount
    unverified: Amount = Field(description="How much of both rests on rules of a secondary source.")
    recoverable_confirmed: Amount = Field(description="Consumption tax, confirmed and with its invoice.")
    recoverable_possible: Amount
    unknown: int = Field(description="Answers of which no amount is known.")
    by_answer: dict[Deductible, int]
    by_line: list[LineOut]


class TaxYearOut(Out):
    """A tax year, both days included."""

    name: str
    start: date
    end: date


class TaxAnalysisOut(Out):
    """The answers in the order of the question, and what they come to."""

    jurisdiction: str
    tax_year: TaxYearOut | None
    as_of: Instant
    computed_by: str
    items: list[TaxAnswerOut]
    totals: TotalsOut
    note: str


class SuggestionsQuery(Wanted, PageQuery):
    """Of which days, by whose rules, and which page."""


class DeductionSuggestionOut(OfCurrency):
    """What may be deducted of a merchant's transactions, from least to most, and what to do for it."""

    key: str
    kind: SuggestionKind
    merchant: str | None
    head: str | None
    amount_low: Amount | None
    amount_high: Amount | None = Field(description="null: that depends on what is measured.")
    transactions: int
    transaction_ids: list[UUID] = Field(description="A hundred of them at most.")
    first_on: date | None
    last_on: date | None
    reason: str
    evidence: list[Evidence]
    field: Literal["tax", "business_use"] | None = Field(description="For POST /api/ai/feedback; null: something else.")
    value: str | None
    rule_id: str | None
    rule_version: str | None
    law: str | None
    source: str | None


class DeductionSuggestions(ListOf):
    """One page, those with the most at stake first."""

    jurisdiction: str
    as_of: Instant
    note: str
    items: list[DeductionSuggestionOut]


class TaxProfileIn(Body):
    """How you are taxed, whole: what is not named is not known."""

    jurisdiction: Jurisdiction | None = Field(default=None, description=JURISDICTION)
    role: TaxRole | None = None
    business: TaxBusiness | None = Field(default=None, description="What you do, as far as a rule depends on it.")
    registered: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="For VAT, GST or the like."
    )
    number: TaxNumber | None = None
    scheme: TaxScheme | None = Field(default=None, description="How consumption tax is owed.")
    basis: TaxBasis | None = Field(default=None, description="Expenses count when they are owed, or when paid.")
    fiscal_year_start: Month | None = Field(
        default=None, description="The month in which the fiscal year begins; with its day it stays where not named."
    )
    fiscal_year_start_day: DayOfMonth | None = None


class TaxProfileOut(Out):
    """How you are taxed, as far as it was said. It is a part of the organization's settings."""

    jurisdiction: str | None
    assumed_jurisdiction: str | None = Field(description="By which you are assessed: yours, or your country.")
    role: TaxRole | None
    business: TaxBusiness | None
    registered: bool | None
    number: str | None
    scheme: TaxScheme | None
    basis: TaxBasis | None
    fiscal_year_start: int
    fiscal_year_start_day: int
    version: int


class RulesQuery(WholeQuery):
    """Whose rules, of which year."""

    jurisdiction: Where = Field(description="ISO 3166, with a province where it taxes; UK is taken for GB.")
    year: Year | None = Field(default=None, description=YEAR)


class TierOut(Out):
    """What counts up to a quantity."""

    up_to: Amount | None
    value: Amount
    plus: Amount | None
    mode: Mode


class RuleOut(Out):
    """A fact, its dates, its law and its source. Without a value it was not published, and the note says so."""

    rule_id: str
    rule_version: str = Field(validation_alias="name")
    jurisdiction: str
    role: TaxRole | None
    kind: Kind
    value: Amount | None
    unit: str
    tiers: list[TierOut]
    boundary: Boundary | None
    cap_amount: Amount | None
    cap_distance: Amount | None
    counter: Counter | None
    valid_from: date
    valid_to: date | None
    keyed_on: KeyedOn
    status: Status
    grade: Grade
    instrument: str
    source_url: str
    read_on: date
    note: str | None
    lines: dict[str, str]


class TaxRules(ListOf):
    """The rules of a jurisdiction."""

    jurisdiction: str
    year: TaxYearOut | None
    note: str
    items: list[RuleOut]


@router.post("/tax-analysis", response_model=TaxAnalysisOut)
async def analyze_tax(wanted: TaxAnalysisWanted, db: Db, who: Caller) -> dict[str, Any]:
    """How much of each movement is deductible, by which rule, and what is still needed. Nothing is stored."""
    items: list[Any] | None = None
    if wanted.transaction_ids is not None:
        items = [service.stored(each) for each in dict.fromkeys(wanted.transaction_ids)]
    if wanted.transactions is not None:
        items = await _items(db, who.organization_id, wanted.transactions)
    found = await service.analyse(
        db,
        who.organization_id,
        items,
        period=_period(wanted.period),
        jurisdiction=wanted.jurisdiction,
        tax_year=wanted.tax_year,
    )
    return _analysis(found)


@router.get("/deduction-suggestions", response_model=DeductionSuggestions)
async def list_deduction_suggestions(
    db: Db, who: Caller, wanted: Annotated[SuggestionsQuery, Query()]
) -> dict[str, Any]:
    """Deductions that nobody confirmed, that were missed, or lack their papers; by default of this tax year."""
    found = await _of_days(db, who.organization_id, wanted)
    page = cut(suggestions(found), wanted, lambda each: each.key)
    return {**page, "jurisdiction": found.jurisdiction, "as_of": datetime.now(UTC), "note": NOTE}


@router.get(
    "/tax/evidence-pack",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            "description": "Rows, receipts and the text of the rules, with a manifest of digests.",
        }
    },
)
async def download_evidence_pack(db: Db, who: Caller, wanted: Annotated[Wanted, Query()]) -> Response:
    """The papers of a period or tax year as a ZIP. The same books, receipts and rules make the same bytes."""
    found = await _of_days(db, who.organization_id, wanted)
    made = await pack.write(db, who.organization_id, found)
    name = found.tax_year.name if found.tax_year else "period"
    headers = {
        "Content-Disposition": f'attachment; filename="tax-{found.jurisdiction}-{name}.zip"',
        "X-Content-SHA256": made.digest,
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_pieces(made.file), headers=headers, media_type="application/zip")


@router.get("/tax/profile", response_model=TaxProfileOut)
async def get_tax_profile(db: Db, who: Caller, response: Response) -> TaxProfile:
    """How you are taxed, as far as it was said."""
    known = await profile.get(db, who.organization_id)
    mark(response, known.version)
    return known


@router.put("/tax/profile", response_model=TaxProfileOut)
async def put_tax_profile(said: TaxProfileIn, db: Db, who: Caller, response: Response, version: IfMatch) -> TaxProfile:
    """Say how you are taxed. It is the same profile as in the organization's settings."""
    rules = await loading.current(db)
    named = {name: value for name, value in said if value is not None or name in profile.FIELDS}
    known = await profile.put(db, who.organization_id, rules, named, version=version)
    mark(response, known.version)
    return known


@router.get("/tax/rules", response_model=TaxRules)
async def list_tax_rules(db: Db, _: Caller, wanted: Annotated[RulesQuery, Query()]) -> dict[str, Any]:
    """The rules that answers are given by, each with its law and its source."""
    year, rows = await service.rules_of(db, wanted.jurisdiction, wanted.year)
    page = cut(rows, wanted, lambda row: f"{row.rule_id} {row.name}")
    where = (await loading.current(db)).jurisdiction(wanted.jurisdiction)
    return {**page, "jurisdiction": where, "year": year, "note": NOTE}


async def _of_days(db: Connection, organization_id: UUID, wanted: Wanted) -> TaxAnalysis:
    """All that was booked in the period, or in the tax year; without either in the present one."""
    year = wanted.tax_year
    if year is None and wanted.period is None:
        year = await service.this_year(db, organization_id, wanted.jurisdiction, datetime.now(UTC).date())
    return await service.analyse(
        db, organization_id, period=_period(wanted.period), jurisdiction=wanted.jurisdiction, tax_year=year
    )


async def _items(db: Connection, organization_id: UUID, movements: list[TaxMovement]) -> list[TaxItem]:
    names = [movement.category for movement in movements if movement.category]
    codes = await asked.codes_of(db, organization_id, names)
    await asked.check_accounts(db, organization_id, [each.account_id for each in movements if each.account_id])
    return [
        TaxItem(
            description=movement.description,
            amount=exact(movement.amount, movement.currency) if movement.currency else movement.amount,
            currency=movement.currency,
            date=movement.date,
            merchant=movement.merchant,
            mcc=movement.mcc,
            id=movement.id,
            codes=codes.get(movement.category or "", ()),
            head=movement.head,
            business_pct=movement.business_use,
        )
        for movement in movements
    ]


def _period(text: str | None) -> Period | None:
    return read_period(text, datetime.now(UTC).date()) if text is not None else None


def _analysis(found: TaxAnalysis) -> dict[str, Any]:
    return {
        **vars(found),
        "as_of": datetime.now(UTC),
        "computed_by": f"tax rules {found.rules.digest[:12]}",
        "note": NOTE,
    }


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
