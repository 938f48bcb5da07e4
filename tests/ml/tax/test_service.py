"""Assessing, as other rooms ask for it: categories that they know, items of theirs, and what the profile changes."""

from dataclasses import dataclass, replace
from datetime import date
from datetime import date as Day  # noqa: N812 - a field is called date
from decimal import Decimal
from uuid import UUID

import pytest

from ai2.books.categories import service as categories
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ml.answers import Analysis, Category
from ml.tax.answers import TaxItem
from ml.tax.rules import UnknownJurisdiction
from ml.tax.service import assess


@dataclass(frozen=True)
class Theirs:
    """An item of another room, with fields that are none of ours."""

    description: str
    amount: Decimal
    currency: str | None = "USD"
    date: Day | None = Day(2026, 5, 1)
    merchant: str | None = None
    mcc: str | None = None
    account_id: UUID | None = None
    transaction_id: UUID | None = None
    id: str | None = None


def known(detailed: str, decision: str = "apply") -> Analysis:
    category = Category(detailed, detailed, None, None)
    return Analysis(category, 1.0, decision, (), None, "model", "test", ())  # type: ignore[arg-type]


LUNCH = Theirs("Somebody", Decimal("-100.00"), id="a")


async def test_what_the_caller_knows_of_the_category_is_taken(db: Connection, organization: Organization) -> None:
    items = [LUNCH, LUNCH, LUNCH]
    analyses = [known("FOOD_AND_DRINK_RESTAURANT"), known("MEDICAL_DENTAL_CARE"), known("INCOME", "abstain")]
    found = await assess(db, organization.organization_id, items, "US", analyses=analyses)
    assert [(each.head, each.deductible, each.possible) for each in found] == [
        ("meals", "needs_evidence", Decimal("50.00")),
        (None, "no", Decimal(0)),
        (None, "needs_evidence", Decimal(0)),
    ]
    assert {each.id for each in found} == {"a"}


async def test_a_category_of_ones_own_is_what_stands_above_it(db: Connection, organization: Organization) -> None:
    above = await categories.find(db, organization.organization_id, "Restaurants")
    own = await categories.create(
        db, organization.organization_id, name="Client lunches", kind=None, parent_id=above.category_id
    )
    analysis = replace(known("x"), category=Category(None, None, str(own.category_id), own.name))
    [found] = await assess(db, organization.organization_id, [LUNCH], "US", analyses=[analysis])
    assert (found.head, found.possible) == ("meals", Decimal("50.00"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"tax_business": "transport"}, Decimal("80.00")),
        ({"tax_business": "retail"}, Decimal("50.00")),
        ({"tax_role": "company"}, Decimal("50.00")),
        ({"tax_role": "employee"}, None),
        ({"tax_jurisdiction": "DE"}, Decimal("70.00")),
    ],
)
async def test_the_profile_says_how_it_is_assessed(
    db: Connection, organization: Organization, said: dict[str, str], expected: Decimal | None
) -> None:
    changes = {"tax_jurisdiction": "US", **said}
    await organizations.update(db, organization.organization_id, changes)
    currency = "EUR" if "tax_jurisdiction" in said else "USD"
    item = TaxItem("Somebody", Decimal("-100.00"), currency, date(2026, 5, 1), codes=("FOOD_AND_DRINK_RESTAURANT",))
    [found] = await assess(db, organization.organization_id, [item])
    assert found.amount == expected


async def test_in_another_country_than_ones_own_nobody_said_whether_one_is_registered(
    db: Connection, organization: Organization
) -> None:
    await organizations.update(db, organization.organization_id, {"tax_jurisdiction": "GB", "tax_registered": True})
    item = TaxItem("Ryman", Decimal("-120.00"), "EUR", date(2026, 5, 1), codes=("GENERAL_MERCHANDISE_OFFICE_SUPPLIES",))
    [found] = await assess(db, organization.organization_id, [item], "DE")
    assert found.consumption_tax
    assert found.consumption_tax.recoverable is None


async def test_where_nobody_said_where_one_is_taxed_it_is_refused(db: Connection, organization: Organization) -> None:
    await organizations.update(db, organization.organization_id, {"country": None})
    with pytest.raises(UnknownJurisdiction, match="tax profile"):
        await assess(db, organization.organization_id, [LUNCH])
