"""Retraining: a challenger learns what is public and what organizations chose to share, and is held to the gates.

What passes is first tried beside the champion (`ml.governance.shadow`) and serves once it has been for a while;
without a champion it serves at once.
"""

import asyncio
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from ai2 import __version__
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings
from ml import registry
from ml.answers import Categoriser, Descriptor
from ml.copies import About
from ml.governance import repository, shadow, succession

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from ml.categoriser.model import Params
    from ml.categoriser.perturb import Flips
    from ml.governance.gates import Gate

log = structlog.get_logger(__name__)

# So many held-out names are perturbed; 2 % of them are 20.
PERTURBED, SEED = 1000, 20131115
FlipRate = Callable[[Categoriser, Sequence[Descriptor], int], "Flips"]


@dataclass(frozen=True)
class Retrained:
    """The new version, whether it serves, what it was held to, and how many shared corrections it learnt from.

    `former_promoted` is the version that had been tried long enough, and serves since just before this training.
    """

    version: str
    is_promoted: bool
    metrics: dict[str, float]
    shared_corrections: int
    gates: list[dict[str, Any]]
    is_passed: bool
    former_promoted: str | None = None


async def retrain(database: Database) -> Retrained:
    """Promote what was tried long enough, then train, measure, judge and register; in the pipeline role's database."""
    from ml.governance.rows import corrections_of

    async with database.transaction() as db:
        await shadow.tell_mlflow(db)
        promoted = await promote_tried(db)
        content = await repository.opted_in_corrections(db)
    done = await asyncio.to_thread(lambda: train_challenger(corrections_of(content)))
    return replace(done, former_promoted=promoted)


def train_challenger(
    corrections: "pd.DataFrame | None" = None, params: "Params | None" = None, flip_rate: FlipRate | None = None
) -> Retrained:
    """The same without a database: `corrections` as `rows.corrections_of` gives them."""
    from ml.categoriser import examples
    from ml.categoriser.model import Params, metrics_of, train
    from ml.governance import figures, judging, rows
    from ml.governance.gates import are_passed

    registry.refresh()
    params, corrections = params or Params(), rows.no_corrections() if corrections is None else corrections
    since = rows.later_from(corrections)
    frame = rows.assembled(examples.build_examples(), corrections)
    learnt = rows.for_training(frame)
    trained = train(learnt, params)
    measured = judging.measured_rows(frame)
    found = judging.judged(trained.measured, measured)
    report = judging.report(found)
    facts: dict[str, Any] = {
        "params": {**asdict(params), "examples_seed": examples.SEED},
        "data": rows.describe(learnt) | rows.measured_on(frame, since),
        "code_version": code_version(),
    }
    flips = flipped(trained.pipeline, measured, flip_rate)
    judgement = judge(found, measured, since, flips, facts)
    has_champion = registry.about_champion() is not None
    is_passed = are_passed(judgement, has_champion=has_champion)
    about = registry.register(
        trained.pipeline,
        measured=trained.measured,
        metrics={**metrics_of(trained.metrics), **judging.metrics(report)},
        report=report,
        gates=[asdict(gate) for gate in judgement],
        figures=figures.drawn(report) if registry.is_used() else {},
        **facts,
    )
    is_promoted = is_passed and (not has_champion or settings().ai_shadow_hours == 0)
    if is_promoted:
        succession.promote(about)
    else:
        succession.try_out(about)
    log.info("categoriser_trained", version=about.version, is_passed=is_passed, is_promoted=is_promoted)
    return Retrained(about.version, is_promoted, about.metrics, len(corrections), about.gates, is_passed)


def judge(
    found: "pd.DataFrame",
    measured: "pd.DataFrame",
    since: str | None,
    flips: Mapping[str, float],
    facts: dict[str, Any],
) -> "list[Gate]":
    """The gates for a challenger's answers, beside those of the champion's twin to the same rows."""
    from ml.governance import judging
    from ml.governance.gates import gates

    champion, about = registry.measured_champion(), registry.about_champion()
    theirs = judging.judged(champion, measured) if champion is not None else None
    taken_back = {each.about.fingerprint for each in succession.versions() if each.about.taken_back_at}
    fingerprint = About(version="", sha256="", trained_at="", metrics={}, **facts).fingerprint
    return gates(
        found,
        theirs,
        flips,
        is_taken_back=fingerprint in taken_back,
        comparable_from=max(filter(None, (since, _unlearnt_from(about))), default=None),
    )


def _unlearnt_from(about: About | None) -> str | None:
    """From which day on a champion's twin has learnt nothing of what people said."""
    if about is None or about.data.get("later_from") or not about.data.get("rows_by_source", {}).get("shared"):
        return about.data.get("later_from") if about else None
    return (datetime.fromisoformat(about.trained_at) + timedelta(days=1)).date().isoformat()


async def promote_tried(db: Connection) -> str | None:
    """Let the challenger serve if it passed its gates and was tried long enough; its version, if it does now.

    It stays where it is as long as people's decisions speak against it. `db` is the pipeline role's.
    """
    await asyncio.to_thread(registry.refresh)
    tried = registry.about_challenger()
    if tried is None or not is_due(tried, datetime.now(UTC), hours=settings().ai_shadow_hours):
        return None
    if shadow.speaks_against(await shadow.told(db, tried.version)):
        log.info("people_speak_against_the_challenger", version=tried.version)
        return None
    await asyncio.to_thread(succession.promote, tried)
    return tried.version


def is_due(tried: About, now: datetime, *, hours: int) -> bool:
    """Whether a challenger has passed every gate and been tried for so many hours."""
    has_passed = bool(tried.gates) and all(gate["is_passed"] is not False for gate in tried.gates)
    return has_passed and now - datetime.fromisoformat(tried.trained_at) >= timedelta(hours=hours)


def flipped(pipeline: "Pipeline", measured: "pd.DataFrame", flip_rate: FlipRate | None = None) -> dict[str, float]:
    """How many answers to public names differ once they are perturbed, by kind."""
    from ml.categoriser import perturb
    from ml.categoriser.decide import PublicCategoriser

    names = measured.loc[(measured["source"] != "shared") & (measured["group"] != ""), "group"].unique()
    descriptors = [Descriptor(name.upper(), money_in=False) for name in sorted(names)[:PERTURBED]]
    categoriser = PublicCategoriser(pipeline, "perturbed")
    return (flip_rate or perturb.flip_rate)(categoriser, descriptors, SEED).by_kind


def ensure_champion() -> None:
    """Have a model: the one kept here, else the registered one, else one trained now (half a minute)."""
    if registry.about_champion() is None and not registry.refresh():
        train_challenger()


@cache
def code_version() -> str:
    """The package's version, and the commit of the working tree where there is one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    found = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    return f"{__version__}+g{found.stdout.strip()}" if found.returncode == 0 else __version__
