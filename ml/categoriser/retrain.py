"""Retraining: a challenger learns what is public and what organizations chose to share, and serves if no worse."""

import asyncio
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ai2 import __version__
from ai2.kit.database import Connection
from ml import registry, repository
from ml.knowledge.labels import primary_of

if TYPE_CHECKING:
    import pandas as pd

    from ml.categoriser.model import Params

log = structlog.get_logger(__name__)

# A challenger serves unless it is worse than this on the merchants that neither has seen: two standard errors of a
# share of 0.55 over 3,600 rows are 0.017. One that knows more of what people said is not held back by noise.
TOLERANCE = 0.017
SHARED_WEIGHT = 5.0


@dataclass(frozen=True)
class Retrained:
    """The new version, whether it serves, its measurement, and how many shared corrections it learnt from."""

    version: str
    is_promoted: bool
    metrics: dict[str, float]
    shared_corrections: int


async def retrain(db: Connection) -> Retrained:
    """Train, measure, register, and promote by the rule of `is_no_worse`. `db` is the pipeline role's."""
    corrections = [c for c in await repository.opted_in_corrections(db) if primary_of(c["detailed"])]
    return await asyncio.to_thread(train_challenger, corrections)


def train_challenger(corrections: list[dict[str, Any]], params: "Params | None" = None) -> Retrained:
    """The same without a database: `corrections` have merchant_key, money_in and detailed."""
    from ml.categoriser.examples import SEED, build_examples
    from ml.categoriser.model import Params, metrics_of, train

    params = params or Params()
    frame = with_corrections(build_examples(), corrections)
    trained = train(frame, params)
    about = registry.register(
        trained.pipeline,
        metrics=metrics_of(trained.metrics),
        params={**asdict(params), "examples_seed": SEED},
        data=describe(frame),
        code_version=__version__,
    )
    registry.refresh()
    former = registry.about_champion()
    is_promoted = former is None or is_no_worse(about.metrics, former.metrics)
    if is_promoted:
        registry.promote(about)
    log.info("categoriser_trained", version=about.version, is_promoted=is_promoted, **about.metrics)
    return Retrained(about.version, is_promoted, about.metrics, len(corrections))


def ensure_champion() -> None:
    """Have a model: the one kept here, else the registered one, else one trained now (half a minute)."""
    if registry.about_champion() is None and not registry.refresh():
        train_challenger([])


def is_no_worse(challenger: dict[str, float], champion: dict[str, float]) -> bool:
    """On the held-out merchants: primary categories, and what is right of what would be applied alone."""
    return all(challenger[name] >= champion[name] - TOLERANCE for name in ("primary_accuracy", "applied_precision"))


def with_corrections(frame: "pd.DataFrame", corrections: list[dict[str, Any]]) -> "pd.DataFrame":
    """The examples and what shared people said, which weighs more; neither side of the measurement is touched."""
    import pandas as pd

    from ml.categoriser.features import line

    if not corrections:
        return frame
    shared = pd.DataFrame(
        {
            "line": [line(c["merchant_key"], (), money_in=c["money_in"], mcc=None) for c in corrections],
            "detailed": [c["detailed"] for c in corrections],
        }
    )
    held_out = set(frame.loc[frame["split"].isin(["calibration", "test"]), "group"])
    keys = pd.Series([c["merchant_key"] for c in corrections])
    shared = shared.assign(
        weight=SHARED_WEIGHT, source="shared", group=keys, is_english=True, is_mauled=False,
        split=keys.isin(held_out).map({True: "kin", False: "train"}),
    )  # fmt: skip
    return pd.concat([frame, shared], ignore_index=True)


def describe(frame: "pd.DataFrame") -> dict[str, Any]:
    """The training data in counts and a digest; no row of it."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(frame[["line", "detailed", "weight", "split"]], index=False)
    return {
        "sha256": hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest(),
        "rows": len(frame),
        "rows_by_source": {str(k): int(v) for k, v in frame["source"].value_counts().sort_index().items()},
        "rows_by_split": {str(k): int(v) for k, v in frame["split"].value_counts().sort_index().items()},
        "measured_on": "test: a tenth of the brands and well-known merchants, by hash of the name, never seen",
    }
