"""Loaded models: those of the organizations that asked last; one that nobody asks costs nothing."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from ml.own.model import OwnModel
from ml.own.storing import digest, load

log = structlog.get_logger(__name__)

# Some four megabytes each.
MOST = 32


@dataclass(frozen=True)
class Loaded:
    """A model as it is kept. `category_ids` by the model's numbers: two may be the same since they were merged."""

    version: int
    model: OwnModel
    category_ids: tuple[UUID, ...]
    learnt_to: str


_models: "OrderedDict[UUID, Loaded]" = OrderedDict()
_lock = Lock()


def get(organization_id: UUID) -> Loaded | None:
    """The model that was last read, whether it is still the newest or not."""
    with _lock:
        found = _models.get(organization_id)
        if found:
            _models.move_to_end(organization_id)
        return found


def read(organization_id: UUID, row: DictRow) -> Loaded | None:
    """Read a kept model; none where it is not what was kept, or of another version of this program."""
    raw = bytes(row["model"])
    try:
        if digest(raw) != bytes(row["digest"]):
            raise ValueError("the digest differs")
        model = load(raw, tuple(map(str, row["labels"])), tuple(row["attributes"]))
    except (ValueError, KeyError, OSError) as error:
        log.warning("own_model_unreadable", organization_id=str(organization_id), reason=type(error).__name__)
        return None
    found = Loaded(row["version"], model, tuple(row["labels"]), row["learnt_to"])
    with _lock:
        _models[organization_id] = found
        _models.move_to_end(organization_id)
        while len(_models) > MOST:
            _models.popitem(last=False)
    return found


def forget(organization_id: UUID) -> None:
    """Let go of a model that is gone."""
    with _lock:
        _models.pop(organization_id, None)
