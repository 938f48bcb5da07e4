"""What banks state, held against the books: which accounts do not hold, and since when; no amount of anyone's."""

import dagster as dg

from ai2.ingest import balances
from ai2.ingest.balances import Broken
from ai2.kit.database import Database
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

LISTED = 100


@dg.asset_check(
    asset=TRANSACTIONS,
    description="opening balance plus everything booked is what the bank states, on every day of every account",
)
def balances_hold(books: Books) -> dg.AssetCheckResult:
    """A warning: the account's owner finds the suspects at GET /api/core/accounts/{id}/balances."""
    found = books.of_all(_broken)
    first = min((broken.first_break for broken in found), default=None)
    listed = [
        {
            "organization_id": str(broken.organization_id),
            "account_id": str(broken.account_id),
            "first_break": broken.first_break.isoformat(),
            "proven_until": broken.proven_until.isoformat() if broken.proven_until else None,
        }
        for broken in found[:LISTED]
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "accounts_that_break": len(found),
            "first_break": first.isoformat() if first else "none",
            "accounts": dg.MetadataValue.json(listed),
        },
    )


async def _broken(database: Database) -> list[Broken]:
    async with database.transaction() as db:
        return await balances.broken(db)
