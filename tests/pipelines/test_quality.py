"""Whole data sets: what is wrong is found, and no row of anyone's leaves the database for it."""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.kit.database import Database
from ai2.kit.settings import settings
from pipelines.marts.checks import BATCHES, TRANSACTIONS, batches_as_a_whole, transactions_as_a_whole
from pipelines.quality import PAGES_KEPT, Suite, validate
from pipelines.resources import Books
from tests.pipelines.conftest import STATEMENT, Inbox

GOOD = {
    "currency": "GBP", "account_currency": "GBP", "decimals": 2, "exponent": 2, "n": 7,
    "first_day": date(2026, 1, 1), "days_ahead": -1,
}  # fmt: skip
BALANCED = {"status": "loaded", "missing": 0, "loaded_missing": 0, "unloaded_missing": 0, "n": 1}


@pytest.mark.parametrize(
    ("suite", "kinds", "broken"),
    [
        (TRANSACTIONS, [], []),
        (TRANSACTIONS, [GOOD], []),
        (TRANSACTIONS, [GOOD, GOOD | {"currency": "XXX", "account_currency": "XXX", "exponent": None}],
         ["every_currency_is_known"]),
        (TRANSACTIONS, [GOOD | {"decimals": 3}], ["no_amount_has_more_decimals_than_its_currency"]),
        (TRANSACTIONS, [GOOD, GOOD | {"account_currency": "EUR"}], ["currencies_are_their_accounts"]),
        (TRANSACTIONS, [GOOD | {"days_ahead": 367}], ["no_date_is_far_ahead"]),
        (BATCHES, [BALANCED], []),
        (BATCHES, [BALANCED | {"missing": 1}], ["rows_balance"]),
        (BATCHES, [BALANCED, BALANCED | {"loaded_missing": 2}], ["loaded_rows_are_there"]),
        (BATCHES, [BALANCED | {"unloaded_missing": -1}], ["unloaded_rows_are_there"]),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(suite: Suite, kinds: Sequence[dict[str, Any]], broken: list[str]) -> None:
    results = validate(suite, kinds)

    assert [result.check_name for result in results] == [rule.name for rule in suite.rules]
    assert [result.check_name for result in results if not result.passed] == broken


async def test_the_books_hold_and_their_pages_name_nobody(inbox: Inbox, database: Database) -> None:
    organization_id = inbox.organization.organization_id
    new = NewTransaction(
        booked_on=date(2026, 5, 5),
        amount=Decimal(-987654),
        currency="GBP",
        description="SECRET PAYEE",
        account_id=inbox.account.account_id,
    )
    await inbox.take(inbox.drop(STATEMENT))
    async with database.transaction(organization_id) as db:
        await transactions.create(db, organization_id, new)

    for check in (transactions_as_a_whole, batches_as_a_whole):
        results = await asyncio.to_thread(lambda check=check: list(check(Books())))
        assert [result.check_name for result in results if not result.passed] == []

    pages = [path for path in (settings().home / "gx").rglob("*") if path.suffix in {".html", ".json"}]
    assert pages
    for page in pages:
        text = page.read_text()
        assert not any(secret in text for secret in ("SECRET", "987654", "COFFEE", str(organization_id))), page
        # nor do they load anything from elsewhere
        assert page.suffix == ".json" or not any(tag in text for tag in ("<script", "<link", "<img", 'src="')), page


def test_old_pages_are_forgotten() -> None:
    for _ in range(2):
        validate(BATCHES, [BALANCED])
    kept = list((settings().home / "gx/uncommitted/validations/statement_lines").rglob("*.json"))
    assert 2 <= len(kept) <= PAGES_KEPT
