"""JSON paths: where in an answer something is: `$.data.items[*]`, `amount.value`, `$['a.b'][0]`; a part of RFC 9535."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_NAME = r"[\w@#/ -]+"
# As a pattern of a JSON Schema too: what a path may look like. Each step begins with a letter that no name has.
PATTERN = rf"^\$?(?:{_NAME})?(?:\.{_NAME}|\.\*|\[\*\]|\[\d{{1,6}}\]|\['[^'\\]{{1,200}}'\])*$"
_STEPS = re.compile(r"\.?([\w@#/ -]+)|\[(\d+)\]|\['([^'\\]+)'\]|(\[\*\]|\.\*)")
EVERY = object()


def values(path: str, document: Any) -> Iterator[Any]:
    """Everything that is at the path."""
    found = [document]
    for step in _steps(path):
        found = [inner for value in found for inner in _inside(value, step)]
    return iter(found)


def value(path: str, document: Any) -> Any:
    """What is at the path, or none."""
    return next(values(path, document), None)


def rows(path: str, document: Any) -> list[Any]:
    """What is at the path, and if that is one list, what is in it: `data` and `data[*]` mean the same rows."""
    found = list(values(path, document))
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def _inside(value: Any, step: Any) -> list[Any]:
    if step is EVERY:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, int):
        return value[step : step + 1] if isinstance(value, list) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


@lru_cache(maxsize=1000)
def _steps(path: str) -> tuple[Any, ...]:
    steps: list[Any] = []
    for name, index, quoted, every in _STEPS.findall(path.removeprefix("$")):
        steps.append(EVERY if every else int(index) if index else quoted or name)
    return tuple(steps)
