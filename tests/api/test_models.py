"""Models over HTTP: who may see them, who may change what answers for everyone, and that the audit says who did."""

from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.settings import Settings
from ml import registry, serving
from ml.categoriser.model import Params, Trained, train
from ml.governance import retrain, service, succession
from tests.api.asking import ClientOf, PersonIn

MODELS = "/api/ai/models"
PROMOTE, ROLLBACK = f"{MODELS}/categoriser/promote", f"{MODELS}/categoriser/rollback"
FAILED = {"name": "no_country_falls", "is_passed": False, "rule": "none falls", "is_absolute": False, "figures": {}}
SPLITS = {"rows_by_split": {"test": 30}, "rows_by_source": {"known": 30}}
FIGURES = {
    "rows": 30, "primary_accuracy": 0.5, "detailed_accuracy": 0.4, "applied_coverage": 0.2, "applied_precision": None,
    "calibration_error": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny() -> Trained:
    import pandas as pd

    shops = [
        ("coffee house", "FOOD_AND_DRINK_COFFEE"),
        ("grand hotel", "TRAVEL_LODGING"),
        ("dentist", "MEDICAL_DENTAL_CARE"),
    ]
    sides = ["train", "train", "calibration", "test"]
    frame = pd.DataFrame(
        [
            {
                "line": f"sign=out {text} {n}",
                "detailed": detailed,
                "weight": 1.0,
                "split": sides[n % 4],
                "source": "known",
            }
            for text, detailed in shops
            for n in range(40)
        ]
    ).assign(group="", is_mauled=False, is_english=True)
    return train(frame, Params(buckets=2**10, epochs=2, jobs=1))


@pytest.fixture(autouse=True)
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A registry in a folder of the test's own, and settings that it may change."""

    def with_settings(**more: Any) -> None:
        settings = Settings(AI2_HOME=tmp_path, MLFLOW_TRACKING_URI=None, **more)
        for module in (registry, serving, retrain, service):
            monkeypatch.setattr(module, "settings", lambda: settings)

    with_settings()
    monkeypatch.setattr(serving, "_serving", serving._Serving())
    monkeypatch.setattr(serving, "_watch", lambda: None)
    return with_settings


@pytest.fixture
def versions(tiny: Trained) -> tuple[str, str, str]:
    """One that served, one that serves, and one that failed a gate."""
    made = [
        registry.register(
            tiny.pipeline,
            metrics={"unseen_primary_accuracy": accuracy},
            params={"alpha": accuracy},
            data={"sha256": "abc", "measured_on": "unseen", **SPLITS},
            code_version="0.1.0",
            report={"unseen": FIGURES},
            gates=[{**FAILED, "is_passed": is_passed}],
        )
        for accuracy, is_passed in ((0.5, True), (0.6, True), (0.7, False))
    ]  # fmt: skip
    succession.promote(made[0])
    succession.promote(made[1])
    succession.try_out(made[2])
    return made[0].version, made[1].version, made[2].version


async def roles(client: AsyncClient) -> dict[str, str | None]:
    return {each["version"]: each["role"] for each in (await client.get(MODELS)).json()["items"]}


async def test_an_admin_sees_every_version_and_what_it_was_held_to(
    client_of: ClientOf, organization: Organization, versions: tuple[str, str, str]
) -> None:
    admin = await client_of(organization, Role.ADMIN)
    answer = await admin.get(MODELS)
    assert answer.status_code == 200, answer.text
    items = {item["version"]: item for item in answer.json()["items"]}
    assert await roles(admin) == dict(zip(versions, ("former", "champion", "challenger"), strict=True))
    assert items[versions[2]]["gates"] == [FAILED]
    assert items[versions[1]]["metrics"] == {"unseen_primary_accuracy": 0.6}
    assert answer.json()["next_cursor"] is None


async def test_a_version_that_failed_a_gate_is_forced_for_a_reason_and_taken_back_in_one_call(
    person_in: PersonIn, owner: AsyncClient, organization: Organization, versions: tuple[str, str, str]
) -> None:
    admin = await person_in(organization, Role.ADMIN)
    former, serving, failed = versions
    refused = await admin.client.post(PROMOTE, json={"version": failed})
    assert (refused.status_code, refused.json()["code"]) == (409, "gates_not_passed")
    assert refused.json()["gates"] == [FAILED]
    assert (await admin.client.post(PROMOTE, json={"version": failed, "force": True})).status_code == 422
    forced = await admin.client.post(PROMOTE, json={"version": failed, "force": True, "reason": "a hotfix"})
    assert (forced.status_code, forced.json()["role"]) == (200, "champion"), forced.text
    assert forced.json()["promoted_by"] == f"user:{admin.user_id}"
    assert registry.champion().version == f"categoriser-{failed}"

    back = await admin.client.post(ROLLBACK)
    assert (back.status_code, back.json()["version"]) == (200, serving)
    assert registry.champion().version == f"categoriser-{serving}"
    assert (await admin.client.post(ROLLBACK)).json()["version"] == former
    assert (await admin.client.post(ROLLBACK)).json()["code"] == "no_former_model"

    told = [
        (entry["actor"], entry["operation"], entry["details"])
        for entry in (await owner.get("/api/core/audit")).json()["items"]
        if entry["operation"] in {"promote_model", "roll_back_model"}
    ]
    assert [(actor, operation) for actor, operation, _ in told] == [
        (f"user:{admin.user_id}", "roll_back_model"),
        (f"user:{admin.user_id}", "roll_back_model"),
        (f"user:{admin.user_id}", "promote_model"),
    ]
    assert told[2][2] | {"version": failed, "force": True, "reason": "a hotfix"} == told[2][2]
    assert told[1][2]["version"] == serving


async def test_a_tenant_does_not_change_what_answers_for_others(
    owner: AsyncClient, their_owner: AsyncClient, organization: Organization, versions: tuple[str, str, str], use: Any
) -> None:
    use(ENABLE_MULTI_TENANT=True)
    for client in (owner, their_owner):  # among many tenants nobody, unless they are named
        assert (await client.post(ROLLBACK)).json()["code"] == "not_an_operator"
        assert (await client.post(PROMOTE, json={"version": versions[0]})).status_code == 403
    use(ENABLE_MULTI_TENANT=True, OPERATOR_ORGANIZATIONS=[organization.organization_id])
    assert (await their_owner.post(ROLLBACK)).status_code == 403
    assert registry.champion().version == f"categoriser-{versions[1]}"
    assert (await owner.post(ROLLBACK)).status_code == 200
    use(OPERATOR_ORGANIZATIONS=[organization.organization_id])  # a name counts where there is one tenant too
    assert (await their_owner.post(PROMOTE, json={"version": versions[1]})).status_code == 403
    assert (await owner.post(PROMOTE, json={"version": versions[1]})).status_code == 200


@pytest.mark.parametrize(
    ("address", "body"),
    [
        (PROMOTE, {"version": "99"}),
        (f"{MODELS}/nobody/promote", {"version": "1"}),
        (f"{MODELS}/nobody/rollback", None),
    ],
)
async def test_what_is_not_there_is_not_found(owner: AsyncClient, address: str, body: dict[str, str] | None) -> None:
    assert (await owner.post(address, json=body)).json()["code"] == "model_version_not_found"


async def test_status_says_how_good_a_model_is_and_on_what(owner: AsyncClient, versions: tuple[str, str, str]) -> None:
    answer = await owner.get("/api/ai/status")
    assert answer.status_code == 200, answer.text
    serving, tried = answer.json()["models"]
    assert (serving["role"], tried["role"], tried["gates_failed"]) == ("champion", "challenger", [FAILED["name"]])
    [accuracy] = serving["accuracy"]
    assert (accuracy["data_set"], accuracy["split"], accuracy["primary"]) == ("public knowledge", "unseen", 0.5)
    assert accuracy["applied_precision"] is None


async def test_learning_stats_name_champion_challenger_and_what_would_trigger_a_training(
    owner: AsyncClient, versions: tuple[str, str, str]
) -> None:
    answer = await owner.get("/api/ai/learning-stats")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["champion"]["version"], told["challenger"]["version"]) == versions[1:]
    assert told["feedback"] == {"total": 0, "by_field": {}, "by_apply_to": {}, "last_at": None}
    assert told["shadow"]["rows"] == 0
    assert {each["trigger"]: each["limit"] for each in told["next_retraining"]["triggers"]} == {
        "schedule": 7, "corrections": 500, "drift_of_decisions": 0.25, "drift_of_overrides": 0.05,
    }  # fmt: skip
    assert told["next_retraining"]["at"] > told["next_retraining"]["last_training_at"]


async def test_a_sampled_answer_is_asked_of_the_challenger_too(
    owner: AsyncClient, versions: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.governance import shadow

    monkeypatch.setattr(shadow, "ONE_IN", 1)
    body = {"description": "TESCO STORES 3044", "amount": "-12.50", "currency": "GBP"}
    assert (await owner.post("/api/ai/analyze-transaction", json=body)).status_code == 200
    told = (await owner.get("/api/ai/learning-stats")).json()["shadow"]
    assert (told["rows"], told["by_category"].keys()) == (1, {"FOOD_AND_DRINK"})
