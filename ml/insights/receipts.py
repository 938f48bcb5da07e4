"""Receipts: large expenses that are deductible, as the tax rules say, and have nothing attached."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection
from ai2.kit.errors import Problem
from ml.insights.model import Recommendation, Rows, Silent
from ml.tax import service as tax

# Below it nobody looks for a paper; so many of the largest are assessed.
LEAST, LOOKED_AT = 75, 200
COUNTS = ("yes", "partly", "needs_evidence")


async def recommended(
    db: Connection, organization_id: UUID, rows: Sequence[DictRow]
) -> tuple[list[Recommendation], Silent | None]:
    """Of expenses without a receipt, those that count; or why nobody can say."""
    if not rows:
        return [], None
    try:
        items = [tax.stored(row["transaction_id"]) for row in rows]
        answers = await tax.assess(db, organization_id, items)
    except Problem as problem:
        return [], Silent("missing_receipt", problem.detail)
    counts = {
        answer.transaction_id: answer.rule_id
        for answer in answers
        if answer.deductible in COUNTS and answer.rule_id and answer.amount
    }
    return [_one(row, counts[row["transaction_id"]]) for row in rows if row["transaction_id"] in counts], None


def _one(row: DictRow, rule_id: str) -> Recommendation:
    amount: Decimal = -row["amount"]
    return Recommendation(
        type="missing_receipt",
        reason=f"{row['merchant_key'] or 'an expense'} of {row['booked_on']} may be deductible and has no receipt",
        amount=amount,
        currency=row["currency"],
        since=row["booked_on"],
        rows=Rows([row["transaction_id"]], f"/api/core/transactions/{row['transaction_id']}"),
        computed_by=f"tax {rule_id}",
    )
