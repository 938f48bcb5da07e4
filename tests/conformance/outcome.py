"""An outcome: whether a case holds, and how many values were wrong without a word."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Case = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What an importer made of one case. `silent` values were loaded wrongly, unasked and unrefused."""

    family: str
    name: str
    holds: bool
    silent: int = 0
    said: str = ""


def cases(family: str) -> Iterator[Case]:
    """The cases of one family, one a line; none where the file is not there."""
    path = FOLDER / f"{family}.jsonl"
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def compared(family: str, case: Case, expected: Any, found: Any) -> Outcome:
    """The outcome for cells: each expected and found a value, `refused`, or all of them `asked`."""
    if found == expected:
        return Outcome(family, case["name"], holds=True)
    pairs = zip(expected, found, strict=True) if isinstance(expected, list) and isinstance(found, list) else []
    silent = sum(two not in (one, "refused") for one, two in pairs)
    if expected == "asked" and isinstance(found, list):
        silent = sum(value != "refused" for value in found)
    return Outcome(family, case["name"], holds=False, silent=silent, said=f"expected {expected}, found {found}")
