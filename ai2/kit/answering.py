"""Answering: a process of its own for a library that would hold everybody else up, asked one question at a time.

It is started by the first who needs it and ends with who started it. A message is its length in eight bytes and then
itself; what questions and answers are is said by the module that runs there.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

# It works beside those who answer people, and after them.
NICENESS = 5


class Answering:
    """The process of a module, whose `main` calls `run`."""

    def __init__(
        self, module: str, *, patience_s: float | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """What takes longer than `patience_s` is given up. Without an environment it has ours."""
        self._words = (sys.executable, "-m", module)
        self._patience_s, self._environment = patience_s, environment
        self._begin()

    def _begin(self) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self) -> None:
        """Start the process, if it does not run; it is ready some seconds later."""
        with self._own_lock():
            self._started()

    def ask(self, question: bytes) -> bytes | None:
        """Its answer. A process that has ended is started anew, once; none where that has ended, too."""
        with self._own_lock():
            for _ in range(2):
                process = self._started()
                answer = self._exchange(process, question)
                if answer is not None:
                    return answer
                process.kill()
                process.wait()
        return None

    def _own_lock(self) -> threading.Lock:
        """A forked process has no share in its parent's."""
        if self._pid != os.getpid():
            self._begin()
        return self._lock

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
            )
        return self._process

    def _exchange(self, process: "subprocess.Popen[bytes]", question: bytes) -> bytes | None:
        timer = threading.Timer(self._patience_s, process.kill) if self._patience_s else None
        if timer:
            timer.start()
        try:
            with suppress(OSError):  # it has ended
                _send(process.stdin, question)
                return _receive(process.stdout)
        finally:
            if timer:
                timer.cancel()
        return None


def run(to: Callable[[bytes], bytes]) -> None:
    """In the process itself: answer until nobody asks any more. The pipe ends with who started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    serve(sys.stdin.buffer, answers, to)


def serve(questions: BinaryIO, answers: BinaryIO, to: Callable[[bytes], bytes]) -> None:
    while (question := _receive(questions)) is not None:
        _send(answers, to(question))


def _send(pipe: Any, message: bytes) -> None:
    pipe.write(len(message).to_bytes(8, "big") + message)
    pipe.flush()


def _receive(pipe: Any) -> bytes | None:
    """The next message; none at the end."""
    head = pipe.read(8)
    length = int.from_bytes(head, "big")
    message: bytes = pipe.read(length) if len(head) == 8 else b""
    return message if len(head) == 8 and len(message) == length else None
