"""The registry: what serves is what was registered, a successor is picked up, and MLflow may be down."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from skops import io

from ml import registry
from ml.answers import Descriptor
from ml.categoriser.model import Trained
from ml.copies import FILE, ModelRejected, load
from ml.governance import succession

METRICS = {"primary_accuracy": 0.5, "applied_precision": 0.95}
UseRegistry = Callable[..., Path]


def register(tiny: Trained, **metrics: float) -> registry.About:
    return registry.register(
        tiny.pipeline,
        metrics=METRICS | metrics,
        params={"alpha": 1e-6},
        data={"sha256": "abc", "rows": 3, "measured_on": "test"},
        code_version="0.1.0",
    )


class TestWithoutMlflow:
    def test_nothing_serves_before_the_first_promotion(self, use_registry: UseRegistry, tiny: Trained) -> None:
        use_registry()
        register(tiny)
        assert registry.champion().version == "none"
        assert registry.about_champion() is None

    def test_a_promoted_model_serves_at_once_and_in_the_next_process(
        self, use_registry: UseRegistry, tiny: Trained
    ) -> None:
        home = use_registry()
        about = register(tiny)
        succession.promote(about)
        assert registry.about_champion() == replace(about, promoted_at=ANY, promoted_by="system")
        use_registry(home=home)  # as a new process would find it
        verdict = registry.champion().decide([Descriptor("ZUNTHORPE PIZZERIA", money_in=False)])[0]
        assert verdict.version == f"categoriser-{about.version}"
        assert verdict.detailed is not None

    def test_a_file_that_was_changed_is_not_loaded(self, use_registry: UseRegistry, tiny: Trained) -> None:
        home = use_registry()
        about = register(tiny)
        succession.promote(about)
        file = home / "models" / "categoriser" / about.folder / FILE
        file.write_bytes(file.read_bytes() + b"x")
        use_registry(home=home)
        assert registry.champion().version == "none"  # what is publicly known answers on
        succession.promote(register(tiny))
        assert registry.champion().version != "none"

    def test_a_file_with_types_of_others_is_not_loaded(self, tmp_path: Path) -> None:
        import hashlib

        class Stranger:
            pass

        content = io.dumps({"a": Stranger()})
        path = tmp_path / FILE
        path.write_bytes(content)
        with pytest.raises(ModelRejected):
            load(path, hashlib.sha256(content).hexdigest())


class TestWithMlflow:
    def test_a_run_says_all_there_is_to_know_and_holds_nobody_s_rows(self, mlflow: Any, tiny: Trained) -> None:
        about = register(tiny)
        version = mlflow.MlflowClient().get_model_version(registry.NAME, about.version)
        run = mlflow.get_run(about.run_id).data
        assert run.metrics == METRICS
        assert run.params == {"alpha": "1e-06"}
        assert run.tags["code_version"] == "0.1.0"
        assert run.tags["data_sha256"] == "abc"
        model = mlflow.models.get_model_info(f"models:/{registry.NAME}/{version.version}")
        assert model.signature.inputs.input_names() == ["line"]
        assert model.flavors["sklearn"]["serialization_format"] == "skops"
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.NAME}/{about.version}"))
        example = json.loads((folder / "input_example.json").read_text())
        assert example["data"] == [["sign=out corner coffee house"]]  # nobody's row

    def test_the_alias_serves_and_a_successor_is_picked_up(self, mlflow: Any, tiny: Trained) -> None:
        first = register(tiny)
        succession.promote(first)
        assert registry.champion().version == "categoriser-1"
        second = register(tiny, primary_accuracy=0.6)
        assert not registry.refresh()  # registered, but not promoted
        mlflow.MlflowClient().set_registered_model_alias(
            registry.NAME, registry.CHAMPION_ALIAS, second.version
        )  # by somebody
        assert registry.refresh()
        assert registry.champion().version == "categoriser-2"
        about = registry.about_champion()
        assert about is not None
        assert about.metrics["primary_accuracy"] == 0.6

    def test_what_serves_goes_on_while_mlflow_is_down(
        self, mlflow: Any, tiny: Trained, use_registry: UseRegistry, tmp_path: Path
    ) -> None:
        succession.promote(register(tiny))
        use_registry("http://127.0.0.1:9")  # nobody listens there; and this is a new process
        assert registry.champion().version == "categoriser-1"
        assert not registry.refresh()
        assert registry.champion().version == "categoriser-1"

    def test_a_file_swapped_in_mlflow_is_not_kept(self, mlflow: Any, tiny: Trained, tmp_path: Path) -> None:
        succession.promote(register(tiny))
        second = register(tiny, primary_accuracy=0.6)
        stored = next(iter(sorted(tmp_path.rglob("artifacts/model.skops"), key=lambda p: p.stat().st_mtime)[-1:]))
        stored.write_bytes(io.dumps([1, 2, 3]))
        mlflow.MlflowClient().set_registered_model_alias(registry.NAME, registry.CHAMPION_ALIAS, second.version)
        with pytest.raises(ModelRejected):
            registry.refresh()
        assert registry.champion().version == "categoriser-1"


def test_answering_needs_no_mlflow(use_registry: UseRegistry, tiny: Trained) -> None:
    """The API's memory: MLflow would add 100 MB."""
    import subprocess
    import sys

    home = use_registry()
    succession.promote(register(tiny))
    code = (
        "import sys; from ml import registry; from ml.answers import Descriptor;"
        "assert registry.champion().decide([Descriptor('TESCO', False)])[0].detailed;"
        "assert registry.about_champion(); assert 'mlflow' not in sys.modules"
    )
    told = {"AI2_HOME": str(home), "PATH": shutil.which("true") or ""}
    subprocess.run([sys.executable, "-c", code], check=True, env=told, cwd=Path(__file__).parents[2])
