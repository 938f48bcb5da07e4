"""Imports: whole or not at all, once and only once."""

from ai2.books.accounts import Account
from ai2.identity.organizations import Organization
from ai2.kit.database import Database

from .conftest import Import, booked

MARCH = """Date,Description,Amount,Balance
2024-03-01,Rent,-900.00,100.00
2024-03-02,Coffee,-3.20,96.80
2024-03-02,Coffee,-3.20,93.60
2024-03-05,Salary,2000.00,2093.60
"""


class TestImport:
    async def test_loads_every_row(
        self, import_text: Import, database: Database, organization: Organization, account: Account
    ) -> None:
        result = await import_text(MARCH)
        assert (result.status, result.rows.in_, result.rows.loaded) == ("loaded", 4, 4)
        async with database.transaction(organization.organization_id) as db:
            rows = await booked(db, account)
        assert [str(row["amount"]) for row in rows] == ["-900.00", "-3.20", "-3.20", "2000.00"]
