"""Refitting: an organization's model learnt anew from its history, in a time that is bounded, and kept with it."""

import asyncio
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import structlog

from ai2.kit.database import Connection
from ai2.kit.errors import Unavailable
from ml.own import held, loaded, repository, storing
from ml.own.frames import rows_of_frame
from ml.own.service import BY_PERSON

if TYPE_CHECKING:
    import pandas as pd

    from ml.own.model import OwnModel

log = structlog.get_logger(__name__)

# With less there is nothing to learn that the last choice does not say; more than this is older than it is worth.
LEAST, MOST = 30, 1_000_000
# So many new choices, or so large a part of what was learnt from, are worth learning anew.
ENOUGH, ENOUGH_OF_ALL = 200, 0.1


class HistoryChanged(Unavailable):
    """Categories were merged, or the model was learnt by somebody else meanwhile; learn again."""


@dataclass(frozen=True)
class Refitted:
    """The version that is kept now, from how many choices, of how many categories; `bytes` is what it takes to keep.

    Measured on the latest choices for merchants seen before, foretold from those before: which share was `right`, and
    of the share that was `applied` from the confidence `applies_from` on. None where there is too little to measure.
    """

    version: int
    rows: int
    categories: int
    attributes: tuple[str, ...]
    bytes: int
    right: float | None
    applied: float | None
    applied_right: float | None
    applies_from: float | None


async def is_due(db: Connection, organization_id: UUID) -> bool:
    """Whether people have chosen enough since the model was learnt."""
    kept = await repository.find(db, organization_id)
    if kept is None:
        return await repository.fresh(db, organization_id, "0", LEAST) >= LEAST
    enough = min(ENOUGH, max(LEAST, int(kept["rows"] * ENOUGH_OF_ALL)))
    return await repository.fresh(db, organization_id, kept["learnt_to"], enough) >= enough


@dataclass(frozen=True)
class History:
    """What people chose, as CSV, when it was read. `version` is the model's that was kept then.

    `held` is how sure deciders that all share have to be here (`ml.own.held`).
    """

    raw: bytes
    attributes: dict[str, str]
    learnt_to: str
    version: int
    held: dict[str, float]


async def gather(db: Connection, organization_id: UUID) -> History:
    """The latest choices of the organization."""
    learnt_to, version = await repository.now(db), (await repository.state(db, organization_id)).version
    attributes = [*await repository.attribute_names(db, organization_id), repository.ACCOUNT, repository.CODE]
    names = [f"c{number}" for number in range(len(attributes))]
    raw = await repository.history(db, organization_id, attributes, names, MOST)
    least = held.thresholds(await repository.shared_decisions(db, organization_id))
    return History(raw, dict(zip(names, attributes, strict=True)), learnt_to, version, least)


async def keep(db: Connection, organization_id: UUID, history: History, learnt: "Learnt | None") -> Refitted | None:
    """Keep what was learnt in place of the former; where there was too little to learn from, nothing is kept."""
    if (await repository.state(db, organization_id)).version != history.version:
        raise HistoryChanged
    if learnt is None:
        await repository.forget(db, organization_id)
        loaded.forget(organization_id)
        return None
    model, raw = learnt.model, learnt.raw
    labels, measured = [UUID(label) for label in model.labels], model.trust.seen.measured()
    version = await repository.keep(
        db,
        organization_id,
        model=raw,
        digest=storing.digest(raw),
        labels=labels,
        attributes=list(model.attributes),
        rows=learnt.rows,
        learnt_to=history.learnt_to,
        measured={**measured, "held": history.held},
    )
    told = Refitted(version, learnt.rows, len(labels), model.attributes, len(raw), **measured)
    log.info("own_model_learnt", organization_id=str(organization_id), version=version, rows=told.rows, size=told.bytes)
    return told


async def refit(db: Connection, organization_id: UUID) -> Refitted | None:
    """All of it in one database transaction."""
    history = await gather(db, organization_id)
    return await keep(db, organization_id, history, await asyncio.to_thread(learn, history))


@dataclass(frozen=True)
class Learnt:
    """A model and its bytes, from how many choices."""

    raw: bytes
    model: "OwnModel"
    rows: int


def learn(history: History) -> Learnt | None:
    """Learn from a history, without a database; none where there is too little of it."""
    from ml.own.model import fit

    frame = _frame(history.raw, [*history.attributes])
    if len(frame) < LEAST:
        return None
    model = fit(frame)
    times = frame["merchant_key"].map(frame["merchant_key"].value_counts())
    seldom = rows_of_frame(frame[times <= repository.LATEST], model.attributes)
    small = replace(model, counts=storing.without(model.counts, seldom))
    named = replace(small, attributes=tuple(history.attributes[name] for name in model.attributes))
    return Learnt(storing.dump(named), named, len(frame))


def _frame(history: bytes, attributes: list[str]) -> "pd.DataFrame":
    from pyarrow import csv, string

    texts = [*attributes, "description", "merchant_key", "label", "decided_by"]
    types = csv.ConvertOptions(column_types=dict.fromkeys(texts, string()), strings_can_be_null=False)
    table = csv.read_csv(
        io.BytesIO(history), parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=types
    )
    frame: pd.DataFrame = table.drop_columns(["transaction_id"]).to_pandas()
    return frame.assign(weight=np.where(frame.pop("decided_by") == "user", BY_PERSON, 1))
