"""ETags: a row's version, so that nobody overwrites a change they have not seen."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from ai2.kit.errors import Stale


async def if_match(
    if_match: Annotated[str | None, Header(description="The ETag you read; 412 if it changed.")] = None,
) -> int | None:
    """The version that the caller read; none where any will do."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = re.fullmatch(r'"(\d{1,9})"', if_match.strip())
    if match is None:
        raise Stale
    return int(match[1])


def mark(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'


IfMatch = Annotated[int | None, Depends(if_match)]
