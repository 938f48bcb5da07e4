"""Reading: what a receipt or an invoice says, found in a process of its own, for documents come from strangers.

PDFium is native code, and what is hostile in a page or a text may cost time without end: the process knows no secret,
fetches nothing, and has a limit of memory and of time. What takes more than that is not read.
"""

import json
import os
import resource
import sys
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from ai2.kit import answering
from ai2.kit.answering import Answering
from ai2.receipts.extraction.model import Extracted, Read

MAX_BYTES = 25_000_000
PATIENCE_S, CPU_S, MEMORY_BYTES = 15, 10, 1_500_000_000
NOTHING = b"null"

ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
READER = Answering(__name__, patience_s=PATIENCE_S, environment=ENVIRONMENT)


def read(content: bytes, media_type: str, name: str) -> Extracted | None:
    """What the document says; none where it is none of ours, or has neither a total nor a number.

    What it is is told by its content, then by its media type and name, which senders get wrong. It raises nothing for
    what is in the content. It takes milliseconds, and at most twice PATIENCE_S: call it in a thread.
    """
    if not 0 < len(content) <= MAX_BYTES:
        return None
    head = json.dumps([media_type, name]).encode()
    answer = READER.ask(len(head).to_bytes(4, "big") + head + content)
    told = json.loads(answer) if answer else None
    return _decoded(told) if told else None


def _decoded(told: dict[str, Any]) -> Extracted:
    kinds: dict[str, Any] = {"issued_on": date.fromisoformat, "total": Decimal, "tax": Decimal}
    found = {
        name: Read(kinds.get(name, str)(value), confidence, where)
        for name, (value, confidence, where) in told["fields"].items()
    }
    return Extracted(told["form"], **found)


# --- in the process itself ---------------------------------------------------------------------------------------


def main() -> None:
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    answering.run(answer_to)


def answer_to(question: bytes) -> bytes:
    """What was read, as JSON. Of what goes wrong only its kind is told: a message may hold texts of the document."""
    from ai2.receipts.extraction import documents

    _allow_time()
    length = int.from_bytes(question[:4], "big")
    media_type, name = json.loads(question[4 : 4 + length])
    try:
        found = documents.read(question[4 + length :], media_type, name)
    except Exception as error:  # noqa: BLE001 - this process answers for whatever is in the document
        sys.stderr.write(f"a document could not be read: {type(error).__name__}\n")
        return NOTHING
    return _encoded(found) if found else NOTHING


def _allow_time() -> None:
    """So many seconds of work for each document, counted from what was worked so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + CPU_S)


def _limit(what: int, at_most: int) -> None:
    """Within what the system allows us."""
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (at_most if hard == resource.RLIM_INFINITY else min(at_most, hard), hard))


def _encoded(found: Extracted) -> bytes:
    told = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "form"}
    each = {name: [str(field.value), field.confidence, field.where] for name, field in told.items() if field}
    return json.dumps({"form": found.form, "fields": each}).encode()


if __name__ == "__main__":
    main()
