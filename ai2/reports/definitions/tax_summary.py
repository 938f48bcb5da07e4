"""Tax summary: by line of the form what is deductible, confirmed and possible apart, and what is still open.

Every figure is an answer of the tax rules to one transaction, rounded there: nothing is reckoned a second time here.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.reports.columns import columns
from ai2.reports.definitions.given import UNCATEGORISED, heading
from ai2.reports.forms import assessed
from ai2.reports.forms.assessed import Assessed, paid, place_of, told, within
from ai2.reports.forms.parts import Parts
from ai2.reports.ledger.facts import Facts
from ai2.reports.made import Made
from ai2.reports.model import Asked, Line, Note, Where
from ai2.reports.moments import Known
from ai2.reports.tables import tabulate
from ml.tax.answers import Case, TaxAnswer
from ml.tax.figures import NOTE
from ml.tax.lines import MAPS
from ml.tax.totals import is_confirmed

TITLE = "Tax summary"
EVIDENCE = {
    "receipt": "A receipt", "tax_invoice": "A tax invoice", "business_purpose": "The business purpose",
    "private_use_share": "The private share", "mileage_log": "A mileage log", "attendees": "Who took part",
    "recipient": "Who received it", "date_first_used": "The day of its first use",
    "travel_dates": "The days of the journey", "date": "Its day", "currency": "Its currency",
    "category": "What it was for",
}  # fmt: skip
NATURES = {
    "personal": "Personal", "loan": "Loans paid back", "tax": "The tax itself", "relief": "Gifts and other reliefs",
}  # fmt: skip
# Where a person's word, or its private use, leaves nothing.
SAID_NO = "Said to be no expense"


@dataclass(frozen=True)
class Placed:
    """One answer on one line."""

    section: str
    item: str
    label: str
    amount: Decimal | None
    reason: str | None = None

    @property
    def key(self) -> str:
        """The line's key: of what people named a digest, for names may be in any script."""
        if self.section in ("income", "unknown"):
            return f"{self.section}-{hashlib.sha256(self.item.encode()).hexdigest()[:12]}"
        return f"{self.section}-{re.sub(r'[^a-z0-9]+', '-', self.item.lower()).strip('-')}"


async def build(db: Connection, organization: Organization, asked: Asked, known: Known) -> Made:
    wanted = columns(asked, known.fiscal_year_start)
    found = await assessed.assess(db, organization, asked, wanted, known.moment)
    parts, placed = Parts(), dict[str, Placed]()
    for case, answer in found.cases:
        of_case = [*_placed(case, answer)]
        placed.update({each.key: each for each in of_case})
        for column in within(wanted, case.date):
            for each in of_case:
                parts.add(
                    found.currency, each.key, column, each.amount, told(answer), reason=each.reason,
                    transaction_id=case.transaction_id, place=place_of(case),
                )  # fmt: skip
    lines = _lines(placed)
    title = ", ".join([TITLE, found.profile.jurisdiction, *_forms(found)])
    table = tabulate(found.currency, title, Facts(found.currency, {}), wanted, lines, parts.figures(found.currency))
    return Made(
        title=TITLE,
        tables=(table,),
        notes=tuple(_notes(found)),
        computed_by=assessed.computed_by(known.moment),
        parts=parts.kept,
        told=parts.told,
    )


def _placed(case: Case, answer: TaxAnswer) -> Iterator[Placed]:
    """The lines on which an answer stands."""
    if case.is_transfer or answer.nature == "transfer":
        return
    if _is_income(case, answer):
        out, reason = paid(case, answer)
        name = case.category or UNCATEGORISED
        yield Placed("income", name, name, None if out is None else -out + 0, reason)
    elif answer.head is None and answer.deductible == "no":
        out, reason = paid(case, answer)
        name = NATURES.get(str(answer.nature), SAID_NO)
        yield Placed("no", name, name, out, reason)
    elif answer.amount is None:
        out, reason = paid(case, answer)
        # what it was taken for comes first, where that is known
        why = answer.reasons[min(1, len(answer.reasons) - 1)]
        yield Placed("unknown", why, why[:1].upper() + why[1:], out, reason)
    else:
        yield from _deduction(answer, answer.amount)


def _is_income(case: Case, answer: TaxAnswer) -> bool:
    """Money that came in as income, or of which nobody said what it is; income that was paid back too."""
    is_said_no = bool(answer.confirmed_by) and answer.deductible == "no"
    return not is_said_no and (answer.nature == "income" or (answer.nature is None and case.amount > 0))


def _deduction(answer: TaxAnswer, amount: Decimal) -> Iterator[Placed]:
    section = "confirmed" if is_confirmed(answer) else "possible"
    for name, told_amount in answer.lines.items():
        if told_amount:
            yield Placed(section, f"line {name}", f"Line {name}" if name[0].isdigit() else name, told_amount)
    if not answer.lines and amount:
        head = str(answer.head).replace("_", " ")
        yield Placed(section, f"head {head}", f"No line of a form: {head}", amount)
    if answer.disallowed:
        yield Placed("open", "disallowed", "Not allowed of what was paid", answer.disallowed)
    if answer.rule_status == "unverified" and amount:
        yield Placed("open", "unverified", "Deductible by rules of a secondary source", amount)
    if answer.evidence_needed and amount:
        yield Placed("evidence", "any", "Deductions of which evidence is missing", amount)
        for each in answer.evidence_needed:
            yield Placed("evidence", f"of {each}", EVIDENCE[each], amount)


def _lines(placed: dict[str, Placed]) -> list[Line]:
    income = _items(placed, "income")
    confirmed, possible = _items(placed, "confirmed"), _items(placed, "possible")
    return [
        heading("income-heading", "Income"), *income, _total("income", "Total income", income),
        heading("confirmed-heading", "Deductions that a person stands behind"), *confirmed,
        _total("confirmed", "Deductions confirmed", confirmed),
        heading("possible-heading", "Deductions that are possible"), *possible,
        _total("possible", "Deductions possible", possible),
        heading("evidence-heading", "Still to be evidenced, of both"), *_items(placed, "evidence", _any_first),
        heading("open-heading", "To be known of both"), *_items(placed, "open"),
        heading("unknown-heading", "Not assessed"), *_items(placed, "unknown"),
        heading("no-heading", "No expenses"), *_items(placed, "no"),
    ]  # fmt: skip


Order = Callable[[Placed], object]


def _natural(each: Placed) -> list[tuple[int, str]]:
    """Line 9 comes before line 24a."""
    return [(int(word), "") if word.isdigit() else (-1, word) for word in re.split(r"(\d+)", each.label.lower())]


def _any_first(each: Placed) -> tuple[bool, str]:
    return (each.item != "any", each.label)


def _items(placed: dict[str, Placed], section: str, order: Order = _natural) -> list[Line]:
    own = sorted((each for each in placed.values() if each.section == section), key=order)  # type: ignore[arg-type]
    return [
        Line(
            key=each.key, label=each.label, depth=2 if each.item.startswith("of ") else 1,
            where=Where(source="kept", item=each.key),
        )
        for each in own
    ]  # fmt: skip


def _total(key: str, label: str, items: Sequence[Line]) -> Line:
    """What the lines come to. A line of what is not allowed is within the one that it is the twin of."""
    keys = {line.key for line in items}
    signed = tuple((-1 if _twin_of(line.key) in keys else 1, line.key) for line in items)
    return Line(key=f"total-{key}", label=label, kind="total", total_of=signed)


def _twin_of(key: str) -> str | None:
    return key.removesuffix("disallowable") if key.endswith("disallowable") else None


def _forms(found: Assessed) -> list[str]:
    return sorted({str(answer.form) for _, answer in found.cases if answer.form})


def _notes(found: Assessed) -> Iterator[Note]:
    where, answers = found.profile.jurisdiction, [answer for _, answer in found.cases]
    yield Note(code="tax_not_advice", text=NOTE)
    if where[:2] not in MAPS:
        yield Note(code="tax_no_form", text=f"No form of {where} is mapped: deductions are by kind of expense.")
    elif untold := {reason for a in answers if a.form and not a.lines for reason in a.reasons if a.form in reason}:
        yield Note(code="tax_form_not_read", text=" ".join(sorted(untold)), is_warning=True)
    if unknown := sum(1 for answer in answers if answer.amount is None):
        text = f"{unknown} could not be assessed; they stand under Not assessed, and in no total."
        yield Note(code="tax_not_assessed", text=text, is_warning=True)
    if any(answer.rule_status == "unverified" and answer.amount for answer in answers):
        text = "Some deductions rest on rules that were read in a secondary source only; see their explanations."
        yield Note(code="tax_unverified_rules", text=text, is_warning=True)
    if found.profile.role is None:
        text = "Nobody said how you are taxed: as a sole trader, a company, an employee. Put it into the tax profile."
        yield Note(code="tax_role_unknown", text=text, is_warning=True)
