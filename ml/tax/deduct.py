"""Deducting: what one movement of money comes to by the rules, without a database."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ai2.books.rates.service import rounded
from ai2.identity.organizations import TaxRole
from ai2.kit.errors import Problem
from ml.tax import capital, consumption, evidence, heads, lines, years
from ml.tax.answers import Case, Confirmed, Conversion, Deductible, Evidence, TaxAnswer
from ml.tax.consumption import ConsumptionTax
from ml.tax.figures import Treatment, Used, used
from ml.tax.gifts import gift
from ml.tax.heads import Kind
from ml.tax.rules import Rules
from ml.tax.shares import share

NOTHING, HUNDRED, CENT = Decimal(0), Decimal(100), Decimal("0.01")
NO_EXPENSE = {
    "personal": "personal, as far as its category tells; if it was for the business, say so",
    "transfer": "a transfer between accounts is no expense",
    "income": "income is no expense",
    "loan": "paying a loan back is no expense; the interest in it may be: split it off",
    "tax": "the tax itself is no expense of the business",
    "relief": "a gift to charity is no expense of the business; there may be a relief for the person",
}


@dataclass(frozen=True)
class Profile:
    """How an organization is taxed, as far as it was said."""

    jurisdiction: str
    role: TaxRole | None = None
    business: str | None = None
    registered: bool | None = None
    scheme: str | None = None


@dataclass(frozen=True)
class Allowed:
    """What counts of a cost, or none where nobody can say; by which rule, as what, and why."""

    amount: Decimal | None
    rule: Used | None
    reasons: tuple[str, ...]
    treatment: Treatment | None = "expense"


def answer(
    rules: Rules, profile: Profile, case: Case, said: Confirmed | None = None, conversion: Conversion | None = None
) -> TaxAnswer:
    """The answer for one case. `conversion` is that of its currency, where that is another one."""
    said = said or Confirmed()
    kind = _kind(case, said)
    blank = _blank(profile, case, kind, said)
    if refused := _no_expense(case, kind, said):
        return replace(blank, deductible="no", percentage=NOTHING, amount=NOTHING, reasons=(refused,))
    if kind is None or kind.head is None:
        return _unknown(blank, "category", "nobody said what it was for")
    if profile.role == "employee":
        return _unknown(blank, "business_purpose", "what employees may deduct is not among these rules")
    if case.date is None:
        return _unknown(blank, "date", "the rule depends on the day")
    gross, reason = _gross(case, conversion, blank.currency)
    if gross is None:
        return _unknown(blank, "currency", reason)
    return _reckoned(rules, profile, case, kind, said, blank, gross, case.date)


def _kind(case: Case, said: Confirmed) -> Kind | None:
    """What it is: by a person's word, by its merchant, by its category."""
    if said.head:
        return Kind(said.head, "business", "a person said what it was")
    if case.head:
        return Kind(case.head, "mixed", "the question says what it was")
    found = heads.of_codes(case.codes)
    is_settled = found is not None and (case.is_decided or found.nature in ("transfer", "income", "loan", "tax"))
    if not is_settled:
        found = heads.of_merchant(case.merchant_key, case.mcc) or found
    if _is_for_business(said) and (found is None or found.head is None):
        return Kind("other", "business", "a person said that it was for the business")
    return found


def _is_for_business(said: Confirmed) -> bool:
    return said.is_deductible is True or bool(said.business_pct)


def _no_expense(case: Case, kind: Kind | None, said: Confirmed) -> str | None:
    """Why it is no expense at all; none where it may be one."""
    if said.is_deductible is False or said.business_pct == NOTHING:
        return "a person said that it is not deductible"
    if case.is_transfer:
        return NO_EXPENSE["transfer"]
    if case.business_pct == NOTHING:
        return "none of it is for business"
    if kind and kind.nature in NO_EXPENSE:
        return f"{kind.reason}: {NO_EXPENSE[kind.nature]}"
    if case.amount > 0 and kind is None:
        return "money came in, and no category says that it is a refund"
    return None


def _blank(profile: Profile, case: Case, kind: Kind | None, said: Confirmed) -> TaxAnswer:
    jurisdiction = profile.jurisdiction
    return TaxAnswer(
        deductible="needs_evidence",
        percentage=None,
        amount=None,
        currency=years.currency(jurisdiction),
        head=kind.head if kind else None,
        nature=kind.nature if kind else None,
        jurisdiction=jurisdiction,
        tax_year=years.of(jurisdiction, case.date).name if case.date else None,
        confirmed_by=said.said_by,
        transaction_id=case.transaction_id,
        part=case.part,
        id=case.id,
    )


def _unknown(blank: TaxAnswer, needed: Evidence, reason: str) -> TaxAnswer:
    return replace(blank, evidence_needed=(needed,), reasons=(reason,))


def _gross(case: Case, conversion: Conversion | None, currency: str) -> tuple[Decimal | None, str]:
    """What was paid, without its sign, in the jurisdiction's currency; or why that is not known."""
    paid = abs(case.amount)
    if case.currency is None:
        return None, "its currency is not said"
    if case.currency == currency:
        return paid, ""
    if conversion is None or conversion.rate is None:
        return None, f"no rate from {case.currency}: {conversion.reason if conversion else 'none was asked for'}"
    return rounded(paid * conversion.rate, currency), ""


def _reckoned(
    rules: Rules, profile: Profile, case: Case, kind: Kind, said: Confirmed, blank: TaxAnswer, gross: Decimal, on: date
) -> TaxAnswer:
    head, jurisdiction = str(kind.head), profile.jurisdiction
    business = _first(said.business_pct, case.business_pct, HUNDRED) / HUNDRED
    tax = consumption.consumption_tax(
        rules, jurisdiction, head, on, gross, registered=profile.registered, scheme=profile.scheme
    )
    # What is recovered is no cost. A threshold is held against the whole, and then the business's share counts.
    whole = gross - (tax.recoverable or NOTHING)
    allowed = _allowed(rules, profile, head, on, whole)
    tax = replace(tax, recoverable=None if tax.recoverable is None else tax.recoverable * business)
    is_confirmed = _is_confirmed(case, kind, said)
    needed = (
        *evidence.papers(
            rules, jurisdiction, head, on, gross, registered=profile.registered, has_receipt=case.has_receipt
        ),
        *evidence.facts(head, is_mixed=kind.nature == "mixed", is_confirmed=is_confirmed),
    )
    told = replace(
        _ruled(blank, allowed),
        evidence_needed=needed,
        consumption_tax=_rounded_tax(tax, blank.currency, case.amount > 0),
        reasons=(kind.reason, *allowed.reasons, *((tax.reason,) if tax.reason else ())),
    )
    if allowed.amount is None:
        return told
    verdict = _verdict(allowed.amount * business, kind, is_confirmed=is_confirmed)
    told = replace(told, deductible=verdict)
    cost = gross - (tax.recoverable or NOTHING)
    return _with_amounts(rules, told, case, allowed.amount * business, cost, is_kept=is_confirmed and case.is_posted)


def _with_amounts(
    rules: Rules, told: TaxAnswer, case: Case, allowed: Decimal, cost: Decimal, *, is_kept: bool
) -> TaxAnswer:
    sign = -1 if case.amount > 0 else 1
    paid, counts = rounded(cost, told.currency), rounded(allowed, told.currency)
    percentage = (allowed / cost * HUNDRED).quantize(CENT) if cost else HUNDRED
    form = lines.line(rules, told.jurisdiction, str(told.head), case.date or date.min)
    amount = sign * counts + 0
    notes = (
        ("a refund: it takes from what was deducted",) if sign < 0 else (),
        () if case.is_posted else ("announced by the bank, not booked",),
        (f"{form.form}: {form.reason}",) if form and form.reason else (),
    )
    return replace(
        told,
        deductible="partly" if told.deductible == "yes" and percentage < HUNDRED else told.deductible,
        percentage=percentage,
        amount=amount,
        confirmed=amount if is_kept else NOTHING,
        possible=NOTHING if is_kept else amount,
        disallowed=sign * (paid - counts) + 0,
        form=form.form if form else None,
        lines={name: sign * value + 0 for name, value in lines.amounts(paid, counts, form).items()},
        reasons=(*told.reasons, *(note for each in notes for note in each)),
    )


def _verdict(allowed: Decimal, kind: Kind, *, is_confirmed: bool) -> Deductible:
    """Whether it counts; of what counts in part the percentage tells."""
    if not allowed:
        return "no"
    return "needs_evidence" if kind.nature == "mixed" and not is_confirmed else "yes"


def _is_confirmed(case: Case, kind: Kind, said: Confirmed) -> bool:
    """Whether a person stands behind it: by their word, or by choosing a category that can only be the business's."""
    return _is_for_business(said) or said.head is not None or (kind.nature == "business" and case.is_decided)


def _allowed(rules: Rules, profile: Profile, head: str, on: date, cost: Decimal) -> Allowed:
    """What counts of a cost that is the business's. A figure that is not published is not guessed."""
    country = profile.jurisdiction[:2]
    try:
        if head == "equipment" and country in capital.METHODS:
            found = capital.equipment(rules, profile.jurisdiction, on, cost)
            return Allowed(found.amount, found.rules[0], found.reasons, found.treatment)
        cap = rules.find(f"{country.lower()}.gifts", on) if head == "gifts" else None
        if cap and cap.kind == "cap":
            found = gift(rules, profile.jurisdiction, on, cost)
            return Allowed(found.amount, found.rules[0], (*found.reasons, "as if one recipient had all of it"))
    except Problem as problem:
        return Allowed(None, None, (problem.detail,))
    return _by_share(rules, profile, head, on, cost)


def _by_share(rules: Rules, profile: Profile, head: str, on: date, cost: Decimal) -> Allowed:
    per_diem = rules.find("de.per_diem.day", on) if head == "subsistence" and profile.jurisdiction == "DE" else None
    if per_diem:
        return Allowed(NOTHING, used(per_diem), ("own meals on a journey count by per diems, not by receipts",))
    row = share(rules, profile.jurisdiction, head, on, role=profile.role, business=profile.business)
    if row is None or row.value is None:
        return Allowed(None, None, ("no rule of such expenses is known for this day",))
    reasons = [row.note] if row.note else []
    if head == "meals" and row.value == 0:
        reasons.append("taken for entertainment; one's own meal on a business journey is subsistence: say so")
    return Allowed(cost * row.value / HUNDRED, used(row), tuple(reasons))


def _ruled(blank: TaxAnswer, allowed: Allowed) -> TaxAnswer:
    rule = allowed.rule
    if rule is None:
        return blank
    return replace(
        blank,
        treatment=allowed.treatment,
        rule_id=rule.rule_id,
        rule_version=rule.rule_version,
        law=rule.law,
        source=rule.source,
        rule_status=rule.status,
        rule_grade=rule.grade,
    )


def _rounded_tax(tax: ConsumptionTax, currency: str, is_refund: bool) -> ConsumptionTax:
    def told(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else (-1 if is_refund else 1) * rounded(amount, currency) + 0

    return replace(tax, amount=told(tax.amount), recoverable=told(tax.recoverable))


def _first(*given: Decimal | None) -> Decimal:
    return next(each for each in given if each is not None)
