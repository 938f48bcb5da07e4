"""What Dagster shows of a file that fails: the way through the code, and nothing of what the file holds."""

import asyncio

import dagster as dg
import pytest

from ai2.ingest import service
from tests.pipelines.conftest import Inbox

CARD, IBAN = "4111111111111111", "DE89370400440532013000"
# 14.000 may be fourteen or fourteen thousand.
ASKING = f"Date,Description,Amount\n01/02/2026,CARD {CARD},-14.000\n02/03/2026,SEPA {IBAN},-1.500\n"


def said(result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> str:
    """Every event of the run, whole."""
    records = instance.all_logs(result.run_id)
    return "\n".join(str(record) for record in records)


async def test_a_question_is_shown_without_what_is_in_the_file(inbox: Inbox, instance: dg.DagsterInstance) -> None:
    result = await inbox.take(inbox.drop(ASKING))
    told = said(result, instance)
    assert "needs_answer" in told
    assert CARD not in told
    assert IBAN not in told


@pytest.mark.parametrize("is_databases", [False, True])
async def test_a_crash_is_shown_by_its_kind(
    inbox: Inbox, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, is_databases: bool
) -> None:
    async def crash(db: object, *_: object, **__: object) -> None:
        if is_databases:
            await db.execute("select cast(%s as date)", [f"CARD {CARD}"])  # type: ignore[attr-defined]
        raise RuntimeError(f"cannot read CARD {CARD} {IBAN}")

    monkeypatch.setattr(service, "run", crash)
    result = await inbox.take(inbox.drop(ASKING))
    told = await asyncio.to_thread(said, result, instance)
    assert not result.success
    assert ("InvalidDatetimeFormat (22007)" if is_databases else "RuntimeError") in told
    assert CARD not in told
    assert IBAN not in told
