"""Pages: how every list is asked for, and how one page says where the next begins."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field

from ai2.kit import cursors
from ai2.kit.cursors import UnknownCursor
from api.schemas import Body

Last = TypeVar("Last")
Item = TypeVar("Item")


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
    return None if last is None else cursors.written(str(last))


def read_cursor(cursor: str | None, read: Callable[[str], Last]) -> Last | None:
    """The key after which the page begins. Raises UnknownCursor for anything but a cursor of ours."""
    if cursor is None:
        return None
    try:
        return read(cursors.read(cursor))
    except (ValueError, ArithmeticError):
        raise UnknownCursor from None


def cut(items: Sequence[Item], wanted: PageQuery, key: Callable[[Item], object]) -> dict[str, Any]:
    """One page of a list that is read whole: what follows the item that the cursor names, by its key."""
    begin, last = 0, read_cursor(wanted.cursor, str)
    if last is not None:
        found = next((at for at, item in enumerate(items) if str(key(item)) == last), None)
        if found is None:
            raise UnknownCursor
        begin = found + 1
    page = items[begin : begin + wanted.limit]
    more = begin + wanted.limit < len(items)
    return {
        "items": page,
        "next_cursor": write_cursor(key(page[-1])) if more else None,
        "total": len(items) if wanted.include else None,
    }
