"""Models: which versions there are, how each was measured and judged, and which one answers for everyone."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api.schemas import Body, Flag, Name, Out
from api.unit import Caller, Unit
from ml import registry
from ml.governance import service
from ml.governance.succession import Version

router = APIRouter(prefix="/api/ai/models", tags=["models"], route_class=Unit)


class GateOut(Out):
    """What a version was held to before it could serve, and by which figures."""

    name: str
    is_passed: bool | None = Field(description="Null: there was nothing to judge by, and the others decided.")
    rule: str
    is_absolute: bool = Field(description="It is judged by itself, without a champion to compare it with.")
    figures: dict[str, Any]


class ModelOut(Out):
    """A version of a model. Where it was measured on groups, none of fewer than 30 rows is told of."""

    name: str
    version: str
    role: Literal["champion", "challenger", "former"] | None = Field(description="What it is now; null: none of these.")
    trained_at: str
    promoted_at: str | None
    promoted_by: str | None
    taken_back_at: str | None = Field(description="When it was rolled back; then it is not promoted by itself again.")
    code_version: str
    params: dict[str, Any]
    metrics: dict[str, float]
    report: dict[str, Any] = Field(
        description="By split (unseen, time, random): accuracy, coverage, calibration, by category, country, currency "
        "and amount band."
    )
    data: dict[str, Any] = Field(description="What it learnt from, in counts, with the digest of the snapshot.")
    gates: list[GateOut]
    mlflow_run_id: str | None


class ModelsOut(Out):
    """Every version that is known, the last trained first."""

    items: list[ModelOut]
    next_cursor: None = None


class Promotion(Body):
    """Which version shall serve."""

    version: Name
    force: Flag = Field(default=False, description="Although it failed a gate; needs a reason.")
    reason: Name | None = None


@router.get("", response_model=ModelsOut)
async def list_models(_: Caller) -> dict[str, Any]:
    """The versions of the model that all organizations share, with what each was measured on and held to."""
    return {"items": [_out(each) for each in await service.versions()]}


@router.post("/{name}/promote", response_model=ModelOut)
async def promote_model(name: str, wanted: Promotion, request: Request, who: Caller) -> dict[str, Any]:
    """Let a version answer for everyone, in all processes within seconds. For operators."""
    request.state.told = {"model": registry.NAME, **wanted.model_dump()}
    return _out(await service.promote(who, name, wanted.version, force=wanted.force, reason=wanted.reason))


@router.post("/{name}/rollback", response_model=ModelOut)
async def roll_back_model(name: str, request: Request, who: Caller) -> dict[str, Any]:
    """Let what answered before answer again, in all processes within seconds. For operators."""
    back = await service.rollback(who, name)
    request.state.told = {"model": registry.NAME, "version": back.about.version}
    return _out(back)


def _out(found: Version) -> dict[str, Any]:
    about = found.about
    return {**vars(about), "name": registry.NAME, "role": found.role, "mlflow_run_id": about.run_id}
