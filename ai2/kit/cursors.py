"""Cursors: where a page of a list ends, as text that says nothing to who passes it on."""

import base64
import binascii

from ai2.kit.errors import FieldError, Invalid


class UnknownCursor(Invalid):
    """The cursor is not one that this list gave out, or what it stood for is gone; begin without one."""

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("cursor", "is one that this list gave out"),))


def written(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read(cursor: str) -> str:
    """What was written. Raises UnknownCursor for what never was."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise UnknownCursor from None
