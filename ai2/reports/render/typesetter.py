"""The typesetter: a process of its own for each PDF, that ends with it.

Typst keeps what it worked out for documents that might come next, some 150 MB for each of 20 pages: ended, it gives
them back. Nor can a document hold up, or bring down, who asked for it. It gets texts as data, knows no secret, and
fetches nothing.
"""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("report.typ")
PATIENCE_S = 100
NICENESS = 5


class NotSet(Exception):
    """No PDF came of it."""


def typeset(document: dict[str, Any], at: datetime) -> bytes:
    """The document as PDF/UA-1. Letters that no font of this machine has make it a tagged PDF with boxes instead.

    Raises NotSet.
    """
    told = json.dumps({"document": json.dumps(document, ensure_ascii=False), "at": int(at.timestamp())})
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], input=told.encode(), stdout=subprocess.PIPE, env=known, check=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        raise NotSet from error
    return done.stdout


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    """Set one document. What goes wrong is told by its kind alone: a diagnostic may hold texts of the document."""
    os.nice(NICENESS)
    told = json.load(sys.stdin.buffer)
    try:
        content = _pdf(told["document"], told["at"])
    except Exception as error:  # noqa: BLE001 - this process answers for whatever the library does
        sys.exit(f"typesetting failed: {type(error).__name__}")
    sys.stdout.buffer.write(content)


def _pdf(document: str, at: int) -> bytes:
    import typst

    told: dict[str, Any] = {
        # its own fonts first, and after them the machine's for the letters that those lack
        "input": TEMPLATE.read_bytes(), "root": TEMPLATE.parent, "font_paths": typst.Fonts(),
        "sys_inputs": {"report": document}, "timestamp": at,
    }  # fmt: skip
    try:
        return bytes(typst.compile(**told, pdf_standards="ua-1"))
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
    return bytes(typst.compile(**told))


if __name__ == "__main__":
    main()
