"""Learning: what people said, how often they had to, and when the model that all share is trained anew."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from api.schemas import CalendarDate, Confidence, Instant, Out
from api.unit import Caller, Db, Unit
from ml.copies import About
from ml.governance import service

router = APIRouter(prefix="/api/ai", tags=["learning"], route_class=Unit)


class FeedbackCounts(Out):
    """How often your people said something."""

    total: int
    by_field: dict[str, int]
    by_apply_to: dict[str, int]
    last_at: Instant | None


class OverrideRate(Out):
    """Of what one decider decided, what your people put elsewhere, with the 95 % interval of that share."""

    decided_by: str
    decided: int
    standing: int = Field(description="Left as it is; nobody said anything about it.")
    confirmed: int = Field(description="Somebody said the same.")
    overridden: int
    rate: Confidence
    low: Confidence
    high: Confidence
    held_to: Confidence | None = Field(
        description="How sure what all share has to be to decide alone for you, since your people corrected more than "
        "one in twenty of it; 1: it decides nothing. Null: as sure as everywhere."
    )


class Week(Out):
    """What your people said in one week of what had been decided for them."""

    week: CalendarDate = Field(description="Its Monday.")
    confirmed: int
    overridden: int
    accuracy: Confidence = Field(description="Confirmed, of all that they said something about.")


class Standing(Out):
    """A version of the model that all share."""

    version: str
    trained_at: str
    promoted_at: str | None
    metrics: dict[str, float]
    measured_on: str
    gates: list[dict[str, Any]]


class Beside(Out):
    """What champion and challenger said to the same of your transactions, and who your people said was right."""

    rows: int
    agreement: Confidence | None = Field(description="The same primary category.")
    decided_by_people: int = Field(description="Of those that are stored: decided by your people since.")
    champion_right: int
    challenger_right: int
    only_champion_right: int
    only_challenger_right: int
    by_chance: Confidence | None = Field(description="How likely chance alone makes them differ so (McNemar, exact).")
    by_category: dict[str, dict[str, float]] = Field(description="By what the champion said; an empty name: nothing.")


class TriggerOut(Out):
    """Something that brings the next training forward."""

    trigger: Literal["schedule", "corrections", "drift_of_decisions", "drift_of_overrides"]
    value: float | None = Field(description="How far it is. Null: there is no telling, or it is for operators to know.")
    limit: float
    is_due: bool


class NextRetraining(Out):
    """When the model is trained anew."""

    at: Instant = Field(description="By schedule; now, where something is due already.")
    last_training_at: Instant | None
    looked_at: Instant | None = Field(description="When it was last looked whether something is due.")
    triggers: list[TriggerOut]


class LearningOut(Out):
    """What learning has come to, for your organization."""

    as_of: Instant
    feedback: FeedbackCounts
    override_rate: list[OverrideRate]
    accuracy_over_time: list[Week] = Field(description="The last 26 weeks in which anybody said something.")
    champion: Standing | None
    challenger: Standing | None = Field(description="What is tried beside the champion, unseen.")
    shadow: Beside | None
    next_retraining: NextRetraining


@router.get("/learning-stats", response_model=LearningOut)
async def get_learning_stats(db: Db, who: Caller) -> dict[str, Any]:
    """Feedback, how often deciders were overridden, accuracy by week, champion and challenger, the next training."""
    found = await service.learning_stats(db, who)
    told = {name: _standing(about) for name in ("champion", "challenger") if (about := getattr(found, name))}
    return {**vars(found), **told}


def _standing(about: About) -> dict[str, Any]:
    return {**vars(about), "measured_on": about.data.get("measured_on", "")}
