"""People: what they decided for a stored transaction, and what they taught of a merchant."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection
from ml import repository
from ml.answers import Item, KnownMerchant, Verdict
from ml.knowledge.labels import primary_of
from ml.repository import TAUGHT

OWN = "own"


async def decide(
    db: Connection, organization_id: UUID, items: Sequence[Item], read: Sequence[DictRow] | None = None
) -> list[Verdict | None]:
    """The person's own decision for this very transaction, or else what they last said of its merchant.

    `read` is what they taught of the items' merchants, where it was read already.
    """
    stored = [item.transaction_id for item in items if item.transaction_id]
    found = await repository.chosen(db, organization_id, stored) if stored else []
    chosen = {row["transaction_id"]: row for row in found}
    if read is None:
        names = sorted({item.key[0] for item in items} - {""})
        read = await repository.taught(db, organization_id, names) if names else []
    known = {(row["merchant_key"], row["money_in"]): row for row in read}
    return [_own(chosen.get(item.transaction_id)) or _taught(known.get(item.key)) for item in items]


def _own(row: DictRow | None) -> Verdict | None:
    if row is None:
        return None
    why = f"one of your people put this transaction in {row['category']}"
    detailed = next((code for code in row["codes"] if primary_of(code)), None)
    return Verdict(detailed, 1.0, "apply", "user", OWN, (why,), category_id=row["category_id"])


def _taught(row: DictRow | None) -> Verdict | None:
    if row is None:
        return None
    merchant = row["merchant"] or row["merchant_key"]
    way = "from" if row["money_in"] else "to"
    times = "once" if row["times"] == 1 else f"{row['times']} times"
    return Verdict(
        detailed=row["detailed"],
        confidence=succession(row["times"]),
        decision="apply",
        decided_by="merchant",
        version=TAUGHT,
        reasons=(f"your people put payments {way} {merchant} in {row['category']} {times}",),
        merchant=KnownMerchant(merchant),
        category_id=row["category_id"],
    )


def succession(times: int) -> float:
    """How sure `times` agreeing cases out of as many make the next one: (s + 1) / (n + 2), Laplace 1774."""
    return round((times + 1) / (times + 2), 4)
