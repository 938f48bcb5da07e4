"""kill -9 at random points of an import: all of the file or nothing of it, and the next run completes it.

AI2_CRASH_POINTS says how many points each way has, AI2_CRASH_ROWS how many rows the file has, AI2_CRASH_SEED which
points: the seed is printed. `make crash` does it as often as it should be done.
"""

import os
import time

import pytest

from tests.crash.conftest import RECEIVE, Installation

POINTS = int(os.environ.get("AI2_CRASH_POINTS", "1"))


def wait(installation: Installation) -> None:
    """Until some moment of the import, its start and its end included."""
    time.sleep(installation.chance.uniform(0.1, 1.05) * installation.usual_s)


@pytest.mark.parametrize("point", range(POINTS))
def test_the_importing_process(installation: Installation, point: int) -> None:
    account = f"importer {point}"
    process = installation.importing(account)
    wait(installation)
    process.kill()
    process.communicate()
    installation.settled()
    was_loaded = installation.is_loaded(account)
    rows = installation.import_whole(account)["rows"]
    assert rows["duplicate" if was_loaded else "loaded"] == installation.rows.total()
    assert installation.is_loaded(account)


@pytest.mark.parametrize("point", range(POINTS))
def test_postgresql(installation: Installation, point: int) -> None:
    account = f"server {point}"
    process = installation.importing(account)
    wait(installation)
    installation.kill_server()
    said, _ = process.communicate(timeout=120)
    rows = installation.import_whole(account)["rows"]  # it starts the server again, which recovers
    was_loaded = bool(rows["duplicate"])
    assert rows["duplicate" if was_loaded else "loaded"] == installation.rows.total()
    assert process.returncode or was_loaded, f"it said that it was loaded, and it was not: {said}"
    assert installation.is_loaded(account)


@pytest.mark.parametrize("point", range(POINTS))
def test_the_worker(installation: Installation, point: int) -> None:
    account = f"worker {point}"
    batch_id = installation.run("-c", RECEIVE, installation.organization, account, installation.file).strip()
    worker = installation.start("-m", "ai2", "worker")
    wait(installation)
    worker.kill()
    worker.communicate()
    installation.settled()
    installation.is_loaded(account)
    worker = installation.start("-m", "ai2", "worker")
    try:
        ended = installation.ended(batch_id)
    finally:
        worker.terminate()
        worker.communicate(timeout=60)
    assert ended == "done", ended + installation.log.read_text()
    assert installation.is_loaded(account)
