"""The LLM over HTTP: a question that nobody can answer waits for it outside of any transaction."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.settings import settings
from ml import registry
from ml.answers import Descriptor, Verdict
from ml.llm import client
from tests.ml.llm.fake import Fake, serving

ANALYZE = "/api/ai/analyze-transaction"
FIGMA = {"description": "CARD PAYMENT TO FIGMA.COM SAN FRANCISCO CA", "amount": "-15.00", "currency": "USD"}


class Silent:
    version = "silent"

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        return [Verdict(None, 0.0, "abstain", "model", "silent", ("nothing",)) for _ in descriptors]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    with serving() as fake:
        monkeypatch.setattr(settings(), "openai_api_key", SecretStr("sk-test"))
        monkeypatch.setattr(settings(), "openai_base_url", fake.url)
        monkeypatch.setattr(client, "breaker", client.Breaker())
        monkeypatch.setattr(registry, "champion", Silent)
        yield fake
        assert fake.faults == []


async def test_it_is_asked_where_the_owner_allows_it(owner: AsyncClient, their_owner: AsyncClient, fake: Fake) -> None:
    assert (await owner.post(ANALYZE, json=FIGMA)).json()["decision"] == "abstain"
    assert fake.received == []
    allowed = await owner.patch("/api/core/organization", json={"allows_llm": True})
    assert allowed.json()["allows_llm"] is True
    told = (await owner.post(ANALYZE, json=FIGMA)).json()
    assert (told["decided_by"], told["decision"], told["category"]["name"]) == ("llm", "review", "Coffee")
    assert (await owner.post(ANALYZE, json=FIGMA)).json() == told
    assert len(fake.received) == 1
    assert (await their_owner.post(ANALYZE, json=FIGMA)).json()["decision"] == "abstain"


async def test_no_transaction_waits_for_it(
    owner: AsyncClient, fake: Fake, database: Database, organization: Organization
) -> None:
    await owner.patch("/api/core/organization", json={"allows_llm": True})
    waiting: list[int] = []

    def look(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        waiting.append(database._pool.get_stats()["pool_size"] - database._pool.get_stats()["pool_available"])
        return []

    fake.say = look  # type: ignore[method-assign]
    assert (await owner.post(ANALYZE, json=FIGMA)).json()["decision"] == "abstain"
    assert waiting == [0]
