"""Imported: what the file itself says a payment is, in a column of categories that a bank or a program wrote."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from ai2.books.categories import stated
from ai2.books.categories.stated import Chart
from ai2.kit.database import Connection
from ml.answers import Item, Verdict
from ml.knowledge.labels import primary_of

VERSION = "stated-1"


async def decide(db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Verdict | None]:
    """The category that is called as the file says; none where it says nothing, or names none of these."""
    said = [stated.stated(item.attributes) for item in items]
    if not any(said):
        return [None] * len(items)
    chart = await stated.chart(db, organization_id)
    return [_verdict(chart, each) if each else None for each in said]


def told(verdict: Verdict, item: Item) -> Verdict:
    """With the word that the file has for it, where somebody else had to decide."""
    said = stated.stated(item.attributes)
    if said is None or verdict.decided_by in ("user", "rule", "import"):
        return verdict
    return replace(verdict, reasons=(*verdict.reasons, f"the file says {said}"))


def _verdict(chart: Chart, said: str) -> Verdict | None:
    category_id = chart.find(said)
    if category_id is None:
        return None
    return Verdict(
        detailed=next((code for code in chart.codes(category_id) if primary_of(code)), None),
        confidence=1.0,
        decision="apply",
        decided_by="import",
        version=VERSION,
        reasons=(f"the file says {said}",),
        category_id=category_id,
    )
