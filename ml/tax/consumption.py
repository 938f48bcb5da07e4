"""Consumption tax: how much VAT, GST or the like is in a price, and how much of it a registered business recovers."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ml.tax.rows import Row
from ml.tax.rules import Rules

NOTHING, HUNDRED = Decimal(0), Decimal(100)
# What mostly bears the standard rate; of other heads only the invoice says what they bear.
STANDARD = frozenset({
    "office", "supplies", "software", "telephone", "advertising", "professional", "repairs", "equipment", "motor",
    "meals", "entertainment", "subcontractors", "storage",
})  # fmt: skip
# There is none in what is paid for money, to people, or to the state.
NONE_IN_IT = frozenset({"bank_charges", "loan_interest", "wages", "benefits", "taxes", "tax_payment", "fines"})
# The parts of a rate by which provinces tax beside their country, and whether who is registered recovers them.
PARTS = {"gst": True, "hst": True, "qst": True, "pst": False}


@dataclass(frozen=True)
class ConsumptionTax:
    """The tax in a price: its rate in percent, its amount, and how much is recovered; none where nobody can say."""

    rate: Decimal | None
    amount: Decimal | None
    recoverable: Decimal | None
    rule_id: str | None = None
    rule_version: str | None = None
    law: str | None = None
    source: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Rates:
    """What a price bears: the whole rate, and the part of it that is recovered, by these rows."""

    whole: Decimal
    recovered: Decimal
    row: Row
    is_certain: bool


def rates(rules: Rules, jurisdiction: str, on: date) -> Rates | None:
    """The standard rates of a place; none where it has no such tax, or no figure of it is known."""
    country, _, province = jurisdiction.partition("-")
    if country == "CA":
        return _canadian(rules, province, on)
    row = rules.find(f"{country.lower()}.consumption.standard", on)
    if row is None or row.value is None:
        return None
    return Rates(row.value, row.value, row, is_certain=True)


def within(gross: Decimal, rate_pct: Decimal) -> Decimal:
    """The tax inside a price that has it, unrounded."""
    return gross * rate_pct / (HUNDRED + rate_pct)


def consumption_tax(
    rules: Rules,
    jurisdiction: str,
    head: str,
    on: date,
    gross: Decimal,
    *,
    registered: bool | None,
    scheme: str | None = None,
) -> ConsumptionTax:
    """The tax in what was paid, unrounded. A scheme at a flat rate, or of exempt supplies, recovers nothing."""
    if head in NONE_IN_IT:
        return ConsumptionTax(NOTHING, NOTHING, NOTHING, reason="there is none in such a payment")
    found = rates(rules, jurisdiction, on)
    if found is None:
        return ConsumptionTax(None, None, NOTHING if jurisdiction[:2] == "US" else None, reason=_none(jurisdiction))
    row = found.row
    known = (row.rule_id, row.name, row.instrument, row.source_url)
    if head not in STANDARD or not found.is_certain:
        reason = "which rate it bears the invoice says" if found.is_certain else "the province says what comes beside"
        nothing = NOTHING if _recovers_nothing(registered, scheme) else None
        return ConsumptionTax(None, None, nothing, *known, reason=reason)
    amount = within(gross, found.whole)
    if registered is None:
        return ConsumptionTax(found.whole, amount, None, *known, reason="say whether you are registered for it")
    if _recovers_nothing(registered, scheme):
        reason = "not registered: part of the cost" if not registered else f"the scheme {scheme} recovers none"
        return ConsumptionTax(found.whole, amount, NOTHING, *known, reason=reason)
    blocked, why = _allowed_pct(rules, jurisdiction, head, on)
    recoverable = gross * found.recovered / (HUNDRED + found.whole) * blocked / HUNDRED
    return ConsumptionTax(found.whole, amount, recoverable, *known, reason=why)


def _recovers_nothing(registered: bool | None, scheme: str | None) -> bool:
    return registered is False or scheme in ("flat_rate", "exempt")


def _allowed_pct(rules: Rules, jurisdiction: str, head: str, on: date) -> tuple[Decimal, str | None]:
    """How much of it is recovered, in percent: less for entertainment in most countries."""
    if head not in ("meals", "entertainment"):
        return HUNDRED, None
    country = jurisdiction.partition("-")[0].lower()
    row = rules.find(f"{country}.consumption.entertainment", on) or rules.find(f"{country}.entertainment", on)
    if row is None or row.value is None or row.value == HUNDRED:
        return HUNDRED, None
    return row.value, f"of entertainment {row.value.normalize():f} % is recovered ({row.instrument})"


def _canadian(rules: Rules, province: str, on: date) -> Rates | None:
    """HST takes the place of GST; QST and PST come beside it."""
    gst = rules.find("ca.consumption.gst", on)
    if gst is None or gst.value is None:
        return None
    whole, recovered, row = gst.value, gst.value, gst
    for part, is_recovered in PARTS.items():
        own = rules.find(f"ca-{province.lower()}.consumption.{part}", on)
        if own is None or own.value is None:
            continue
        before = NOTHING if part == "hst" else gst.value
        whole, row = before + own.value, own
        recovered = whole if is_recovered else gst.value
    return Rates(whole, recovered, row, is_certain=bool(province))


def _none(jurisdiction: str) -> str:
    if jurisdiction.startswith("US"):
        return "there is no national one; a sales tax is part of the cost"
    return "no rate of it is known for this day"
