"""Analyses: verdicts as they are told, each category as predicted for anyone and as the organization's own."""

from collections.abc import Sequence
from uuid import UUID

from ai2.books.categories import service as categories
from ai2.books.categories.service import Meaning
from ai2.kit.database import Connection
from ml.answers import Alternative, Analysis, Category, OtherCategory, Verdict
from ml.knowledge.labels import primaries, primary_of


async def tell(
    db: Connection, organization_id: UUID, verdicts: Sequence[Verdict], meaning: Meaning | None = None
) -> list[Analysis]:
    """Each verdict with the organization's categories in it, by what all codes mean to it, where that is known."""
    known = meaning or await _meant(db, organization_id, verdicts)
    return [_analysis(verdict, known) for verdict in verdicts]


async def _meant(db: Connection, organization_id: UUID, verdicts: Sequence[Verdict]) -> Meaning:
    others = [each for verdict in verdicts for each in verdict.alternatives[:3]]
    named: list[Verdict | Alternative] = [*verdicts, *others]
    codes = {each.detailed for each in named if each.detailed and not each.category_id}
    codes |= {primary for code in codes if (primary := primary_of(code))}
    own = {each.category_id for each in named if each.category_id}
    return await categories.meant(db, organization_id, codes, own)


def own_category(by_code: dict[str, UUID], detailed: str | None) -> UUID | None:
    """The organization's category for a predicted one: the one it means by it, or else by the primary above it."""
    return by_code.get(detailed or "") or by_code.get(primary_of(detailed) or "")


def _analysis(verdict: Verdict, meaning: Meaning) -> Analysis:
    return Analysis(
        category=Category(*_category(verdict, meaning)),
        confidence=verdict.confidence,
        decision=verdict.decision,
        alternatives=tuple(
            OtherCategory(*_category(other, meaning), confidence=other.confidence) for other in verdict.alternatives[:3]
        ),
        merchant=verdict.merchant,
        decided_by=verdict.decided_by,
        version=verdict.version,
        reasons=verdict.reasons,
        recurring=verdict.recurring,
    )


def _category(said: Verdict | Alternative, meaning: Meaning) -> tuple[str | None, str | None, str | None, str | None]:
    """Primary, detailed, id and name."""
    category_id = said.category_id or own_category(meaning.by_code, said.detailed)
    primary, detailed = primary_of(said.detailed), said.detailed
    if said.category_id and not detailed:
        codes = meaning.codes_of(said.category_id)
        detailed = next((code for code in codes if primary_of(code)), None)
        primary = primary_of(detailed) or next((code for code in codes if code in primaries().values()), None)
    if category_id is None:
        return primary, detailed, None, None
    return primary, detailed, str(category_id), meaning.names.get(category_id)
