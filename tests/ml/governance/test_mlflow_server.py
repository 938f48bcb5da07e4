"""A real MLflow server, started as `ai2 up` starts it: a model's life there, and what of it is not ours."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from skops import io

from ai2.kit.settings import Settings
from ai2.launcher import process, stack
from ai2.launcher.parts import Process
from ai2.launcher.profiles import Profile, plan
from ml import registry
from ml.categoriser.model import Trained
from ml.copies import FILE, ModelRejected
from ml.governance import succession
from ml.governance.figures import drawn
from tests.connections.servers import free_port
from tests.ml.governance.test_card import about as judged
from tests.ml.governance.test_succession import register, roles

STARTS_S = 120
UseRegistry = Callable[..., Path]
# A service that has MLflow's address and nothing else: it fetches what serves and has no MLflow in its memory.
ELSEWHERE = """
import sys
from ml import registry
from ml.answers import Descriptor
registry.refresh()
told = registry.champion().decide([Descriptor("TESCO", False)])[0]
assert told.detailed and "mlflow" not in sys.modules
print(registry.champion().version)
"""


@dataclass(frozen=True)
class Server:
    """Where it answers, and where it keeps files of models."""

    url: str
    artifacts: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Iterator[Server]:
    """MLflow's server by the very command of the launcher, over SQLite: its tables in PostgreSQL take 20 s to make."""
    home = tmp_path_factory.mktemp("mlflow-server")
    shutil.copyfile(empty_mlflow, home / "mlflow.db")
    using = Settings(_env_file=None, ai2_home=home, mlflow_port=free_port())
    [part] = [part for part in stack.parts(using, plan(Profile.DEV)) if part.name == "mlflow"]
    assert isinstance(part, Process)
    told = {**part.environment, "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{home}/mlflow.db"}
    started = process.start(part.name, part.command, told, home / "logs")
    try:
        deadline = time.monotonic() + STARTS_S
        while not asyncio.run(part.answers()):  # type: ignore[arg-type]
            assert started.ended() is None, started.last_words(40)
            assert time.monotonic() < deadline, started.last_words(40)
            time.sleep(0.2)
        yield Server(part.urls["MLflow"], home / "mlflow")
    finally:
        process.stop([started])


@pytest.fixture
def mlflow(server: Server, use_registry: UseRegistry) -> Any:
    """MLflow's client, told of the server; its registry of categorisers is empty."""
    use_registry(server.url)
    mlflow = registry._mlflow()
    client = mlflow.MlflowClient()
    if client.search_registered_models(f"name='{registry.NAME}'"):
        client.delete_registered_model(registry.NAME)
    return mlflow


def test_a_model_is_registered_with_all_there_is_to_know_promoted_tried_and_taken_back(
    mlflow: Any, server: Server, tiny: Trained, fewer: pd.DataFrame, tmp_path: Path
) -> None:
    assert registry.store().aliases() == {}
    known = vars(judged(tiny, fewer.iloc[::4]))
    told = {name: known[name] for name in ("params", "data", "code_version", "report", "gates")}
    first = registry.register(
        tiny.pipeline, measured=tiny.measured, metrics={"primary_accuracy": 0.5}, figures=drawn(told["report"]), **told
    )
    succession.promote(first)

    about, client = registry.about_champion(), mlflow.MlflowClient()
    assert about is not None
    assert about.run_id is not None
    assert about.report == first.report
    run = client.get_run(about.run_id).data
    assert run.metrics == pytest.approx(about.metrics)
    assert (run.tags["data_sha256"], run.tags["code_version"]) == (about.data["sha256"], about.code_version)
    figures = {each.path for each in client.list_artifacts(about.run_id, "figures")}
    sides = {f"figures/by_category_{side}.png" for side in about.report}
    assert figures == {"figures/calibration.png", "figures/coverage_precision.png", *sides}
    model = mlflow.models.get_model_info(f"models:/{registry.NAME}/{about.version}")
    assert model.signature.inputs.input_names() == ["line"]
    kept = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.NAME}/{about.version}", dst_path=tmp_path))
    assert json.loads((kept / "input_example.json").read_text())["data"] == [["sign=out corner coffee house"]]

    second = register(tiny)
    succession.try_out(second)
    assert roles() == {first.version: "champion", second.version: "challenger"}
    tried = registry.challenger()
    assert tried is not None
    assert tried[1].version == second.version
    succession.promote(second, by="user:ana")
    assert (roles()[second.version], registry.challenger()) == ("champion", None)
    where = {"AI2_HOME": str(tmp_path / "elsewhere"), "MLFLOW_TRACKING_URI": server.url, "OMP_NUM_THREADS": "1"}
    asked = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], env=where, cwd=Path(__file__).parents[3], check=True, capture_output=True
    )
    assert asked.stdout.decode().split()[-1] == f"categoriser-{second.version}"

    back = succession.rollback(by="user:ben")
    assert (back.version, registry.champion().version) == (first.version, f"categoriser-{first.version}")
    assert succession.version(second.version).about.taken_back_at
    with pytest.raises(succession.NoFormerModel):
        succession.rollback()


def test_what_is_not_from_our_registry_never_serves(mlflow: Any, server: Server, tiny: Trained) -> None:
    first, second = register(tiny), register(tiny, 0.6)
    succession.promote(first)
    stored = max(server.artifacts.rglob(FILE), key=lambda path: path.stat().st_mtime_ns)
    stored.write_bytes(io.dumps([1, 2, 3]))
    with pytest.raises(ModelRejected):
        succession.promote(second)
    assert registry.champion().version == f"categoriser-{first.version}"

    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            tiny.pipeline, name="mine", serialization_format="cloudpickle", pip_requirements=[]
        )
    theirs = mlflow.register_model(logged.model_uri, registry.NAME)
    mlflow.MlflowClient().set_registered_model_alias(registry.NAME, registry.CHAMPION_ALIAS, theirs.version)
    with pytest.raises(ModelRejected):
        registry.refresh()
    assert registry.champion().version == f"categoriser-{first.version}"
    assert {each.about.version for each in succession.versions()} == {first.version, second.version}
