"""Status: what answers, how good it was measured to be, and how much waits."""

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from ai2.kit import queue
from api.schemas import Instant, Out
from api.unit import Caller, Db, Unit
from ml import registry
from ml.registry import About

router = APIRouter(prefix="/api/ai", tags=["status"], route_class=Unit)


class Agent(Out):
    """A part that answers. Degraded: it answers, but without its model."""

    name: str
    status: Literal["ready", "degraded"]
    answers: list[str] = Field(description="What it is asked by.")


class ModelOut(Out):
    """The model that serves, and how it was measured."""

    name: str
    version: str
    trained_at: str
    metrics: dict[str, float] = Field(description="On data that it had not seen.")
    measured_on: str = Field(description="The data set and the split.")
    rows: dict[str, Any] = Field(description="Rows of the training data by split.")
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
            {"name": "learning", "status": "ready", "answers": ["feedback"]},
        ],
        "models": [_model(about)] if about else [],
        "queue_depth": await queue.depth(db),
    }


def _model(about: About) -> dict[str, Any]:
    return {
        **vars(about),
        "name": registry.NAME,
        "measured_on": about.data["measured_on"],
        "rows": about.data["rows_by_split"],
    }
