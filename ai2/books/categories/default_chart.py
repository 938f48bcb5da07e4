"""The categories an organization starts with: Plaid's personal finance categories, a parent for each primary."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["income", "expense", "transfer"]
FILE = Path(__file__).with_name("default_categories.csv")


@dataclass(frozen=True)
class DefaultCategory:
    """`code` is the predicted category that it stands for; a primary has no parent."""

    code: str
    parent_code: str | None
    name: str
    kind: Kind


@cache
def default_chart() -> tuple[DefaultCategory, ...]:
    """All of them, parents before their children."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chart = [
        DefaultCategory(
            row["detailed"] or row["primary"],
            row["primary"] if row["detailed"] else None,
            row["name"],
            row["kind"],  # type: ignore[arg-type] # the table is ours and tested
        )
        for row in rows
    ]
    return tuple(sorted(chart, key=lambda category: category.parent_code is not None))
