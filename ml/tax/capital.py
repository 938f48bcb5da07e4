"""Capital: what is bought for longer than a year: expensed at once, written down over years, or capped."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from ai2.kit.errors import Invalid
from ml.tax.figures import Figure, figure, used
from ml.tax.rows import Row
from ml.tax.rules import Rules

NOTHING, HUNDRED = Decimal(0), Decimal(100)


class NoCapitalRule(Invalid):
    """No threshold or allowance for equipment is known of this jurisdiction and day."""


def equipment(
    rules: Rules,
    jurisdiction: str,
    on: date,
    cost: Decimal,
    *,
    is_car: bool = False,
) -> Figure:
    """What counts in the first year of an asset. `cost` is without the tax that is recovered. Raises NoCapitalRule."""
    country = jurisdiction.partition("-")[0]
    if is_car and (limited := _car(rules, country, on, cost)):
        return limited
    method = METHODS.get(country)
    if method is None:
        raise NoCapitalRule
    return method(rules, on, cost)


def section_179(rules: Rules, on: date, placed: Decimal) -> Figure:
    """What may be expensed in the year of all that was placed in service in it: less as it exceeds the phase-out."""
    limit, start = rules.get("us.s179.limit", on), rules.get("us.s179.phase_out", on)
    over = max(placed - (start.value or NOTHING), NOTHING)
    allowed = max((limit.value or NOTHING) - over, NOTHING)
    reasons = [f"the limit falls by {over:,} above the phase-out's start"] if over else []
    amount = min(placed, allowed)
    return figure(amount, limit.currency, [used(limit, placed), used(start, over)], *reasons, disallowed=NOTHING)


def _car(rules: Rules, country: str, on: date, cost: Decimal) -> Figure | None:
    """The part of a car's cost on which allowances are reckoned; none where no limit is known."""
    rule_id = {"CA": "ca.car_ceiling", "AU": "au.car_limit", "IE": "ie.car_limit"}.get(country)
    if rule_id is None:
        return None
    row = rules.get(rule_id, on)
    base = min(cost, row.value or NOTHING)
    reason = f"allowances are reckoned on at most {row.value:,}"
    return figure(
        base, row.currency, [used(row, cost)], reason, disallowed=max(cost - base, NOTHING), treatment="capital"
    )


def _expensed(row: Row, cost: Decimal, *reasons: str) -> Figure:
    return figure(cost, row.currency, [used(row, cost)], *reasons, disallowed=NOTHING, treatment="expense")


def _written_down(row: Row, cost: Decimal, currency: str, *reasons: str, also: Row | None = None) -> Figure:
    amount = cost * (row.value or NOTHING) / HUNDRED
    rules = [used(row, cost)] + ([used(also, cost)] if also else [])
    return figure(amount, currency, rules, *reasons, disallowed=NOTHING, treatment="capital")


def _american(rules: Rules, on: date, cost: Decimal) -> Figure:
    least = rules.get("us.de_minimis", on)
    if least.reached(cost):
        return _expensed(least, cost, "by the yearly election of the de minimis safe harbour, item by item")
    whole = section_179(rules, on, cost)
    reason = "by section 179, if it is elected, used more than half for business, and not above the year's profit"
    return figure(
        whole.amount, whole.currency, whole.rules, *whole.reasons, reason, disallowed=NOTHING, treatment="capital"
    )


def _british(rules: Rules, on: date, cost: Decimal) -> Figure:
    row = rules.get("gb.aia", on)
    amount = min(cost, row.cap_amount or NOTHING)
    reason = f"annual investment allowance: at most {row.value:,} for all of the year's assets, not for cars"
    return figure(amount, row.currency, [used(row, cost)], reason, disallowed=NOTHING, treatment="capital")


def _australian(rules: Rules, on: date, cost: Decimal) -> Figure:
    full = rules.find("au.full_expensing", on)
    if full:
        return _written_down(full, cost, "AUD", "temporary full expensing")
    row = rules.get("au.write_off", on)
    if row.reached(cost):
        return _expensed(row, cost, "instant asset write-off where the turnover is under A$10 million, by first use")
    pool = rules.get("au.pool.first_year", on)
    return _written_down(pool, cost, "AUD", f"costs {row.value:,} or more: into the small business pool", also=row)


def _new_zealands(rules: Rules, on: date, cost: Decimal) -> Figure:
    row = rules.get("nz.low_value", on)
    if row.reached(cost):
        return _expensed(row, cost)
    boost = rules.find("nz.investment_boost", on)
    reason = f"costs {row.value:,} or more: depreciated at its asset's rate, which is not among these rules"
    if boost:
        return _written_down(boost, cost, "NZD", reason, "a new asset: investment boost", also=row)
    return figure(NOTHING, "NZD", [used(row, cost)], reason, disallowed=NOTHING, treatment="capital")


def _german(rules: Rules, on: date, cost: Decimal) -> Figure:
    row = rules.get("de.gwg", on)
    if row.reached(cost):
        return _expensed(row, cost, "the price without VAT counts, also where none is recovered")
    pool = rules.get("de.pool", on)
    if pool.reached(cost):
        fifth = cost / 5
        reason = "a fifth a year, where all assets from 250 on go into the pool of the year"
        return figure(fifth, "EUR", [used(pool, cost), used(row)], reason, disallowed=NOTHING, treatment="capital")
    reason = "written down over its useful life by the AfA tables, which are not among these rules"
    return figure(NOTHING, "EUR", [used(row, cost)], reason, disallowed=NOTHING, treatment="capital")


def _irish(rules: Rules, on: date, cost: Decimal) -> Figure:
    return _written_down(rules.get("ie.capital_allowance", on), cost, "EUR", "wear and tear, in each of eight years")


def _singapores(rules: Rules, on: date, cost: Decimal) -> Figure:
    row = rules.get("sg.low_value", on)
    if row.reached(cost):
        return _expensed(row, cost, f"at most {row.cap_amount:,} for all such assets of a year of assessment")
    reason = "written down over several years, by rules that are not among these"
    return figure(NOTHING, "SGD", [used(row, cost)], reason, disallowed=NOTHING, treatment="capital")


Method = Callable[[Rules, date, Decimal], Figure]
METHODS: dict[str, Method] = {
    "US": _american,
    "GB": _british,
    "AU": _australian,
    "NZ": _new_zealands,
    "DE": _german,
    "IE": _irish,
    "SG": _singapores,
}
