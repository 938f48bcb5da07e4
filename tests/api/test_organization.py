"""The organization over HTTP: seen by all who belong to it, changed by owners and admins."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import ClientOf

ORGANIZATION = "/api/core/organization"
NOTHING_SAID = dict.fromkeys(["jurisdiction", "registered", "number", "scheme", "role", "business", "basis"])
SAID = {"jurisdiction": "US-CA", "registered": True, "number": "GB 123 4567 89", "scheme": "cash", "role": "company"}


async def test_everybody_in_it_sees_it(client_of: ClientOf, organization: Organization) -> None:
    for role in Role:
        answer = await (await client_of(organization, role)).get(ORGANIZATION)
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json() == {
        "organization_id": str(organization.organization_id),
        "name": organization.name,
        "base_currency": "GBP",
        "country": "GB",
        "fiscal_year_start": 1,
        "fiscal_year_start_day": 1,
        "tax": NOTHING_SAID,
        "auto_apply_confidence": None,
        "shares_learning": False,
        "allows_llm": False,
        "require_second_factor": False,
        "version": 1,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Brighter Bikes"},
        {"base_currency": "EUR"},
        {"country": None},
        {"fiscal_year_start": 4, "shares_learning": True},
        {"fiscal_year_start": 4, "fiscal_year_start_day": 6, "auto_apply_confidence": 0.9},
        {"tax": {**SAID, "business": "retail", "basis": "accrual"}},
    ],
)
async def test_changes_what_is_named_and_leaves_the_rest_and_others_alone(
    client_of: ClientOf, organization: Organization, their_owner: AsyncClient, change: dict[str, Any]
) -> None:
    admin = await client_of(organization, Role.ADMIN)
    before, theirs = (await admin.get(ORGANIZATION)).json(), (await their_owner.get(ORGANIZATION)).json()
    answer = await admin.patch(ORGANIZATION, json=change)
    assert answer.json() == {**before, **change, "version": 2}
    assert (await admin.get(ORGANIZATION)).json() == answer.json()
    assert (await their_owner.get(ORGANIZATION)).json() == theirs


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT])
async def test_lower_roles_change_nothing(client_of: ClientOf, organization: Organization, role: Role) -> None:
    client = await client_of(organization, role)
    assert (await client.patch(ORGANIZATION, json={"name": "Mine"})).status_code == 403
    assert (await client.get(ORGANIZATION)).json()["name"] == organization.name


@pytest.mark.parametrize(
    "change",
    [
        {"base_currency": "ABC"},  # no such currency
        {"base_currency": "XAU"},  # gold: nothing is paid in it
        {"base_currency": "gbp"},
        {"base_currency": None},
        {"country": "England"},
        {"country": "UK"},  # the country's code is GB
        {"fiscal_year_start": 2, "fiscal_year_start_day": 29},
        {"auto_apply_confidence": 1.5},
        {"tax": {"jurisdiction": "ZZ"}},
        {"tax": {"scheme": "guess"}},
        {"tax": {"role": "king"}},
        {"tax": {"number": "<b>"}},
        {"fiscal_year_start": 13},
        {"fiscal_year_start": True},
        {"shares_learning": "yes"},
        {"name": " "},
        {"organization_id": "x"},
    ],
)
async def test_refuses_what_does_not_hold(owner: AsyncClient, change: dict[str, Any]) -> None:
    assert (await owner.patch(ORGANIZATION, json=change)).status_code == 422
    assert (await owner.get(ORGANIZATION)).json()["version"] == 1


async def test_a_change_of_what_one_has_not_seen_is_refused(owner: AsyncClient) -> None:
    seen = (await owner.get(ORGANIZATION)).headers["ETag"]
    first = await owner.patch(ORGANIZATION, json={"name": "One"}, headers={"If-Match": seen})
    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    second = await owner.patch(ORGANIZATION, json={"name": "Two"}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (412, "stale")
    assert (await owner.get(ORGANIZATION)).json()["name"] == "One"


async def test_of_the_tax_profile_too_what_is_not_named_stays(owner: AsyncClient) -> None:
    await owner.patch(ORGANIZATION, json={"tax": {"jurisdiction": "GB", "registered": True}})
    changed = await owner.patch(ORGANIZATION, json={"tax": {"registered": False}})
    assert changed.json()["tax"] == {**NOTHING_SAID, "jurisdiction": "GB", "registered": False}


async def test_what_it_was_stays_in_its_history(owner: AsyncClient) -> None:
    await owner.patch(ORGANIZATION, json={"base_currency": "EUR"})
    await owner.patch(ORGANIZATION, json={"base_currency": "USD"})
    found = (await owner.get(f"{ORGANIZATION}/history", params={"limit": 1})).json()
    assert [(each["version"], each["settings"]["base_currency"]) for each in found["items"]] == [(2, "EUR")]
    assert found["items"][0]["changed_by"].startswith("api_key:")
    rest = (await owner.get(f"{ORGANIZATION}/history", params={"cursor": found["next_cursor"]})).json()
    assert [(each["version"], each["settings"]["base_currency"]) for each in rest["items"]] == [(1, "GBP")]
    assert (await owner.get(f"{ORGANIZATION}/history", params={"cursor": "x"})).status_code == 422
