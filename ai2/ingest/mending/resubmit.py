"""Resubmission: quarantined rows come back corrected, into the batch and at the lines where they stood.

A corrected row is loaded, or found to be a duplicate, or stays quarantined with the new reason; the batch's counts
still balance. Rows that are not quarantined are left alone, so the same file twice changes nothing.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ai2.ingest.layout.model import Options
from ai2.ingest.mending import corrections_repository as repository
from ai2.ingest.mending import rejects
from ai2.ingest.mending.replay import correct
from ai2.ingest.service import Batch, batch
from ai2.kit import events
from ai2.kit.database import Connection

LEFT_ALONE = {
    None: "the import has no such row",
    "loaded": "the row is loaded already",
    "duplicate": "the row is known to be a duplicate",
}


@dataclass(frozen=True)
class Resubmission:
    """What became of the rows that came back. `ignored` says of each other row why nothing was done with it."""

    batch: Batch
    loaded: int
    duplicate: int
    quarantined: int
    ignored: list[dict[str, Any]]


async def resubmit(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    raw: bytes,
    *,
    sent_by: str,
    options: Options | None = None,
) -> Resubmission:
    """Read a corrected rejects.csv into its batch.

    Raises NotRejects and ColumnsDoNotFit, NotLoaded, ReplayHeld where a row breaks an expectation, NeedsAnswer.
    """
    known = await batch(db, organization_id, batch_id)
    files = rejects.files(known.layout)
    sent = rejects.read(raw, files)
    states = await repository.states(db, organization_id, batch_id, sent.rows)
    rows = {line: cells for line, cells in sent.rows.items() if states.get(line) == "quarantined"}
    ignored = [{"line_number": line, "reason": LEFT_ALONE[states.get(line)]} for line in sent.rows if line not in rows]
    # what was only kept out by a closed period, and comes back as it was, is read from the raw file again
    closed = await repository.closed(db, organization_id, batch_id, rows)
    again = {row["line_number"] for row in closed if rejects.is_unchanged(files, row, rows[row["line_number"]])}
    corrected = {line: cells for line, cells in rows.items() if line not in again}
    await correct(db, organization_id, batch_id, corrected, again=again, corrected_by=sent_by, options=options)
    became = await repository.states(db, organization_id, batch_id, rows)
    await repository.forget(
        db, organization_id, batch_id, [line for line, state in became.items() if state == "quarantined"]
    )
    counted = Counter(became.values())
    if counted["loaded"]:
        told = {"batch_id": batch_id, "account_id": known.account_id, "loaded": counted["loaded"]}
        await events.emit(db, organization_id, "import.resubmitted", told)
    return Resubmission(
        batch=await batch(db, organization_id, batch_id),
        loaded=counted["loaded"],
        duplicate=counted["duplicate"],
        quarantined=counted["quarantined"],
        ignored=sorted([*sent.ignored, *ignored], key=lambda each: each["line_number"] or 0),
    )
