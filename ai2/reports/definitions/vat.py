"""VAT: the boxes of the VAT or GST return, from what the tax rules answer of purchases and the books say of sales."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.reports.columns import columns
from ai2.reports.definitions.given import heading
from ai2.reports.forms import assessed, repository, vat_returns
from ai2.reports.forms.assessed import Assessed, place_of, told, within
from ai2.reports.forms.parts import Parts
from ai2.reports.forms.taxed import Taxed, read_rate, taxed
from ai2.reports.forms.vat_returns import Return
from ai2.reports.ledger.facts import Facts
from ai2.reports.made import Made
from ai2.reports.model import Asked, Line, Note, Told, Where
from ai2.reports.moments import Known
from ai2.reports.tables import tabulate
from ml.tax import service as tax
from ml.tax.answers import Case, TaxAnswer
from ml.tax.deduct import Profile
from ml.tax.figures import NOTE

TITLE, NOBODY = "VAT or GST return", UUID(int=0)
BY_RATE = {
    "sales_net": "sales, without tax", "output_tax": "output tax", "purchases_net": "purchases, without tax",
    "input_tax": "input tax recovered",
}  # fmt: skip
# What is in no box, and why.
OUTSIDE = {
    "unknown_sales": "Sales whose rate nobody said",
    "unknown_money_in": "Money in that nobody categorised",
    "unknown_purchases": "Purchases whose tax only the invoice says",
    "input_possible": "Input tax not confirmed, or without its invoice",
    "input_lost": "Tax in purchases that is not recovered",
}


async def build(db: Connection, organization: Organization, asked: Asked, known: Known) -> Made:
    _, profile = await tax.where(db, organization.organization_id, asked.jurisdiction, known_at=known.moment)
    if refused := _no_return(profile):
        return Made(title=TITLE, notes=(refused,), computed_by=("ml.tax",))
    wanted = columns(asked, known.fiscal_year_start)
    found = await assessed.assess(db, organization, asked, wanted, known.moment)
    ids = {case.transaction_id for case, _ in found.cases if case.transaction_id}
    said = await repository.said_rates(db, organization.organization_id, ids, known.moment)
    form, parts, rates = vat_returns.of(profile.jurisdiction), Parts(), set[tuple[str, Decimal]]()
    for case, answer in found.cases:
        of_case = [*taxed(case, answer, said.get(case.transaction_id or NOBODY))]
        rates |= {(each.measure, each.rate) for each in of_case if each.rate is not None and each.measure in BY_RATE}
        for column in within(wanted, case.date):
            _add(parts, found.currency, form, column, of_case, (case, answer))
    title = f"{TITLE}, {profile.jurisdiction}: {form.name}"
    lines = [*_boxes(form), *_by_rate(rates), *_outside()]
    table = tabulate(found.currency, title, Facts(found.currency, {}), wanted, lines, parts.figures(found.currency))
    return Made(
        title=TITLE,
        tables=(table,),
        notes=tuple(_notes(found, form, said)),
        computed_by=assessed.computed_by(known.moment),
        parts=parts.kept,
        told=parts.told,
    )


def _no_return(profile: Profile) -> Note | None:
    """Why there are no figures; none where there are."""
    match profile:
        case Profile(jurisdiction=where) if where.startswith("US"):
            text = "There is no national VAT or GST in the United States; a sales tax is the states', and not reckoned."
        case Profile(registered=False):
            text = "The tax profile says that you are not registered: there is no return, and no tax to recover."
        case Profile(registered=None):
            text = "Nobody said whether you are registered; put it into the tax profile, and ask again."
        case Profile(scheme="flat_rate"):
            text = "Under a flat rate scheme the tax is a percentage of your trade's, which is not among the rules."
        case Profile(scheme="exempt"):
            text = "The tax profile says that your supplies are exempt: there is no tax on them, and none to recover."
        case _:
            return None
    return Note(code="vat_no_return", text=text, is_warning=True)


def _add(
    parts: Parts, table: str, form: Return, column: str, of_case: Sequence[Taxed], what: tuple[Case, TaxAnswer]
) -> None:
    """Put amounts into the boxes, on the lines of their rates, and among what is in no box."""
    case, answer = what
    known = _told(answer)
    for each in of_case:
        lines = [box.key for box in form.boxes if each.measure in box.of]
        lines += [_rate_key(each.measure, each.rate)] if each.measure in BY_RATE and each.rate is not None else []
        lines += [f"outside-{each.measure}"] if each.measure in OUTSIDE else []
        for line in lines:
            parts.add(
                table, line, column, each.amount, known, reason=each.reason,
                transaction_id=case.transaction_id, place=place_of(case),
            )  # fmt: skip


def _told(answer: TaxAnswer) -> Told:
    """By which rule of consumption tax; of a sale that the books said it."""
    found, consumed = told(answer), answer.consumption_tax
    if consumed is None:
        return Told(rate=found.rate, rate_quoted_on=found.rate_quoted_on, reasons=found.reasons)
    return Told(
        rule_id=consumed.rule_id, rule_version=consumed.rule_version, law=consumed.law, source=consumed.source,
        rate=found.rate, rate_quoted_on=found.rate_quoted_on, evidence_needed=found.evidence_needed,
        reasons=(consumed.reason,) if consumed.reason else (),
    )  # fmt: skip


def _boxes(form: Return) -> Iterator[Line]:
    keys = {box.name: box.key for box in form.boxes}
    yield heading("boxes-heading", form.name)
    for box in form.boxes:
        total_of = tuple((sign, keys[name]) for sign, name in box.total_of)
        yield Line(
            key=box.key,
            label=f"{box.name}: {box.label}" if form is not vat_returns.GENERAL else box.label,
            kind="total" if total_of else "item",
            depth=1,
            where=None if total_of else Where(source="kept", item=box.key),
            total_of=total_of,
        )


def _rate_key(measure: str, rate: Decimal) -> str:
    return f"rate-{measure}-{rate.normalize():f}".replace(".", "-").replace("_", "-")


def _by_rate(rates: set[tuple[str, Decimal]]) -> Iterator[Line]:
    yield heading("rates-heading", "By rate")
    for measure, label in BY_RATE.items():
        for rate in sorted({rate for of, rate in rates if of == measure}, reverse=True):
            key = _rate_key(measure, rate)
            text = f"At {rate.normalize():f} %: {label}"
            yield Line(key=key, label=text, depth=1, where=Where(source="kept", item=key))


def _outside() -> Iterator[Line]:
    yield heading("outside-heading", "In no box")
    for measure, label in OUTSIDE.items():
        key = f"outside-{measure}"
        yield Line(key=key, label=label, depth=1, where=Where(source="kept", item=key))


def _notes(found: Assessed, form: Return, said: dict[UUID, str]) -> Iterator[Note]:
    yield Note(code="tax_not_advice", text=NOTE)
    if form.note:
        yield Note(code="vat_form", text=form.note)
    basis = "Figures are by the day on which money moved, for that is what the books know: the cash basis."
    if found.profile.scheme == "accrual":
        text = f"{basis} Your tax profile says accrual: what was invoiced and not paid yet is missing here."
        yield Note(code="vat_basis", text=text, is_warning=True)
    else:
        yield Note(code="vat_basis", text=basis)
    if any(read_rate(each) is None for each in said.values()):
        text = "Some transactions have a tax_rate that is neither a percentage nor exempt; it was not followed."
        yield Note(code="vat_rate_unreadable", text=text, is_warning=True)
    unknown = {
        each.measure
        for case, answer in found.cases
        for each in taxed(case, answer, said.get(case.transaction_id or NOBODY))
        if each.measure.startswith("unknown")
    }
    if unknown:
        text = (
            "Some amounts are in no box, for nobody said what they bear; they stand below the boxes. Of a sale the"
            " attribute tax_rate of its transaction says it: a percentage, or exempt."
        )
        yield Note(code="vat_rates_unknown", text=text, is_warning=True)
