"""The check on balances: it warns of accounts and days, and tells nothing else of them."""

import json
from asyncio import to_thread
from typing import Any

import dagster as dg

from pipelines.ingest.checks import balances_hold
from pipelines.marts.jobs import build_marts
from pipelines.resources import Books
from tests.pipelines.conftest import Inbox

MARCH = """Date,Description,Amount,Balance
2026-03-02,RENT SECRETLANE,-850.17,1150.00
2026-03-03,SALARY ACME LTD,2000.00,3150.00
2026-03-05,TESCO STORES 3297,-45.27,3104.73
"""


def asked(inbox: Inbox) -> tuple[dg.AssetCheckResult, list[dict[str, Any]]]:
    """The check's answer, and what it says of this account."""
    result = balances_hold(books=Books())
    assert isinstance(result, dg.AssetCheckResult)
    listed: list[dict[str, Any]] = result.metadata["accounts"].value  # type: ignore[assignment]
    return result, [one for one in listed if one["account_id"] == str(inbox.account.account_id)]


async def test_an_account_that_holds_is_not_named(inbox: Inbox) -> None:
    await inbox.take(inbox.drop(MARCH))
    _, ours = await to_thread(asked, inbox)
    assert ours == []


async def test_an_account_that_breaks_is_named_with_its_day_and_nothing_more(inbox: Inbox) -> None:
    await inbox.take(inbox.drop(MARCH.replace("2026-03-03", "2026-13-03")))
    result, ours = await to_thread(asked, inbox)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert ours == [
        {
            "organization_id": str(inbox.organization.organization_id),
            "account_id": str(inbox.account.account_id),
            "first_break": "2026-03-05",
            "proven_until": "2026-03-02",
        }
    ]
    shown = json.dumps({name: value.value for name, value in result.metadata.items()}, default=str)  # type: ignore[union-attr]
    for secret in ("SECRETLANE", "850.17", "2000", "3104.73", inbox.account.name, inbox.organization.name):
        assert secret not in shown


def test_it_is_asked_whenever_the_marts_are_built() -> None:
    assert balances_hold.check_key.name == "balances_hold"
    assert "balances_hold" in str(build_marts.selection)
