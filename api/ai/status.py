"""Status: what answers, how good it was measured to be, and how much waits."""

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ai2.kit import queue
from api.schemas import Confidence, Instant, Out
from api.unit import Caller, Db, Unit
from ml import registry
from ml.copies import About

router = APIRouter(prefix="/api/ai", tags=["status"], route_class=Unit)


class Agent(Out):
    """A part that answers. Degraded: it answers, but without its model."""

    name: str
    status: Literal["ready", "degraded"]
    answers: list[str] = Field(description="What it is asked by.")


class Accuracy(Out):
    """How good a model was on one split. Applied is what it alone is sure enough of."""

    data_set: str
    split: Literal["unseen", "time", "random"] = Field(description="Merchants never seen; later in time; random rows.")
    rows: int
    primary: Confidence
    detailed: Confidence
    applied_coverage: Confidence
    applied_precision: Confidence | None
    calibration_error: Confidence


class ModelOut(Out):
    """A model that answers or is tried, and how it was measured."""

    name: str
    version: str
    trained_at: str
    promoted_at: str | None
    role: Literal["champion", "challenger"] = Field(description="It answers; or it is tried beside what answers.")
    accuracy: list[Accuracy] = Field(description="Measured on data that it had not seen.")
    metrics: dict[str, float] = Field(description="The same and more, flat, by the names that MLflow has.")
    measured_on: str = Field(description="The data set and the splits.")
    rows: dict[str, Any] = Field(description="Rows of the training data by split.")
    data_sha256: str = Field(description="The digest of the snapshot that it learnt from.")
    gates_failed: list[str]
    code_version: str


class StatusOut(Out):
    """What the AI service can say about itself."""

    as_of: Instant
    agents: list[Agent]
    models: list[ModelOut] = Field(description="Empty before the first training: merchant knowledge answers alone.")
    queue_depth: int = Field(description="Your jobs that wait or run.")


@router.get("/status", response_model=StatusOut)
async def get_ai_status(db: Db, _: Caller) -> dict[str, Any]:
    """Agents, models with their measurements, and the queue."""
    about = registry.about_champion()
    state = "ready" if about else "degraded"
    return {
        "as_of": datetime.now(UTC),
        "agents": [
            {"name": "classification", "status": state, "answers": ["analyze-transaction", "batch-analyze"]},
            {"name": "tax", "status": "ready", "answers": ["tax-analysis", "deduction-suggestions"]},
            {
                "name": "insights",
                "status": "ready",
                "answers": ["insights", "recommendations", "anomalies", "recurring", "forecast"],
            },
            {"name": "learning", "status": "ready", "answers": ["feedback", "learning-stats"]},
        ],
        "models": [
            *([_model(about, "champion")] if about else []),
            *([_model(tried, "challenger")] if (tried := registry.about_challenger()) else []),
        ],
        "queue_depth": await queue.depth(db),
    }


def _model(about: About, role: str) -> dict[str, Any]:
    return {
        **vars(about),
        "name": registry.NAME,
        "role": role,
        "accuracy": [_accuracy(about, split, figures) for split, figures in about.report.items()],
        "measured_on": about.data["measured_on"],
        "rows": about.data["rows_by_split"],
        "data_sha256": about.data["sha256"],
        "gates_failed": [gate["name"] for gate in about.gates if gate["is_passed"] is False],
    }


def _accuracy(about: About, split: str, figures: dict[str, Any]) -> dict[str, Any]:
    is_shared = "shared" in about.data["rows_by_source"]
    return {
        **figures,
        "data_set": "public knowledge and shared corrections" if is_shared else "public knowledge",
        "split": split,
        "primary": figures["primary_accuracy"],
        "detailed": figures["detailed_accuracy"],
    }
