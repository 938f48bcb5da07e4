"""Retraining: who contributes, what is measured on what, and when a challenger serves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ai2.kit.database import Database
from ml import registry
from ml.categoriser import examples as made
from ml.categoriser.examples import split_of
from ml.categoriser.perturb import Flips
from ml.governance import gates, retrain, rows, shadow, succession
from ml.governance.intervals import mcnemar
from tests.ml.conftest import TINY

UseRegistry = Callable[..., Path]
# So few features that whoever has more is better.
WEAK = replace(TINY, buckets=2**10, epochs=4)
STEADY = lambda *_: Flips(1, 0, {"case": 0.0})  # noqa: E731


@pytest.fixture
def _let_categories_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of models so small one category or another falls by chance; `test_gates` holds them to it."""
    monkeypatch.setattr(gates, "CATEGORY_FALL", 1.0)


@pytest.fixture(autouse=True)
def _few_examples(monkeypatch: pytest.MonkeyPatch, fewer: pd.DataFrame) -> None:
    monkeypatch.setattr(made, "build_examples", lambda: fewer)


def said(*told: tuple[str, str], day: str = "2026-05-01", times: int = 1, country: str = "GB") -> pd.DataFrame:
    lines = [",".join(rows.CORRECTIONS)]
    lines += [f"{key},f,{detailed},{day},{country},GBP,10 to 100,{times}" for key, detailed in told]
    return rows.corrections_of("\n".join(lines).encode())


def history(shops: int = 400) -> pd.DataFrame:
    """What people said of shops that nobody else knows, over five months."""
    kinds = ["TRAVEL_LODGING", "FOOD_AND_DRINK_COFFEE", "MEDICAL_DENTAL_CARE"]
    words = ["zunthorpe", "quillmere", "vexholme"]
    months = [
        said(*((f"{words[n % 3]} {n}x{month}", kinds[n % 3]) for n in range(shops // 5)), day=f"2026-0{month}-01")
        for month in range(1, 6)
    ]
    return pd.concat(months, ignore_index=True)


def test_the_first_model_serves_and_says_how_good_it_is(use_registry: UseRegistry) -> None:
    use_registry()
    done = retrain.train_challenger(params=TINY)
    about = registry.about_champion()
    assert done.is_promoted
    assert about is not None
    assert (about.version, about.metrics) == (done.version, done.metrics)
    assert about.data["measured_on"].startswith("unseen:")
    assert about.data["rows_measured"]["time"] == 0
    assert set(about.report) == {"unseen", "random"}  # what is publicly known has no time
    assert "TESCO" not in str(about).upper()


def test_the_same_again_is_registered_and_tried_but_does_not_serve(use_registry: UseRegistry) -> None:
    use_registry()
    first = retrain.train_challenger(params=TINY)
    second = retrain.train_challenger(params=TINY, flip_rate=STEADY)
    assert not second.is_passed
    assert registry.champion().version == f"categoriser-{first.version}"
    tried = registry.challenger()
    assert tried is not None
    assert tried[1].version == second.version
    assert {gate["name"]: gate["is_passed"] for gate in second.gates}["better_on_unseen_merchants"] is False


@pytest.mark.usefixtures("_let_categories_fall")
def test_who_learnt_from_people_knows_more_later_in_time_and_of_merchants_nobody_named(
    use_registry: UseRegistry,
) -> None:
    use_registry()
    first = retrain.train_challenger(params=WEAK)
    second = retrain.train_challenger(history(), TINY, STEADY)
    told = {gate["name"]: gate["figures"] for gate in second.gates if not gate["is_absolute"]}
    assert told["better_later_in_time"]["low"] > 0
    assert told["better_on_unseen_merchants"]["low"] > 0
    assert second.is_promoted, [gate for gate in second.gates if gate["is_passed"] is False]
    assert registry.champion().version == f"categoriser-{second.version}" != f"categoriser-{first.version}"
    assert registry.about_champion().report["time"]["by_country"]["GB"]["rows"] >= 30  # type: ignore[union-attr]


@pytest.mark.usefixtures("_let_categories_fall")
async def test_what_passed_serves_once_it_was_tried_long_enough_and_people_do_not_object(
    use_registry: UseRegistry, pipeline: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_registry(shadow_hours=20)
    first = retrain.train_challenger(params=WEAK)
    assert first.is_promoted  # there was nothing to be tried beside
    second = retrain.train_challenger(history(), TINY, STEADY)
    assert second.is_passed
    assert not second.is_promoted
    async with pipeline.transaction() as db:
        assert await retrain.promote_tried(db) is None
        tried = registry.about_challenger()
        assert tried is not None
        long_ago = (datetime.now(UTC) - timedelta(hours=21)).isoformat()
        registry.copies().point("challenger.json", replace(tried, trained_at=long_ago))
        with monkeypatch.context() as objecting:
            objecting.setattr(shadow, "speaks_against", lambda _: True)
            assert await retrain.promote_tried(db) is None
        assert await retrain.promote_tried(db) == second.version
    assert registry.champion().version == f"categoriser-{second.version}"


@pytest.mark.parametrize(
    ("champion", "challenger", "expected"), [(0, 0, False), (10, 1, True), (1, 10, False), (4, 1, False)]
)
def test_people_object_where_chance_does_not_explain_it(champion: int, challenger: int, expected: bool) -> None:
    told = {"only_champion_right": champion, "only_challenger_right": challenger}
    assert shadow.speaks_against({**told, "by_chance": mcnemar(champion, challenger)}) is expected


@pytest.mark.parametrize(
    ("is_passed", "hours_ago", "expected"), [(True, 21, True), (None, 21, True), (True, 19, False), (False, 21, False)]
)
def test_a_challenger_is_due_when_it_passed_and_was_tried(
    is_passed: bool | None, hours_ago: int, expected: bool
) -> None:
    now = datetime(2026, 5, 2, tzinfo=UTC)
    known: dict[str, Any] = {"version": "2", "sha256": "", "metrics": {}, "data": {}, "params": {}, "code_version": ""}
    trained_at = (now - timedelta(hours=hours_ago)).isoformat()
    tried = registry.About(**known, trained_at=trained_at, gates=[{"name": "any", "is_passed": is_passed}])
    assert retrain.is_due(tried, now, hours=20) is expected


@pytest.mark.usefixtures("_let_categories_fall")
def test_what_was_taken_back_is_not_promoted_again_by_itself(use_registry: UseRegistry) -> None:
    use_registry()
    first = retrain.train_challenger(params=WEAK)
    assert retrain.train_challenger(history(), TINY, STEADY).is_promoted
    succession.rollback(by="user:1")
    again = retrain.train_challenger(history(), TINY, STEADY)
    assert {gate["name"] for gate in again.gates if gate["is_passed"] is False} == {"not_taken_back"}
    assert registry.champion().version == f"categoriser-{first.version}"


def test_every_merchant_keeps_its_side_whoever_names_it(fewer: pd.DataFrame) -> None:
    held_out = str(fewer.loc[fewer["split"] == "test", "group"].iloc[0])
    learnt = next(name for name in ("zunthorpe", "quillmere", "vexholme", "abc") if split_of(name) == "train")
    corrections = said((learnt, "TRAVEL_LODGING"), (held_out, "TRAVEL_LODGING"), (f"{held_out} xq", "TRAVEL_LODGING"))
    frame = rows.assembled(fewer, corrections)
    added = frame[frame["source"] == "shared"].set_index("group")
    assert added.loc[held_out, "split"] == "test"  # what measures is not given away by somebody's correction
    assert added.loc[f"{held_out} xq", "split"] in {"kin", split_of(f"{held_out} xq")}
    assert added.loc[learnt, "split"] in {"train", "random"}
    assert not frame["is_later"].any()  # three corrections are no history


def test_the_last_fifth_of_what_people_said_measures_and_is_not_learnt(fewer: pd.DataFrame) -> None:
    corrections = history()
    since = rows.later_from(corrections)
    frame = rows.assembled(fewer, corrections)
    assert since == "2026-05-01"
    assert set(frame.loc[frame["is_later"], "decided_on"]) == {"2026-05-01"}
    assert not (frame["is_later"] & frame["split"].isin(["train", "calibration", "random"])).any()


def test_equal_corrections_are_learnt_once_and_weigh_more(fewer: pd.DataFrame) -> None:
    once, often = said(("zunthorpe", "TRAVEL_LODGING")), said(("zunthorpe", "TRAVEL_LODGING"), times=100)
    weights = []
    for corrections in (once, pd.concat([once, often], ignore_index=True)):
        learnt = rows.for_training(rows.assembled(fewer, corrections))
        [weight] = learnt.loc[learnt["source"] == "shared", "weight"]
        weights.append(weight)
    assert weights[0] == rows.SHARED_WEIGHT
    assert weights[0] < weights[1] < 10 * weights[0]


def test_the_data_is_described_by_counts_and_a_digest(fewer: pd.DataFrame) -> None:
    described = rows.describe(fewer)
    assert described["rows"] == sum(described["rows_by_split"].values()) == len(fewer)
    assert described == rows.describe(fewer.copy())
    assert described["sha256"] != rows.describe(fewer.iloc[1:])["sha256"]


def test_the_code_is_named_by_version_and_commit() -> None:
    version, _, commit = retrain.code_version().partition("+g")
    assert version
    assert commit or not (Path(__file__).parents[3] / ".git").exists()
