"""The drawer: a process of its own in which Vega runs, so that whoever asks for a picture holds nobody else up.

Its JavaScript engine keeps the interpreter to itself while it draws, and some 150 MB for good. The process is started
by the first who needs it, knows no secret and fetches nothing. A question is JSON, an answer a byte that says whether
it went well, and the picture.
"""

import asyncio
import json
import os
import sys
from html import escape
from typing import Literal

from ai2.kit import answering
from ai2.kit.answering import Answering
from ai2.kit.errors import Unavailable
from ai2.reports.charts.model import Spec

Picture = Literal["svg", "png", "bundle"]
# The version of Vega-Lite that Altair writes for.
VEGA_LITE = "6.4"
SCALE = 2.0
# What it may take before it is given up: its first picture takes a second, the first page some more.
PATIENCE_S = 20
WELL, ILL = b"\x01", b"\x00"


class DrawingFailed(Unavailable):
    """The chart could not be drawn; its data and its specification are there in the other formats."""


DRAWER = Answering(
    __name__,
    patience_s=PATIENCE_S,
    environment={name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    | {"TZ": "UTC"},
)


def draw_now(spec: Spec, picture: Picture) -> bytes:
    """A picture, for who may wait. Raises DrawingFailed."""
    answer = DRAWER.ask(json.dumps({"picture": picture, "spec": spec}).encode())
    if answer is None or answer[:1] != WELL:
        raise DrawingFailed
    return answer[1:]


async def draw(spec: Spec, picture: Picture) -> bytes:
    """A picture, while others are served. Raises DrawingFailed."""
    return await asyncio.to_thread(draw_now, spec, picture)


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    answering.run(answer_to)


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
