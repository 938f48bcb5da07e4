"""Tax answers, as they go over the wire."""

from datetime import date
from uuid import UUID

from pydantic import Field

from api.schemas import Amount, OfCurrency, Out
from ml.tax.answers import Deductible, Evidence
from ml.tax.figures import Treatment
from ml.tax.rows import Grade, Status


class ConsumptionTaxOut(Out):
    """The VAT, GST or the like in the price; null where nobody can say."""

    rate: Amount | None = Field(description="In percent.")
    amount: Amount | None
    recoverable: Amount | None = Field(description="How much of it you recover.")
    rule_id: str | None
    rule_version: str | None
    law: str | None
    source: str | None
    reason: str | None


class ConversionOut(Out):
    """By which rate a foreign amount was told; null where none is known, with the reason."""

    base: str
    quote: str
    rate: Amount | None
    quoted_on: date | None
    source: str | None
    reason: str | None


class TaxAnswerOut(OfCurrency):
    """How much of a movement, or a part of one, is deductible, by which rule, and what is still needed."""

    id: str | None
    transaction_id: UUID | None
    part: int | None = Field(description="Which part, from 0, of a transaction that is split.")
    deductible: Deductible
    percentage: Amount | None = Field(description="Of what was paid, without the tax that you recover.")
    amount: Amount | None = Field(description="What counts, if it counts; of a refund negative; null: nobody can say.")
    confirmed: Amount = Field(description="Of the amount, what a person stands behind.")
    possible: Amount = Field(description="And the rest.")
    disallowed: Amount | None = Field(description="What does not count of what was paid.")
    head: str | None = Field(description="The kind of expense.")
    treatment: Treatment | None = Field(
        description="capital: not an expense of the day; the amount is the first year's."
    )
    rule_id: str | None
    rule_version: str | None
    law: str | None
    source: str | None
    rule_status: Status | None
    rule_grade: Grade | None = Field(
        description="A: the official page was read; B: it is quoted; C: a secondary source."
    )
    evidence_needed: list[Evidence]
    consumption_tax: ConsumptionTaxOut | None
    form: str | None
    lines: dict[str, Amount] = Field(description="What stands on which line of the form.")
    converted: ConversionOut | None
    jurisdiction: str
    tax_year: str | None
    confirmed_by: str | None
    reasons: list[str]
    note: str
