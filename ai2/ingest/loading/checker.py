"""The checker: a process of its own in which Great Expectations runs, so that importing it holds nobody else up.

It is large (250 MB) and takes seconds to import, in which whoever else shares an interpreter with it stands still. The
process is started by the first who will need it. A question is an Arrow stream whose metadata tells the batch, an
answer is JSON.
"""

import asyncio
import io
import json
from datetime import date
from typing import Any

import pyarrow as pa

from ai2.ingest.loading import expectations
from ai2.ingest.loading.expectations import Check
from ai2.kit import answering
from ai2.kit.answering import Answering

BATCH = b"batch"


class CheckerFailed(RuntimeError):
    """The expectations could not be run; nothing is known of the batch."""


CHECKER = Answering(__name__)


def warm() -> None:
    """Have the checker ready soon."""
    CHECKER.warm()


async def check(lines: pa.Table, *, rows_in: int, currency: str, today: date) -> list[Check]:
    """Run the expectations on the staged lines. `rows_in` counts the rejected rows too."""
    batch = {"rows_read": len(lines), "rows_in": rows_in, "currency": currency, "today": today.isoformat()}
    kinds = expectations.kinds_of(lines, currency).replace_schema_metadata({BATCH: json.dumps(batch)})
    written = io.BytesIO()
    with pa.ipc.new_stream(written, kinds.schema) as stream:
        stream.write_table(kinds)
    return [Check(**each) for each in _read(await asyncio.to_thread(CHECKER.ask, written.getvalue()))]


def _read(answer: bytes | None) -> Any:
    if answer is None:
        raise CheckerFailed("the process that checks imports ended twice; its output says why")
    told = json.loads(answer)
    if "error" in told:
        raise CheckerFailed(told["error"])
    return told["checks"]


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    expectations.load()
    answering.run(answer_to)


def answer_to(question: bytes) -> bytes:
    """The checks as JSON; or what went wrong, for who asked to say."""
    try:
        kinds = pa.ipc.open_stream(question).read_all()
        batch = json.loads(kinds.schema.metadata[BATCH])
        batch["today"] = date.fromisoformat(batch["today"])
        told: dict[str, Any] = {"checks": [each.as_json() for each in expectations.check(kinds, **batch)]}
    except Exception as error:  # noqa: BLE001 - this process answers for whatever the library does
        told = {"error": f"{type(error).__name__}: {error}"}
    return json.dumps(told).encode()


if __name__ == "__main__":
    main()
