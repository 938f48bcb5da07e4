"""Mileage: what business travel by one's own vehicle comes to, each trip by the rate of its day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from ai2.identity.organizations import TaxRole
from ai2.kit.errors import FieldError, Invalid
from ml.tax import tiers, years
from ml.tax.figures import Figure, Used, figure, used
from ml.tax.rows import Row
from ml.tax.rules import Rules

Vehicle = Literal["car", "van", "motorcycle"]
Engine = Literal["petrol", "diesel", "hybrid", "electric"]
ELECTRIC_IN_FRANCE = Decimal("1.2")
NOTHING = Decimal(0)
# One rate for every car, whatever drives it.
ONE_RATE = frozenset({"AU", "CA", "DE", "NL", "ES", "PT", "BE", "CH"})


class NoMileageRate(Invalid):
    """No rate for distances is known of this jurisdiction and vehicle; actual costs may be deducted by their share."""


@dataclass(frozen=True)
class Trip:
    """A business trip: its day, how far, in the unit of the country, and by which of several vehicles."""

    on: date
    distance: Decimal
    vehicle: str = ""


@dataclass(frozen=True, kw_only=True)
class Driven:
    """What is driven: its kind, what drives it, its engine's cubic centimetres, its fiscal horsepower (France)."""

    kind: Vehicle = "car"
    engine: Engine | None = None
    engine_cc: int | None = None
    fiscal_cv: int | None = None


def mileage(
    rules: Rules,
    jurisdiction: str,
    trips: Sequence[Trip],
    driven: Driven | None = None,
    *,
    role: TaxRole | None = None,
    all_use: Mapping[str, Decimal] | None = None,
) -> Figure:
    """What the trips come to. `all_use` is each vehicle's whole distance of the year, private use included.

    Raises NoMileageRate, and NotPublished or UnknownRule for a day without a rate.
    """
    rule_id = _rule(jurisdiction, driven or Driven())
    found: dict[Row, list[Used]] = defaultdict(list)
    reasons: list[str] = []
    for (_, vehicle), group in _counted_together(rules, jurisdiction, rule_id, trips, role).items():
        whole = (all_use or {}).get(vehicle)
        _add(found, rules, rule_id, group, role, whole, reasons)
    lines = [_sum(row, parts) for row, parts in found.items()]
    factor = ELECTRIC_IN_FRANCE if jurisdiction == "FR" and driven and driven.engine == "electric" else Decimal(1)
    amount = sum((line.amount or NOTHING for line in lines), NOTHING) * factor
    currency = next(iter(found)).currency if found else years.currency(jurisdiction)
    return figure(amount, currency, lines, *dict.fromkeys(reasons))


def _rule(jurisdiction: str, driven: Driven) -> str:
    """Which rule a vehicle falls under."""
    country = jurisdiction.partition("-")[0]
    is_car, is_motorcycle = driven.kind == "car", driven.kind == "motorcycle"
    rule: str | None
    match country:
        case "US":
            rule = None if is_motorcycle else "us.mileage.business"
        case "GB":
            rule = "gb.mileage.motorcycle" if is_motorcycle else "gb.mileage.car"
        case "FR":
            rule = "fr.mileage.5cv" if is_car and driven.fiscal_cv == 5 else None
        case "NZ":
            rule = f"nz.mileage.{driven.engine or _asked('engine', 'petrol, diesel, hybrid or electric')}"
        case "IE":
            rule = _irish(driven)
        case _:
            rule = f"{country.lower()}.mileage.car" if is_car and country in ONE_RATE else None
    if rule is None:
        raise NoMileageRate
    return rule


def _irish(driven: Driven) -> str:
    if driven.engine == "electric":
        return "ie.mileage.1201_to_1500cc"
    cc = driven.engine_cc or int(_asked("engine_cc", "the engine's cubic centimetres, on which the rate depends"))
    return f"ie.mileage.{'up_to_1200cc' if cc <= 1200 else '1201_to_1500cc' if cc <= 1500 else 'above_1500cc'}"


def _asked(name: str, what: str) -> str:
    raise Invalid(errors=(FieldError(name, f"is {what}"),))


def _counted_together(
    rules: Rules, jurisdiction: str, rule_id: str, trips: Sequence[Trip], role: TaxRole | None
) -> dict[tuple[str, str], list[Trip]]:
    """The trips that one counter counts: of a tax year, of all vehicles or of each, in the order of their days."""
    groups: dict[tuple[str, str], list[Trip]] = defaultdict(list)
    for trip in sorted(trips, key=lambda trip: trip.on):
        row = rules.get(rule_id, trip.on, role)
        vehicle = "" if row.counter in (None, "all") else trip.vehicle
        groups[years.of(jurisdiction, trip.on).name, vehicle].append(trip)
    return groups


def _add(
    found: dict[Row, list[Used]],
    rules: Rules,
    rule_id: str,
    trips: Sequence[Trip],
    role: TaxRole | None,
    whole: Decimal | None,
    reasons: list[str],
) -> None:
    counter = NOTHING
    for trip in trips:
        row = rules.get(rule_id, trip.on, role)
        after = counter + trip.distance
        amount = tiers.between(row, counter, after)
        if row.counter == "all_use":
            amount = _share(row, counter, after, trips, whole, reasons)
        if row.cap_distance is not None and after > row.cap_distance:
            reasons.append(f"beyond {row.cap_distance:,} {row.unit[4:]} a year and vehicle nothing counts")
        found[row].append(used(row, trip.distance, amount))
        counter = after


def _share(
    row: Row, before: Decimal, after: Decimal, trips: Sequence[Trip], whole: Decimal | None, reasons: list[str]
) -> Decimal:
    """The trip's share of what the whole year's distance, private use included, comes to."""
    business = sum((trip.distance for trip in trips), NOTHING)
    if whole is None:
        reasons.append("the first tier is filled by private use too: give the vehicle's whole distance of the year")
        return tiers.between(row, before, after)
    if whole < business:
        raise Invalid(errors=(FieldError("all_use", "is not less than the business distance"),))
    return tiers.total(row, whole) * (after - before) / whole if whole else NOTHING


def _sum(row: Row, parts: Sequence[Used]) -> Used:
    distance = sum((part.quantity or NOTHING for part in parts), NOTHING)
    amount = sum((part.amount or NOTHING for part in parts), NOTHING)
    return replace(parts[0], quantity=distance, amount=amount)
