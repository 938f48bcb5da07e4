"""The checker: a process of its own in which Great Expectations runs, so that importing it holds nobody else up.

It is large (250 MB) and takes seconds to import, in which whoever else shares an interpreter with it stands still. The
process is started by the first who will need it, and ends with who started it. A message is its length in eight bytes
and then itself: a question is an Arrow stream whose metadata tells the batch, an answer is JSON.
"""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import date
from functools import cache
from typing import Any, BinaryIO

import pyarrow as pa

from ai2.ingest.loading import expectations
from ai2.ingest.loading.expectations import Check

# It works beside those who answer people, and after them.
NICENESS = 5
BATCH = b"batch"


class CheckerFailed(RuntimeError):
    """The expectations could not be run; nothing is known of the batch."""


class Checker:
    """The process, and one question to it at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self) -> None:
        """Start the process, if it does not run; it is ready some seconds later."""
        with self._lock:
            self._started()

    def ask(self, question: bytes) -> Any:
        """Its answer. A process that has ended is started anew, once."""
        with self._lock:
            for _ in range(2):
                process = self._started()
                with suppress(OSError):
                    _send(process.stdin, question)
                    answer = _receive(process.stdout)
                    if answer is not None:
                        return _read(answer)
                process.kill()
                process.wait()
        raise CheckerFailed("the process that checks imports ended twice; its output says why")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            words = (sys.executable, "-m", __name__)
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process


@cache
def _checker(_pid: int) -> Checker:
    return Checker()


def warm() -> None:
    """Have the checker ready soon."""
    _checker(os.getpid()).warm()


async def check(lines: pa.Table, *, rows_in: int, currency: str, today: date) -> list[Check]:
    """Run the expectations on the staged lines. `rows_in` counts the rejected rows too."""
    batch = {"rows_read": len(lines), "rows_in": rows_in, "currency": currency, "today": today.isoformat()}
    kinds = expectations.kinds_of(lines, currency).replace_schema_metadata({BATCH: json.dumps(batch)})
    written = io.BytesIO()
    with pa.ipc.new_stream(written, kinds.schema) as stream:
        stream.write_table(kinds)
    # a forked process has no share in its parent's checker
    answer = await asyncio.to_thread(_checker(os.getpid()).ask, written.getvalue())
    return [Check(**each) for each in answer]


def _read(answer: bytes) -> Any:
    told = json.loads(answer)
    if "error" in told:
        raise CheckerFailed(told["error"])
    return told["checks"]


def _send(pipe: Any, message: bytes) -> None:
    pipe.write(len(message).to_bytes(8, "big") + message)
    pipe.flush()


def _receive(pipe: Any) -> bytes | None:
    """The next message; none at the end."""
    head = pipe.read(8)
    length = int.from_bytes(head, "big")
    message: bytes = pipe.read(length) if len(head) == 8 else b""
    return message if len(head) == 8 and len(message) == length else None


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    """Answer until nobody asks any more: the pipe ends with who started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    expectations.load()
    serve(sys.stdin.buffer, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    while (question := _receive(questions)) is not None:
        _send(answers, json.dumps(answer_to(question)).encode())


def answer_to(question: bytes) -> dict[str, Any]:
    """The checks; or what went wrong, for who asked to say."""
    try:
        kinds = pa.ipc.open_stream(question).read_all()
        batch = json.loads(kinds.schema.metadata[BATCH])
        batch["today"] = date.fromisoformat(batch["today"])
        return {"checks": [each.as_json() for each in expectations.check(kinds, **batch)]}
    except Exception as error:  # noqa: BLE001 - this process answers for whatever the library does
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
