"""The label space: Plaid's personal finance categories, 104 detailed ones below 16 primary ones."""

import csv
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("data") / "categories.csv"


@cache
def primaries() -> dict[str, str]:
    """The primary category of each detailed one, in the published order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {row["detailed"]: row["primary"] for row in csv.DictReader(file)}


def primary_of(detailed: str | None) -> str | None:
    """The primary category above a detailed one; none for none, or for what is not in the label space."""
    return primaries().get(detailed) if detailed else None
