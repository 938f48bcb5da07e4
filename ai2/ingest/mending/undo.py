"""Undo: a batch taken back as one. Nothing of it is lost, and nothing that people did since.

What the batch inserted is closed; what it changed gets its former value back; what people edited or deleted since
stays as they left it, and is listed; what a later batch has too goes to that batch. The caller opens the database
transaction: all of it happens, or none.
"""

from typing import Any
from uuid import UUID

from ai2.books.transactions import undo_repository as books
from ai2.books.transfers import service as transfers
from ai2.ingest import balances, repository
from ai2.ingest.following import repository as following
from ai2.ingest.mending import undo_repository as lines
from ai2.ingest.problems import BatchNotFound
from ai2.kit import events
from ai2.kit.database import Connection, act_for, allow_memory, planned_for
from ai2.kit.errors import Conflict

# So many rows that stay are named in the report; all of them are counted.
LISTED = 1000

WHY_NOT = {
    "queued": "It waits to be imported; undo it once it is loaded.",
    "running": "It is being imported; undo it once it is loaded.",
    "held": "It was held, so nothing of it was loaded.",
    "failed": "It could not be read, so nothing of it was loaded.",
    "needs_answer": "It waits for an answer, so nothing of it was loaded.",
}


class NothingToUndo(Conflict):
    """This import loaded nothing that could be undone."""


async def undo(db: Connection, organization_id: UUID, batch_id: UUID, *, undone_by: str) -> dict[str, Any]:
    """Take a batch back and report what was closed, given back, handed over and left alone.

    A batch that is undone already gives the same report, and nothing happens. Raises NothingToUndo, BatchNotFound.
    """
    batch = await lines.locked_batch(db, organization_id, batch_id)
    if batch is None:
        raise BatchNotFound
    if batch["status"] == "undone":
        return dict(batch["undo_report"])
    if batch["status"] != "loaded":
        raise NothingToUndo(WHY_NOT[batch["status"]], status_of_batch=batch["status"])
    await repository.lock_account(db, batch["account_id"])
    await transfers.queue_up(db, organization_id)
    # The history says who did it and why, so that it is not taken for an edit.
    await act_for(db, organization_id, actor=f"{undone_by} undo:{batch_id}")
    await allow_memory(db)
    async with planned_for(db, batch["rows_loaded"]):
        await _stage(db, organization_id, batch["account_id"], batch_id)
        report = await _take_back(db, organization_id, batch["account_id"], batch_id)
    await lines.set_undone(db, organization_id, batch_id, undone_by=undone_by, report=report)
    await act_for(db, organization_id, actor=undone_by)
    told = {name: report[name] for name in ("closed", "given_back", "left_alone")}
    whose = {"batch_id": batch_id, "account_id": batch["account_id"]}
    await events.emit(db, organization_id, "import.undone", {**whose, **told})
    return report


async def _stage(db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID) -> None:
    """Gather what the batch changed elsewhere, and what of all this is to stay."""
    await books.stage_changed(db, organization_id, batch_id)
    await lines.stage_shared(db, organization_id, account_id, batch_id)
    await books.stage_edited(db, organization_id, batch_id)
    await following.leave_out(db, organization_id)
    await db.execute("analyze pg_temp.changed")
    await db.execute("analyze pg_temp.staying")


async def _take_back(db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID) -> dict[str, Any]:
    counting = await books.count_otherwise(db, organization_id)
    given_back = await books.give_back(db, organization_id)
    closed = await books.close(db, organization_id, batch_id) + await books.close_orphans(db, organization_id)
    handed_over = await books.hand_over(db, organization_id)
    await transfers.dissolve_of_batch(db, organization_id, batch_id)
    if counting:
        await transfers.dissolve(db, organization_id, counting, but_of_people=True)
        await transfers.pair(db, organization_id, transaction_ids=counting)
        await balances.anchor_anew(db, organization_id, account_id)
    await lines.reopen_pending(db, organization_id, batch_id)
    await lines.swap_lines(db, organization_id, batch_id)
    await lines.forget_identities(db, organization_id, batch_id)
    await following.give_back(db, organization_id, batch_id)
    await balances.forget(db, organization_id, batch_id)
    stayed, counts = await lines.stayed(db, limit=LISTED), await lines.counted(db)
    return {
        "closed": closed,
        "given_back": given_back,
        "handed_over": handed_over,
        "left_alone": sum(number for why, number in counts.items() if why != "shared"),
        "heirs": [{**row, "batch_id": str(row["batch_id"])} for row in await lines.heirs(db)],
        "left": [{**row, "transaction_id": str(row["transaction_id"])} for row in stayed],
    }
