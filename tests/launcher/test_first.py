"""First steps: a sample made twice is made once, and every account agrees with its bank's last balance."""

import csv
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from ai2 import sample
from ai2.books.accounts import service as accounts
from ai2.kit.database import Database
from ai2.kit.settings import settings
from ai2.launcher import first
from ai2.launcher import sample as way_in


async def test_the_sample_is_made_once_and_agrees_with_its_bank(database: Database, tmp_path: Path) -> None:
    await first.make_sample()
    known = way_in.read(settings().home)
    assert known
    assert known.is_loaded
    await first.make_sample()
    assert way_in.read(settings().home) == known
    organization_id = UUID(known.organization_id)
    async with database.transaction(organization_id) as db:
        names = [account.name for account in await accounts.list_all(db, organization_id)]
        current = await accounts.find(db, organization_id, "Business Current")
        assert current
        days = await accounts.balances(db, organization_id, current.account_id)
    assert sorted(names) == ["Business Card", "Business Current", "Euro Account"]
    rows = list(csv.DictReader(sample.write(tmp_path)[0].path.open(newline="")))
    assert days[-1].balance == Decimal(rows[-1]["Balance"])
    assert sum(bool(day) for day in days) == len({row["Transaction Date"] for row in rows})


async def test_its_categories_are_decided(database: Database) -> None:
    await first.make_sample()
    await first.categorise_sample()
    assert not await way_in.is_uncategorised(settings())
