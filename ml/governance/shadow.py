"""Shadow: the challenger decides beside the champion, on some of the real stream, and nobody sees its answers.

What both said is counted by category in the organization's own rows; of stored transactions it is kept until people
say who was right. Only sums over everyone go to MLflow.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from ai2.books.categories import service as categories
from ai2.kit.database import Connection, Database
from ml import analyses, registry
from ml.answers import Descriptor, Verdict
from ml.governance import repository
from ml.governance.intervals import mcnemar
from ml.knowledge.labels import primary_of

if TYPE_CHECKING:
    from ml.copies import About

log = structlog.get_logger(__name__)

# Of what is decided at once so many descriptors are asked again, and of what is only asked one in so many.
AT_ONCE, ONE_IN = 500, 50
# Below so many rows nothing is told of everyone.
ENOUGH = 30
# Where people say so more often that the champion was right, and chance alone would do that less often than this.
CHANCE = 0.05


async def beside(db: Connection, organization_id: UUID) -> int:
    """Ask both of some of what `ml.service.suggest` has staged; how many. Nothing goes wrong with that for others."""
    try:
        async with db.transaction():
            return await _beside(db, organization_id)
    except Exception:  # whatever it is, the champion's answers stand
        log.warning("challenger_not_asked", exc_info=True)
        return 0


async def _beside(db: Connection, organization_id: UUID) -> int:
    tried = await asyncio.to_thread(registry.challenger)
    if tried is None:
        return 0
    staged = await repository.sample(db, AT_ONCE)
    asked = [Descriptor(row["description"], row["money_in"], row["merchant"], row["mcc"]) for row in staged]
    theirs, ours, about = await _both(asked)
    ids = await categories.by_code(db, organization_id)
    known = {"challenger": about.version, "champion": registry.champion().version}
    await repository.forget_other_shadows(db, organization_id, about.version)
    await repository.keep_shadow(
        db,
        organization_id,
        [
            {
                **known,
                "transaction_id": row["transaction_id"],
                "champion_category_id": analyses.own_category(ids, champion.detailed),
                "champion_decision": champion.decision,
                "challenger_category_id": analyses.own_category(ids, challenger.detailed),
                "challenger_decision": challenger.decision,
            }
            for row, champion, challenger in zip(staged, theirs, ours, strict=True)
        ],
    )
    await repository.count_shadow(db, organization_id, **known, source="stored", counted=_counted(theirs, ours))
    return len(staged)


def is_asked_too() -> bool:
    """Whether the challenger, if there is one, is asked about this one too."""
    return random.randrange(ONE_IN) == 0 and registry.about_challenger() is not None  # noqa: S311 - a sample


async def answered(database: Database, organization_id: UUID, asked: Sequence[Descriptor]) -> None:
    """Ask both of what was only asked, once the answer is sent; nothing of it is kept but the count."""
    try:
        theirs, ours, about = await _both(asked)
        async with database.transaction(organization_id) as db:
            await repository.count_shadow(
                db,
                organization_id,
                challenger=about.version,
                champion=registry.champion().version,
                source="asked",
                counted=_counted(theirs, ours),
            )
    except Exception:  # whatever it is, who asked has had their answer
        log.warning("challenger_not_asked", exc_info=True)


async def told(db: Connection, challenger: str) -> dict[str, Any]:
    """How a challenger did among those whom `db` sees: how often both agree, and who people said was right."""
    counted = await repository.shadow(db, challenger)
    rows = sum(row["decisions"] for row in counted)
    agreed = sum(row["decisions"] for row in counted if row["champion_category"] == row["challenger_category"])
    outcomes = await repository.shadow_outcomes(db, challenger)
    return {
        "rows": int(rows),
        "agreement": round(float(agreed / rows), 4) if rows else None,
        **{name: int(value) for name, value in outcomes.items()},
        "by_chance": mcnemar(outcomes["only_champion_right"], outcomes["only_challenger_right"]),
        "by_category": _by_category(counted),
    }


def speaks_against(found: dict[str, Any]) -> bool:
    """Whether people's decisions say that the champion is the better one, and not by chance."""
    by_chance = found["by_chance"]
    return (
        by_chance is not None and by_chance < CHANCE and found["only_champion_right"] > found["only_challenger_right"]
    )


async def tell_mlflow(db: Connection) -> None:
    """Add to the challenger's run how it did among everyone: sums and shares, of no small number of rows."""
    tried = registry.about_challenger()
    if tried is None or not registry.is_used():
        return
    found = await told(db, tried.version)
    if found["rows"] < ENOUGH:
        return
    figures = {"shadow_rows": found["rows"], "shadow_agreement": found["agreement"]}
    if found["decided_by_people"] >= ENOUGH:
        names = ("decided_by_people", "champion_right", "challenger_right")
        figures |= {f"shadow_{name}": found[name] for name in names}
    for name, cell in found["by_category"].items():
        if cell["rows"] >= ENOUGH:
            figures[f"shadow_agreement/{name or 'nothing'}"] = cell["agreement"]
    await asyncio.to_thread(registry.log_shadow, tried, figures)


async def _both(asked: Sequence[Descriptor]) -> "tuple[list[Verdict], list[Verdict], About]":
    def decide() -> "tuple[list[Verdict], list[Verdict], About]":
        tried = registry.challenger()
        if tried is None:
            raise LookupError("the challenger is gone")
        return registry.champion().decide(asked), tried[0].decide(asked), tried[1]

    return await asyncio.to_thread(decide)


def _counted(theirs: Sequence[Verdict], ours: Sequence[Verdict]) -> dict[tuple[str, str], int]:
    both = zip(theirs, ours, strict=True)
    return Counter((primary_of(a.detailed) or "", primary_of(b.detailed) or "") for a, b in both)


def _by_category(counted: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By the champion's category (an empty one: nothing)."""
    rows: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for row in counted:
        rows[row["champion_category"]] += int(row["decisions"])
        if row["champion_category"] == row["challenger_category"]:
            agreed[row["champion_category"]] += int(row["decisions"])
    return {name: {"rows": rows[name], "agreement": round(agreed[name] / rows[name], 4)} for name in sorted(rows)}
