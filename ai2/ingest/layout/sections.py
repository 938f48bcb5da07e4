"""Sections: rows that say of the rows below them that they are not booked yet, and headers that come again.

A row of another table's header ends what can be read: the rows below it stand under other columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ai2.ingest.layout import heading
from ai2.ingest.layout.heading import Section
from ai2.ingest.layout.sheet import Sheet
from ai2.ingest.layout.states import Mask

# A file with more rows that are none is no statement; they stay what they are without a look at their words.
MOST_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Sections:
    """For each row whether it is a header again, a section's name, and in which section it stands."""

    headers: Mask
    names: Mask
    pending: Mask
    other: Mask
    last: Section


def find(sheet: Sheet, bare: Mask, section: Section) -> Sections:
    """The sections of a sheet; `bare` rows have neither a date nor an amount, `section` is what its first row is in."""
    rows = len(sheet)
    headers, names = np.zeros(rows, bool), np.zeros(rows, bool)
    changes: list[tuple[int, Section]] = [(0, section)]
    for place in np.flatnonzero(bare)[:MOST_LOOKED_AT].tolist():
        cells = [column.encoded[place].as_py() or "" for column in sheet.columns]
        if heading.is_header(cells, sheet.names):
            headers[place] = True
            if changes[-1][1] == "other":
                changes.append((place, "booked"))
        elif found := heading.section_of(cells):
            names[place] = True
            changes.append((place, found))
        elif heading.heads_table(cells):
            headers[place] = True
            changes.append((place, "other"))
    return Sections(headers, names, *_spread(changes, rows), changes[-1][1])


def _spread(changes: list[tuple[int, Section]], rows: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    pending, other = np.zeros(rows, bool), np.zeros(rows, bool)
    ends = [*(place for place, _ in changes[1:]), rows]
    for (start, section), end in zip(changes, ends, strict=True):
        pending[start:end] = section == "pending"
        other[start:end] = section == "other"
    return pending, other
