"""Books of two organizations, small enough to add up by hand, and the marts built from them."""

from typing import Any

import pytest

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from pipelines import dbt
from tests.bookkeeping import Books, open_books


@pytest.fixture
async def books(database: Database, organization: Organization) -> Books:
    """Two months: wages, rent, a refund, a move to savings, a hotel in another currency, one unexplained payment.

    And what counts nowhere: a payment that is only announced, and one that the bank took back.
    """
    ours = await open_books(database, organization)
    await ours.book("Current GBP", "2026-01-30", "2000.00", "Wages")
    await ours.book("Current GBP", "2026-01-31", "-850.00", "Rent")
    await ours.book("Current GBP", "2026-02-01", "-500.00", "To savings")
    await ours.book("Savings GBP", "2026-02-01", "500.00", "From savings")
    await ours.book("Current GBP", "2026-02-01", "-40.10", "Electronics")
    await ours.book("Current GBP", "2026-02-14", "15.05", "Electronics")
    await ours.book("Current GBP", "2026-02-14", "-9.99")
    await ours.book("Travel EUR", "2026-02-14", "-120.00", "Hotels and lodging")
    await ours.announce("Current GBP", "2026-02-15", "-33.00", "pending")
    await ours.announce("Current GBP", "2026-02-16", "-44.00", "closed")
    return ours


@pytest.fixture
async def other_books(database: Database, stranger: Organization) -> Books:
    theirs = await open_books(database, stranger)
    await theirs.book("Current GBP", "2026-02-02", "-77.00", "Rent")
    return theirs


@pytest.fixture(scope="session")
def build(server: None) -> Any:
    """Builds the tables again. The first time everything is built and tested; the views stay as they are."""
    dbt.build()
    return lambda *arguments: dbt.invoke("run", "--select", "config.materialized:incremental", *arguments)
