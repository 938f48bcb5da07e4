"""Deadline: a request that takes too long is taken back whole, and its connection serves others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ai2.kit.errors import Unavailable
from ai2.kit.settings import settings

# They read or change all of an account, or all that there is; ten times as long is still right for them.
PATIENT = frozenset({
    "export_transactions", "download_rejects", "apply_rule", "undo_rule_application", "undo_import", "replay_import",
    "replay_account", "download_evidence_pack", "download_report", "preview_effects", "generate_report",
    "download_export",
})  # fmt: skip


class TookTooLong(Unavailable):
    """The request took too long, and nothing of it was kept; ask for less at a time, or try again later."""


@asynccontextmanager
async def in_time(operation: str) -> AsyncIterator[Callable[[], None]]:
    """End what takes longer than REQUEST_TIMEOUT_MS. The statement that runs is cancelled in the database too.

    What it gives is to be called once a connection is had: Python 3.11's `wait_for`, by which the pool waits, may
    lose the end where both come at once.
    """
    allowed_s = settings().request_timeout_ms / 1000 * (10 if operation in PATIENT else 1)
    try:
        async with asyncio.timeout(allowed_s) as timer:
            yield lambda: _check(timer)
    except TimeoutError:
        if not timer.expired():
            raise
        raise TookTooLong from None


def _check(timer: asyncio.Timeout) -> None:
    ends_at = timer.when()
    if ends_at is not None and ends_at <= asyncio.get_running_loop().time():
        raise TookTooLong
