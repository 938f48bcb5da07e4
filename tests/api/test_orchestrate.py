"""Workflows over HTTP: small ones at once, large ones as a run, each with what came of its steps."""

from typing import Any
from uuid import UUID

from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.jobs import HANDLERS
from ai2.kit import queue
from ai2.kit.database import Database
from tests.api.asking import ClientOf
from tests.api.test_ai import TESCO, UNHEARD_OF, book, teach

O = "/api/ai/orchestrate"  # noqa: E741 - it stands in every line


def steps(run: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["state"] for step in run["steps"]}


async def test_a_small_one_is_done_at_once(owner: AsyncClient) -> None:
    known, other = await book(owner, TESCO), await book(owner, TESCO)
    wanted = {"workflow": "categorize", "transaction_ids": [known["transaction_id"]]}
    answer = await owner.post(O, json=wanted, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert (run["state"], steps(run)) == ("done", {"learning": "done", "classification": "done"})
    assert run["steps"][1]["result"]["applied"] == 1
    rows = {row["transaction_id"]: row for row in (await owner.get("/api/core/transactions")).json()["items"]}
    assert rows[known["transaction_id"]]["category"] == "Groceries"
    assert rows[other["transaction_id"]]["category"] is None
    assert (await owner.get(f"{O}/{run['run_id']}")).json() == run
    again = await owner.post(O, json=wanted, headers={"Idempotency-Key": "once"})
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (run, "true")


async def test_what_was_taught_since_is_brought_to_what_machines_decided(owner: AsyncClient) -> None:
    first, second = await book(owner, TESCO), await book(owner, TESCO)
    ids = [each["transaction_id"] for each in (first, second)]
    await owner.post(O, json={"workflow": "categorize", "transaction_ids": ids})
    await teach(owner, first, "Office supplies")
    run = (await owner.post(O, json={"workflow": "categorize", "transaction_ids": ids})).json()
    assert run["steps"][0]["result"] == {"changed": 1}
    now = (await owner.get(f"/api/core/transactions/{second['transaction_id']}")).json()
    assert (now["category"], now["decided_by"], now["decided_version"]) == ("Office supplies", "merchant", "taught")


async def test_a_period_is_a_run(owner: AsyncClient, database: Database, organization: Organization) -> None:
    await book(owner, TESCO)
    await book(owner, UNHEARD_OF)
    answer = await owner.post(O, json={"workflow": "monthly_close", "period": "2026-03"})
    assert answer.status_code == 202, answer.text
    run = answer.json()
    assert (run["state"], set(steps(run).values())) == ("queued", {"waiting"})
    async with database.transaction(organization.organization_id) as db:
        job = await queue.get(db, organization.organization_id, UUID(run["run_id"]))
    await HANDLERS["orchestrate"](database, database, job, lambda _: None)
    done = (await owner.get(f"{O}/{run['run_id']}")).json()
    assert (done["state"], set(steps(done).values())) == ("done", {"done"})
    assert list(steps(done)) == [
        "learning", "classification", "recurring", "anomalies", "tax", "insights", "closing",
    ]  # fmt: skip
    assert done["steps"][4]["result"]["jurisdiction"] == "GB"
    closing = done["steps"][-1]["result"]
    assert (closing["uncategorized"], closing["pending"], closing["is_ready"]) == (1, 0, False)


async def test_a_tax_review_says_what_is_deductible(owner: AsyncClient) -> None:
    wanted = {"workflow": "tax_review", "transaction_ids": [(await book(owner, TESCO))["transaction_id"]]}
    run = (await owner.post(O, json=wanted)).json()
    assert (run["state"], run["steps"][-1]["step"]) == ("done", "tax")
    assert run["steps"][-1]["result"]["answers"] == 1
    assert sum(run["steps"][-1]["result"]["by_answer"].values()) == 1


async def test_what_does_not_hold_is_refused(owner: AsyncClient) -> None:
    some = [(await book(owner, TESCO))["transaction_id"]]
    for wanted in (
        {"workflow": "categorize"},
        {"workflow": "categorize", "period": "2026", "transaction_ids": some},
        {"workflow": "monthly_close", "transaction_ids": some},
        {"workflow": "world_peace", "period": "2026"},
        {"workflow": "categorize", "period": "last summer"},
    ):
        assert (await owner.post(O, json=wanted)).status_code == 422, wanted


async def test_a_viewer_reads_runs_and_a_stranger_does_not(
    owner: AsyncClient, their_owner: AsyncClient, client_of: ClientOf, organization: Organization
) -> None:
    wanted = {"workflow": "categorize", "transaction_ids": [(await book(owner, TESCO))["transaction_id"]]}
    viewer = await client_of(organization, Role.VIEWER)
    assert (await viewer.post(O, json=wanted)).status_code == 403
    assert (await their_owner.post(O, json=wanted)).status_code == 404
    run = (await owner.post(O, json=wanted)).json()
    assert (await viewer.get(f"{O}/{run['run_id']}")).status_code == 200
    assert (await their_owner.get(f"{O}/{run['run_id']}")).status_code == 404
