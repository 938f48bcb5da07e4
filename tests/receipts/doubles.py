"""A reader of documents for tests: it takes a JSON that says the fields, surely, in schema.org's place."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from ai2.receipts.extraction.model import Extracted, Read

READ_AS = {"issued_on": date.fromisoformat, "total": Decimal, "tax": Decimal}


def read(content: bytes, media_type: str, name: str) -> Extracted | None:
    """What a test's document says; nothing of any other."""
    try:
        said = json.loads(content)
    except ValueError:
        return None
    if not isinstance(said, dict) or "receipt" not in said:
        return None
    fields: dict[str, Any] = {
        field: Read(READ_AS.get(field, str)(value), said.get("sure", 0.99), "JSON-LD")
        for field, value in said["receipt"].items()
    }
    return Extracted(form=said.get("form", "json_ld"), **fields)


def document(note: str = "", *, form: str = "json_ld", sure: float = 0.99, **fields: str) -> bytes:
    """A document that says these fields; `note` makes it another one of the same."""
    return json.dumps({"receipt": fields, "note": note, "form": form, "sure": sure}).encode()
