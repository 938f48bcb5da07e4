"""Tax figures: what mileage, a home office, equipment, a gift or an expense comes to by the rules."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ai2.kit.errors import FieldError, Invalid
from api.ai.tax import JURISDICTION, Where
from api.schemas import Amount, AmountIn, Body, Day, Flag, OfCurrency, Out, Whole
from api.unit import Caller, Db, Unit
from ml.tax import capital, gifts, home, mileage, service, shares
from ml.tax.deduct import Profile
from ml.tax.figures import Figure, Treatment
from ml.tax.heads import Head
from ml.tax.mileage import Driven, Engine, Trip, Vehicle
from ml.tax.rows import Grade, Status
from ml.tax.rules import Rules

router = APIRouter(prefix="/api/ai/tax", tags=["tax"], route_class=Unit)

Positive = Annotated[AmountIn, Field(ge=0, lt=Decimal(10) ** 12)]
Label = Annotated[str, Field(max_length=100)]


class Question(Body):
    """By whose rules."""

    jurisdiction: Where | None = Field(default=None, description=JURISDICTION)


class TripIn(Body):
    """A business trip."""

    date: Day
    distance: Positive = Field(description="In the unit of the country: miles in the US and the UK, else kilometres.")
    vehicle: Label = Field(default="", description="Which of several.")


class MileageWanted(Question):
    """What trips by one's own vehicle come to, each by the rate of its day; caps count by year and vehicle."""

    kind: Literal["mileage"]
    trips: Annotated[list[TripIn], Field(min_length=1, max_length=5000)]
    vehicle: Vehicle = "car"
    engine: Engine | None = None
    engine_cc: Annotated[Whole, Field(ge=1, le=20_000)] | None = Field(default=None, description="Ireland.")
    fiscal_cv: Annotated[Whole, Field(ge=1, le=100)] | None = Field(default=None, description="France.")
    all_use: dict[Label, Positive] = Field(
        default_factory=dict, max_length=100, description="Each vehicle's whole distance of the year (New Zealand)."
    )


class HomeOfficeWanted(Question):
    """What working at home comes to by the flat method of the country."""

    kind: Literal["home_office"]
    date: Day = Field(description="Any day of the tax year.")
    quantity: Positive | None = Field(default=None, description="Square feet, hours, square metres, or days.")
    hours_by_month: Annotated[list[Positive], Field(max_length=12)] = Field(default_factory=list, description="UK.")
    net_income: Annotated[AmountIn, Field(gt=-(Decimal(10) ** 12), lt=Decimal(10) ** 12)] | None = None


class EquipmentWanted(Question):
    """What counts in the first year of an asset. The cost is without the tax that you recover."""

    kind: Literal["equipment"]
    date: Day = Field(description="When it was acquired; in Australia first used.")
    cost: Positive
    is_car: Flag = False


class GiftWanted(Question):
    """What counts of all that one recipient was given in a year."""

    kind: Literal["gift"]
    date: Day
    amount: Positive


class ExpenseWanted(Question):
    """What counts of an expense of some kind, such as a meal, and of its business share."""

    kind: Literal["expense"]
    date: Day
    head: Head
    amount: Positive
    business_use: Annotated[AmountIn, Field(ge=0, le=100)] = Field(default=Decimal(100), description="In percent.")


Asked = Annotated[
    MileageWanted | HomeOfficeWanted | EquipmentWanted | GiftWanted | ExpenseWanted, Field(discriminator="kind")
]


class UsedOut(Out):
    """A rule that was used, and what of the quantity fell under it."""

    rule_id: str
    rule_version: str
    law: str
    source: str
    grade: Grade
    status: Status
    note: str | None
    quantity: Amount | None
    amount: Amount | None


class FigureOut(OfCurrency):
    """An amount, and every rule that it was made with."""

    amount: Amount
    disallowed: Amount | None = Field(description="What of the cost does not count.")
    treatment: Treatment | None
    rules: list[UsedOut]
    reasons: list[str]
    note: str


@router.post("/calculate", response_model=FigureOut)
async def calculate_tax(wanted: Asked, db: Db, who: Caller) -> Figure:
    """What mileage, a home office, equipment, a gift or an expense comes to by the rules. Nothing is stored."""
    rules, known = await service.where(db, who.organization_id, wanted.jurisdiction)
    for day in _days(wanted):
        rules.check_day(known.jurisdiction, day)
    return _reckon(rules, known, wanted)


def _days(wanted: Any) -> set[date]:
    return {trip.date for trip in wanted.trips} if isinstance(wanted, MileageWanted) else {wanted.date}


def _reckon(rules: Rules, known: Profile, wanted: Any) -> Figure:
    where = known.jurisdiction
    match wanted:
        case MileageWanted():
            return _mileage(rules, known, wanted)
        case HomeOfficeWanted():
            return home.home_office(
                rules,
                where,
                wanted.date,
                quantity=wanted.quantity,
                hours_by_month=wanted.hours_by_month,
                net_income=wanted.net_income,
            )
        case EquipmentWanted():
            return capital.equipment(rules, where, wanted.date, wanted.cost, is_car=wanted.is_car)
        case GiftWanted():
            return gifts.gift(rules, where, wanted.date, wanted.amount)
        case ExpenseWanted():
            return shares.expense(
                rules,
                where,
                wanted.head,
                wanted.date,
                wanted.amount,
                business_pct=wanted.business_use,
                role=known.role,
                business=known.business,
            )
    raise Invalid(errors=(FieldError("kind", "is not known"),))


def _mileage(rules: Rules, known: Profile, wanted: MileageWanted) -> Figure:
    trips = [Trip(trip.date, trip.distance, trip.vehicle) for trip in wanted.trips]
    driven = Driven(kind=wanted.vehicle, engine=wanted.engine, engine_cc=wanted.engine_cc, fiscal_cv=wanted.fiscal_cv)
    return mileage.mileage(rules, known.jurisdiction, trips, driven, all_use=wanted.all_use)
