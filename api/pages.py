"""Pages: how every list is asked for, and how one page says where the next begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field

from ai2.kit.errors import FieldError, Invalid
from api.schemas import Body

Last = TypeVar("Last")
Item = TypeVar("Item")


class UnknownCursor(Invalid):
    """The cursor is not one that this list gave out, or what it stood for is gone; begin without one."""


class PageQuery(Body):
    """Which page."""

    limit: int = Field(default=50, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=5000, description="`next_cursor` of the page before.")
    include: Literal["total"] | None = Field(default=None, description="total: how many there are on all pages.")


class WholeQuery(PageQuery):
    """Which page of a list that is short: without a limit most come whole."""

    limit: int = Field(default=1000, ge=1, le=1000)


def write_cursor(last: object | None) -> str | None:
    """The cursor that goes on after this key; none at the end."""
    return None if last is None else base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, read: Callable[[str], Last]) -> Last | None:
    """The key after which the page begins. Raises UnknownCursor for anything but a cursor of ours."""
    if cursor is None:
        return None
    try:
        return read(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode())
    except (ValueError, ArithmeticError, binascii.Error):
        raise UnknownCursor(errors=(FieldError("cursor", "is one that this list gave out"),)) from None


def cut(items: Sequence[Item], wanted: PageQuery, key: Callable[[Item], object]) -> dict[str, Any]:
    """One page of a list that is read whole: what follows the item that the cursor names, by its key."""
    begin, last = 0, read_cursor(wanted.cursor, str)
    if last is not None:
        found = next((at for at, item in enumerate(items) if str(key(item)) == last), None)
        if found is None:
            raise UnknownCursor(errors=(FieldError("cursor", "is one that this list gave out"),))
        begin = found + 1
    page = items[begin : begin + wanted.limit]
    more = begin + wanted.limit < len(items)
    return {
        "items": page,
        "next_cursor": write_cursor(key(page[-1])) if more else None,
        "total": len(items) if wanted.include else None,
    }
