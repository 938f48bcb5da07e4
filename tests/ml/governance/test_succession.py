"""Succession, with MLflow and without: promoted, taken back, tried; and what is not from the registry never serves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from skops import io

from ml import registry, serving
from ml.categoriser.model import Trained
from ml.copies import FILE, MEASURED, ModelRejected, load
from ml.governance import succession
from ml.governance.succession import ModelVersionNotFound, NoFormerModel

UseRegistry = Callable[..., Path]
WAYS = ("mlflow", "copies")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, use_registry: UseRegistry) -> str:
    """A registry with MLflow, and one without."""
    if request.param == "mlflow":
        request.getfixturevalue("mlflow")
    else:
        use_registry()
    return str(request.param)


def register(tiny: Trained, accuracy: float = 0.5) -> registry.About:
    return registry.register(
        tiny.pipeline,
        measured=tiny.measured,
        metrics={"primary_accuracy": accuracy},
        params={"alpha": accuracy},
        data={"sha256": "abc", "rows": 3, "measured_on": "test"},
        code_version="0.1.0",
        gates=[{"name": "any", "is_passed": True}],
    )


def roles() -> dict[str, str | None]:
    return {each.about.version: each.role for each in succession.versions()}


def test_promote_try_and_take_back(way: str, tiny: Trained) -> None:
    with pytest.raises(NoFormerModel):
        succession.rollback()
    first, second, third = (register(tiny, accuracy) for accuracy in (0.5, 0.6, 0.7))
    succession.promote(first)
    with pytest.raises(NoFormerModel):
        succession.rollback()
    succession.try_out(second)
    assert roles() == {first.version: "champion", second.version: "challenger", third.version: None}
    tried = registry.challenger()
    assert tried is not None
    assert tried[0].version == f"categoriser-{second.version}"

    succession.promote(second, by="user:ana")
    assert registry.challenger() is None
    succession.promote(third)
    assert roles() == {first.version: "former", second.version: "former", third.version: "champion"}

    back = succession.rollback(by="user:ben")
    assert (back.version, back.promoted_by) == (second.version, "user:ben")
    assert registry.champion().version == f"categoriser-{second.version}"
    assert registry.about_champion().promoted_by == "user:ben"  # type: ignore[union-attr]
    assert succession.version(third.version).about.taken_back_at
    assert succession.rollback().version == first.version
    with pytest.raises(NoFormerModel):
        succession.rollback()
    with pytest.raises(ModelVersionNotFound):
        succession.version("99")


def test_another_process_follows_a_rollback(
    way: str, tiny: Trained, use_registry: UseRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = register(tiny), register(tiny, 0.6)
    succession.promote(first)
    succession.promote(second)
    other = serving._Serving()  # as another process: it has its own memory
    monkeypatch.setattr(serving, "_serving", other)
    assert registry.champion().version == f"categoriser-{second.version}"
    monkeypatch.setattr(serving, "_serving", serving._Serving())
    succession.rollback()
    monkeypatch.setattr(serving, "_serving", other)
    assert registry.refresh()
    assert registry.champion().version == f"categoriser-{first.version}"


def test_what_is_measured_is_kept_beside_what_serves(way: str, tiny: Trained) -> None:
    assert registry.measured_champion() is None
    succession.promote(register(tiny))
    about, twin = registry.about_champion(), registry.measured_champion()
    assert about is not None
    assert twin is not None
    same, other = (
        (twin["classify"].weights_ == pipeline["classify"].weights_).all()
        for pipeline in (tiny.measured, tiny.pipeline)
    )
    assert (same, other) == (True, False)


@pytest.mark.parametrize("name", [FILE, MEASURED])
def test_a_file_that_was_changed_is_not_loaded(use_registry: UseRegistry, tiny: Trained, name: str) -> None:
    use_registry()
    about = register(tiny)
    path, sha256 = registry.copies().path(about, name), {FILE: about.sha256, MEASURED: about.measured_sha256}[name]
    assert load(path, str(sha256)) is not None
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelRejected):
        load(path, str(sha256))


@pytest.mark.parametrize("name", [FILE, MEASURED])
def test_a_file_swapped_in_mlflow_never_serves(mlflow: Any, tiny: Trained, tmp_path: Path, name: str) -> None:
    first, second = register(tiny), register(tiny, 0.6)
    succession.promote(first)
    stored = [path for path in tmp_path.rglob(name) if path.relative_to(tmp_path).parts[0] != "models"]
    max(stored, key=lambda path: path.stat().st_mtime).write_bytes(io.dumps([1, 2, 3]))
    with pytest.raises(ModelRejected):
        succession.promote(second)
    assert registry.champion().version == f"categoriser-{first.version}"


def test_a_version_of_somebody_else_is_not_taken(mlflow: Any, tiny: Trained) -> None:
    succession.promote(register(tiny))
    client = mlflow.MlflowClient()
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            tiny.pipeline, name="mine", serialization_format="cloudpickle", pip_requirements=[]
        )
    theirs = mlflow.register_model(logged.model_uri, registry.NAME)
    client.set_registered_model_alias(registry.NAME, registry.CHAMPION_ALIAS, theirs.version)
    with pytest.raises(ModelRejected):
        registry.refresh()
    assert registry.champion().version == "categoriser-1"
    assert [each.about.version for each in succession.versions()] == ["1"]
