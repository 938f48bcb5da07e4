"""The drawer: a process of its own in which Vega runs, so that whoever asks for a picture holds nobody else up.

Its JavaScript engine keeps the interpreter to itself while it draws, and some 150 MB for good. The process is started
by the first who needs it, knows no secret, fetches nothing, and ends with who started it. A message is its length in
eight bytes and then itself: a question is JSON, an answer a byte that says whether it went well, and the picture.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from html import escape
from typing import Any, BinaryIO, Literal

from ai2.kit.errors import Unavailable
from ai2.reports.charts.model import Spec

Picture = Literal["svg", "png", "bundle"]
# The version of Vega-Lite that Altair writes for.
VEGA_LITE = "6.4"
SCALE = 2.0
NICENESS = 5
# What it may take before it is given up: its first picture takes a second, the first page some more.
PATIENCE_S = 20
WELL, ILL = b"\x01", b"\x00"


class DrawingFailed(Unavailable):
    """The chart could not be drawn; its data and its specification are there in the other formats."""


class Drawer:
    """The process, and one question to it at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, picture: Picture, spec: Spec) -> bytes:
        """Its answer. A process that has ended is started anew, once; one that takes too long is ended."""
        question = json.dumps({"picture": picture, "spec": spec}).encode()
        with self._lock:
            for _ in range(2):
                process = self._started()
                timer = threading.Timer(PATIENCE_S, process.kill)
                timer.start()
                try:
                    answer = _exchange(process, question)
                finally:
                    timer.cancel()
                if answer is not None:
                    return _read(answer)
                process.kill()
                process.wait()
        raise DrawingFailed

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            words = (sys.executable, "-m", __name__)
            known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**known, "TZ": "UTC"}
            )
        return self._process


@cache
def _drawer(_pid: int) -> Drawer:
    return Drawer()


def draw_now(spec: Spec, picture: Picture) -> bytes:
    """A picture, for who may wait. Raises DrawingFailed."""
    # a forked process has no share in its parent's drawer
    return _drawer(os.getpid()).ask(picture, spec)


async def draw(spec: Spec, picture: Picture) -> bytes:
    """A picture, while others are served. Raises DrawingFailed."""
    return await asyncio.to_thread(draw_now, spec, picture)


def _exchange(process: "subprocess.Popen[bytes]", question: bytes) -> bytes | None:
    with suppress(OSError):
        _send(process.stdin, question)
        return _receive(process.stdout)
    return None


def _read(answer: bytes) -> bytes:
    if answer[:1] != WELL:
        raise DrawingFailed
    return answer[1:]


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
    serve(sys.stdin.buffer, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    while (question := _receive(questions)) is not None:
        _send(answers, answer_to(question))


def answer_to(question: bytes) -> bytes:
    """The picture; what went wrong is told on standard error."""
    try:
        asked = json.loads(question)
        return WELL + _picture(asked["picture"], asked["spec"])
    except Exception as error:  # noqa: BLE001 - this process answers for whatever the library does
        sys.stderr.write(f"drawing failed: {type(error).__name__}\n")
        return ILL


def _picture(picture: Picture, spec: Spec) -> bytes:
    import vl_convert

    match picture:
        case "svg":
            svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
            return described(svg, str(spec.get("description", ""))).encode()
        case "png":
            png: bytes = vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=SCALE, allowed_base_urls=[])
            return png
        case "bundle":
            # its types want a script of ours, which is optional
            return str(vl_convert.javascript_bundle(vl_version=VEGA_LITE)).encode()  # type: ignore[call-arg]


def described(svg: str, description: str) -> str:
    """The picture with what it shows in words, for who has it read aloud."""
    head, _, rest = svg.partition(">")
    return f'{head} role="img" aria-label="{escape(description)}"><desc>{escape(description)}</desc>{rest}'


if __name__ == "__main__":
    main()
