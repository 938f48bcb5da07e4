"""What is told beside a category: what the tax rules of the organization say of the movement."""

from collections.abc import Sequence
from dataclasses import replace

from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ml.answers import Analysis, Item
from ml.deciders.known import Known
from ml.tax import loading, profile, service
from ml.tax.answers import TaxAnswer
from ml.tax.confirmations import NOTHING_SAID
from ml.tax.rules import UnknownJurisdiction, UnknownYear


async def taxed(
    db: Connection, known: Known, items: Sequence[Item], told: Sequence[Analysis]
) -> list[TaxAnswer | None]:
    """What the tax rules say of each item; none where nobody said where the organization is taxed, or of that year.

    None of what is stored, too: that is asked by itself, with its splits and receipts.
    """
    organization = known.organization
    places = await _assessable(db, organization, items)
    answers: list[TaxAnswer | None] = [None] * len(items)
    if places:
        found = await service.assess(
            db, organization.organization_id, [items[place] for place in places],
            analyses=[told[place] for place in places], organization=organization,
            said=None if known.is_tax_said else NOTHING_SAID,
        )  # fmt: skip
        for place, answer in zip(places, found, strict=True):
            answers[place] = replace(answer, id=None)  # the analysis has it
    return answers


async def _assessable(db: Connection, organization: Organization, items: Sequence[Item]) -> list[int]:
    rules = await loading.current(db)
    try:
        where = profile.of(rules, organization, None).jurisdiction
    except UnknownJurisdiction:
        return []
    places = []
    for place, item in enumerate(items):
        try:
            if item.date:
                rules.check_day(where, item.date)
        except UnknownYear:
            continue
        if item.transaction_id is None:
            places.append(place)
    return places
