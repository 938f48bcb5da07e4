"""The LLM: what it answered of the masked merchant text. It never decides: a person looks at what it says."""

from collections.abc import Sequence
from uuid import UUID

from ai2.kit.database import Connection
from ai2.kit.settings import settings
from ml.answers import Item, Verdict
from ml.llm import service
from ml.llm.exchange import VERSION, Answer


async def decide(db: Connection, organization_id: UUID, items: Sequence[Item]) -> list[Verdict | None]:
    """What is known of its answers. Who wants it asked does so before, with `ml.llm.service.ask`."""
    asked = [service.question(item.descriptor) for item in items]
    known = await service.known(db, organization_id, [each for each in asked if each])
    return [_verdict(known.get(each)) if each else None for each in asked]


def _verdict(answer: Answer | None) -> Verdict | None:
    if answer is None or answer.detailed is None:
        return None
    return Verdict(
        detailed=answer.detailed,
        confidence=answer.confidence,
        decision="review",
        decided_by="llm",
        version=f"{settings().ai_model}/{VERSION}",
        reasons=("a language model says so of the merchant's words; nothing else was shown to it",),
    )
