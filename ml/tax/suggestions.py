"""Suggestions: deductions that nobody confirmed, that were missed, or that lack their papers; merchant by merchant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ai2.kit.errors import Problem
from ml.tax.answers import Case, Evidence, TaxAnswer
from ml.tax.home import METHODS
from ml.tax.rules import Rules
from ml.tax.service import TaxAnalysis

# unconfirmed: a person has to say that it is for the business. missed: nobody said what it was, or another kind would
# count. papers: confirmed, but its receipt is not there. method: a flat rate could take the place of receipts.
SuggestionKind = Literal["unconfirmed", "missed", "papers", "method"]
NOTHING = Decimal(0)
# Of more of them only the first are named.
NAMED = 100
AT_HOME = frozenset({"rent", "utilities", "telephone"})


@dataclass(frozen=True, kw_only=True)
class DeductionSuggestion:
    """What may be deducted, from `amount_low` to `amount_high`, and what has to be done for it.

    `field` and `value` are what POST /api/ai/feedback takes for it; none where another thing is to be done.
    """

    key: str
    kind: SuggestionKind
    merchant: str | None
    head: str | None
    amount_low: Decimal | None
    amount_high: Decimal | None
    currency: str
    transactions: int
    transaction_ids: tuple[UUID, ...]
    first_on: date | None
    last_on: date | None
    reason: str
    evidence: tuple[Evidence, ...]
    field: Literal["tax", "business_use"] | None
    value: str | None
    rule_id: str | None
    rule_version: str | None
    law: str | None
    source: str | None


Found = list[tuple[Case, TaxAnswer]]


def suggestions(analysis: TaxAnalysis) -> list[DeductionSuggestion]:
    """The suggestions of an analysis, those with the most at stake first."""
    groups: dict[tuple[SuggestionKind, str, str], Found] = {}
    for case, answer in zip(analysis.cases, analysis.items, strict=True):
        kind = _kind(case, answer)
        if kind:
            groups.setdefault((kind, case.merchant_key, answer.head or ""), []).append((case, answer))
    found = [_of_group(kind, merchant, head, group) for (kind, merchant, head), group in groups.items()]
    worth = [each for each in found if each.amount_high is None or each.amount_high > 0]
    worth += _methods(analysis)
    return sorted(worth, key=lambda each: (-(each.amount_high or NOTHING), each.key))


def _kind(case: Case, answer: TaxAnswer) -> SuggestionKind | None:
    is_unsaid = answer.confirmed_by is None
    if answer.possible:
        return "unconfirmed"
    if answer.confirmed:
        return "papers" if {"receipt", "tax_invoice"} & set(answer.evidence_needed) else None
    if case.amount < 0 and is_unsaid and "category" in answer.evidence_needed:
        return "missed"
    return "missed" if answer.head == "meals" and answer.deductible == "no" and is_unsaid else None


def _of_group(kind: SuggestionKind, merchant: str, head: str, group: Found) -> DeductionSuggestion:
    _, answer = group[0]
    low, high = _range(kind, group)
    days = sorted(case.date for case, _ in group if case.date)
    ids = list(dict.fromkeys(case.transaction_id for case, _ in group if case.transaction_id))
    reason, field, value = _advice(kind, answer)
    return DeductionSuggestion(
        key=f"{kind}:{head}:{merchant}",
        kind=kind,
        merchant=merchant or None,
        head=head or None,
        amount_low=low,
        amount_high=high,
        currency=answer.currency,
        transactions=len(group),
        transaction_ids=tuple(ids[:NAMED]),
        first_on=days[0] if days else None,
        last_on=days[-1] if days else None,
        reason=reason,
        evidence=tuple(dict.fromkeys(each for _, one in group for each in one.evidence_needed)),
        field=field,
        value=value,
        rule_id=answer.rule_id,
        rule_version=answer.rule_version,
        law=answer.law,
        source=answer.source,
    )


def _range(kind: SuggestionKind, group: Found) -> tuple[Decimal | None, Decimal | None]:
    """What counts at least and at most. What may be private may count for nothing."""
    if kind == "missed":
        paid = [-case.amount for case, answer in group if case.currency == answer.currency]
        return (NOTHING, sum(paid, NOTHING)) if paid else (None, None)
    if kind == "papers":
        return NOTHING, sum((answer.confirmed for _, answer in group), NOTHING)
    sure = sum((answer.possible for _, answer in group if answer.deductible in ("yes", "partly")), NOTHING)
    return sure, sum((answer.possible for _, answer in group), NOTHING)


def _advice(kind: SuggestionKind, answer: TaxAnswer) -> tuple[str, Literal["tax", "business_use"] | None, str | None]:
    if kind == "papers":
        return "confirmed, but the receipt or invoice is not beside it: attach it", None, None
    if kind == "missed" and answer.head == "meals":
        return "taken for entertainment; one's own meal on a business journey would count", "tax", "subsistence"
    if kind == "missed":
        return "nobody said what it was for; if it was for the business it may count", "tax", "yes"
    if answer.deductible == "needs_evidence":
        return "may be private or for the business: say how much of it is for business", "business_use", "100"
    return "by its nature for the business: confirm it", "tax", "yes"


def _methods(analysis: TaxAnalysis) -> Iterator[DeductionSuggestion]:
    """Flat methods for what is paid at home, where their figure is published."""
    at_home = [
        (case, answer) for case, answer in zip(analysis.cases, analysis.items, strict=True) if answer.head in AT_HOME
    ]
    method = METHODS.get(analysis.jurisdiction[:2])
    if not at_home or method is None:
        return
    rule_id, measure = method
    case, answer = at_home[0]
    try:
        row = analysis.rules.get(rule_id, case.date or date.min)
    except Problem:
        return
    yield DeductionSuggestion(
        key=f"method:home:{rule_id}",
        kind="method",
        merchant=None,
        head="home",
        amount_low=NOTHING,
        amount_high=row.cap_amount or _most_of_a_year(analysis.rules, rule_id, case.date),
        currency=answer.currency,
        transactions=len(at_home),
        transaction_ids=tuple(dict.fromkeys(c.transaction_id for c, _ in at_home if c.transaction_id))[:NAMED],
        first_on=min((c.date for c, _ in at_home if c.date), default=None),
        last_on=max((c.date for c, _ in at_home if c.date), default=None),
        reason=f"if you work at home a flat rate may count instead of the actual costs; it is measured by {measure}",
        evidence=("business_purpose",),
        field=None,
        value=None,
        rule_id=row.rule_id,
        rule_version=row.name,
        law=row.instrument,
        source=row.source_url,
    )


def _most_of_a_year(rules: Rules, rule_id: str, on: date | None) -> Decimal | None:
    """Twelve months of the highest tier; none where there is no highest."""
    row = rules.find(rule_id, on or date.min)
    return row.tiers[-1].value * 12 if row and row.tiers and row.tiers[-1].mode == "flat" else None
