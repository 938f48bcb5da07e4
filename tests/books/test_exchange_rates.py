"""Exchange rates: the central bank's file as it is, and transfers told by it."""

import io
from datetime import date
from decimal import Decimal

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.rates import ecb as exchange_rates
from ai2.books.rates.ecb import NoRates
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Database

FILE = """Date,USD,GBP,CYP,
2011-03-05,1.0850,0.8420,N/A,
2011-03-04,1.0800,0.8400,0.5,
"""


def test_reads_every_rate_and_nothing_else() -> None:
    quotes = list(exchange_rates.read(io.StringIO(FILE)))
    assert len(quotes) == 5
    assert quotes[0] == (date(2011, 3, 5), "USD", Decimal("1.0850"))


@pytest.mark.parametrize(
    "text",
    ["", "Date,Description,Amount\n2011-03-05,Tea,-1\n", "Date,USD\n5 March,1.08\n", "Date,USD\n2011-03-05,-1\n"],
)
def test_refuses_another_file(text: str) -> None:
    with pytest.raises(NoRates):
        list(exchange_rates.read(io.StringIO(text)))


async def test_again_changes_nothing_and_corrections_count(pipeline: Database) -> None:
    async with pipeline.transaction() as db:
        await exchange_rates.put(db, exchange_rates.read(io.StringIO(FILE)))
        assert await exchange_rates.put(db, exchange_rates.read(io.StringIO(FILE))) == 0
        corrected = FILE.replace("1.0850", "1.0851")
        assert await exchange_rates.put(db, exchange_rates.read(io.StringIO(corrected))) == 1


@pytest.mark.parametrize(("came", "kind"), [("1000.00", "transfer"), ("1031.00", "income"), ("930.00", "income")])
async def test_a_transfer_between_currencies_is_told_by_the_days_rate(
    database: Database, pipeline: Database, organization: Organization, came: str, kind: str
) -> None:
    async with pipeline.transaction() as db:
        await exchange_rates.put(db, exchange_rates.read(io.StringIO(FILE)))
    organization_id = organization.organization_id
    async with database.transaction(organization_id) as db:
        for name, currency, amount, text in (
            ("Pounds", "GBP", "-840.00", "TRANSFER TO EUROS"),
            ("Euros", "EUR", came, "TRANSFER FROM POUNDS"),
        ):
            account = await accounts.create(db, organization_id, name=name, currency=currency)
            new = NewTransaction(
                booked_on=date(2011, 3, 4),
                amount=Decimal(amount),
                currency=currency,
                description=text,
                account_id=account.account_id,
            )
            made = await transactions.create(db, organization_id, new)
    assert made.type == kind
