"""Kept: what the candidates said of the past takes seconds to work out, and is stored until a past month changes."""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.cashflow.outlook import REFIT_EVERY, origins_of
from ml.cashflow.panel import Floats, Panel
from ml.cashflow.rehearsal import Rehearsal, recall, say

# Whatever changes what candidates say takes a new one.
VERSION = "cashflow-1"
Shape = dict[str, list[str] | list[int]]
# The longest outlook there is; shorter ones are its beginning.
HORIZON = 12


@dataclass(frozen=True)
class Said:
    """What each candidate said at each origin: candidates x series x origins x months ahead."""

    names: Sequence[str]
    origins: Sequence[int]
    said: Floats

    def against(self, panel: Panel) -> Rehearsal:
        """The same, held against what came."""
        return recall(panel, self.names, self.origins, self.said)


def work_out(panel: Panel) -> Said:
    """Let the candidates speak; seconds of one core."""
    origins = origins_of(panel.months)
    told = say(panel, origins, HORIZON, refit_every=REFIT_EVERY)
    return Said(list(told), list(origins), np.stack(list(told.values())))


def digest(panel: Panel, names: Sequence[str]) -> bytes:
    """What makes two panels the same to the candidates: the whole months of the same lines, and what recurs."""
    told = hashlib.sha256(json.dumps([VERSION, panel.calendar, panel.values.shape, list(names)]).encode())
    told.update(np.ascontiguousarray(panel.values).tobytes())
    for pattern in panel.patterns:
        told.update(json.dumps([pattern.row, pattern.every]).encode() + pattern.amounts.tobytes())
        told.update(b"" if pattern.ahead is None else pattern.ahead.tobytes())
    return told.digest()


def pack(said: Said) -> tuple[Shape, bytes]:
    """What is stored of it."""
    shape: Shape = {"names": list(said.names), "origins": list(said.origins), "sizes": list(said.said.shape)}
    return shape, zlib.compress(said.said.astype("<f8").tobytes(), 1)


def unpack(shape: Shape, packed: bytes) -> Said:
    """What was stored."""
    numbers = np.frombuffer(zlib.decompress(packed), dtype="<f8").reshape([int(size) for size in shape["sizes"]])
    return Said([str(name) for name in shape["names"]], [int(origin) for origin in shape["origins"]], numbers)
