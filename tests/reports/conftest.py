"""Books of one organization, small enough to add up by hand."""

import pytest

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from tests.bookkeeping import Books, open_books


@pytest.fixture
async def books(database: Database, organization: Organization, marts: None) -> Books:
    """Wages, rent, a purchase half of which came back, a move to savings, a hotel in euros, and one unexplained."""
    ours = await open_books(database, organization)
    await ours.book("Current GBP", "2026-01-30", "2000.00", "Wages")
    await ours.book("Current GBP", "2026-01-31", "-850.00", "Rent")
    await ours.book("Current GBP", "2026-02-01", "-500.00", "To savings")
    await ours.book("Savings GBP", "2026-02-01", "500.00", "From savings")
    await ours.book("Current GBP", "2026-02-01", "-40.10", "Electronics")
    await ours.book("Current GBP", "2026-02-14", "15.05", "Electronics")
    await ours.book("Current GBP", "2026-02-14", "-9.99")
    await ours.book("Travel EUR", "2026-02-14", "-120.00", "Hotels and lodging")
    return ours
