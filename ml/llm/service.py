"""Asking the LLM: only where a key is set and the organization allows it, within its day's budget, and never twice.

Nobody waits for it in a database transaction: `ask` opens those it needs, and what it learns is read by the chain.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog

from ai2.identity import organizations
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings
from ml.answers import Descriptor
from ml.llm import client, exchange, repository
from ml.llm.exchange import VERSION, Answer, Question, Unusable
from ml.llm.masking import masked

AT_ONCE = 20

log = structlog.get_logger(__name__)


def is_configured() -> bool:
    """Whether this deployment has an LLM at all."""
    return settings().openai_api_key is not None


async def is_allowed(db: Connection, organization_id: UUID) -> bool:
    """Whether this organization lets it be asked."""
    return is_configured() and (await organizations.get(db, organization_id)).allows_llm


def question(descriptor: Descriptor) -> Question | None:
    """What it would be asked of a descriptor; none where nothing of it may leave."""
    text = masked(descriptor) if descriptor.money_in is not None else None
    return Question(text, bool(descriptor.money_in)) if text else None


async def known(db: Connection, organization_id: UUID, questions: Sequence[Question]) -> dict[Question, Answer]:
    """What it answered before to these."""
    texts = sorted({each.text for each in questions})
    found = await repository.answers(db, organization_id, settings().ai_model, VERSION, texts) if texts else []
    return {Question(row["text"], row["money_in"]): Answer(row["detailed"], row["confidence"]) for row in found}


async def left(db: Connection, organization_id: UUID, descriptors: Sequence[Descriptor]) -> list[Descriptor]:
    """Of which of these it may be asked, and was not yet."""
    if not is_configured():
        return []
    asked = {each: wanted for each in descriptors if (wanted := question(each))}
    if not asked or not await is_allowed(db, organization_id):
        return []
    before = await known(db, organization_id, list(asked.values()))
    return [each for each, wanted in asked.items() if wanted not in before]


async def ask(database: Database, organization_id: UUID, descriptors: Sequence[Descriptor]) -> int:
    """Ask what was not asked before, and keep the answers. Says how many questions were answered.

    Where it is not allowed, the budget is used up, or it does not answer, what is left stays open.
    """
    if not is_configured():
        return 0
    wanted = list(dict.fromkeys(each for each in map(question, descriptors) if each))
    async with database.transaction(organization_id) as db:
        if not wanted or not await is_allowed(db, organization_id):
            return 0
        before = await known(db, organization_id, wanted)
    fresh = [each for each in wanted if each not in before]
    answered = 0
    for start in range(0, len(fresh), AT_ONCE):
        found = await _ask(database, organization_id, fresh[start : start + AT_ONCE])
        if found is None:
            break
        answered += found
    return answered


async def _ask(database: Database, organization_id: UUID, questions: Sequence[Question]) -> int | None:
    """One call. None where there is no use in another one now."""
    model = settings().ai_model
    async with database.transaction(organization_id) as db:
        if not await repository.take_call(db, organization_id, settings().ai_daily_calls, settings().ai_daily_tokens):
            log.info("llm_budget_used_up", organization_id=str(organization_id))
            return None
    try:
        answers, tokens = exchange.read(await client.complete(exchange.request(model, questions)), questions)
    except client.LlmDown as down:
        log.warning("llm_down", reason=down.detail)
        return None
    except Unusable as error:
        log.warning("llm_answer_discarded", reason=str(error))
        client.breaker.failed()
        return None
    async with database.transaction(organization_id) as db:
        await repository.add_tokens(db, organization_id, tokens)
        if answers:
            kept = [(each.text, each.money_in, said.detailed, said.confidence) for each, said in answers.items()]
            await repository.keep(db, organization_id, model, VERSION, kept)
    return len(answers)
