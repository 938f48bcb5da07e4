"""Held: how sure the deciders that all share have to be before they decide alone here.

They are held to be right as often as an organization's own model, by what its people left standing and put elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable

from psycopg.rows import DictRow

from ml.own.trust import SURENESS, WANTED

# Nobody is as sure as this: nothing is applied alone.
NOTHING = 1.0
# Confidence, rows, and how many of these were right.
Cell = tuple[float, int, int]


def thresholds(rows: Iterable[DictRow]) -> dict[str, float]:
    """By decider, the least confidence that is applied alone; who is not surely worse than wanted is not named.

    `rows` have decided_by, confidence, rows and how many of them people left or said too (right).
    """
    cells: defaultdict[str, list[Cell]] = defaultdict(list)
    for row in rows:
        cells[row["decided_by"]].append((float(row["confidence"]), row["rows"], row["right"]))
    found = {decider: threshold(of) for decider, of in cells.items()}
    return {decider: least for decider, least in found.items() if least is not None}


def threshold(cells: Iterable[Cell]) -> float | None:
    """The least confidence from which on WANTED was right; none where all of it may well have been.

    Where there are few corrections nothing is proven against what was measured for everyone.
    """
    ordered = sorted(cells, reverse=True)
    rows, right = sum(cell[1] for cell in ordered), sum(cell[2] for cell in ordered)
    if most_share(right, rows) >= WANTED:
        return None
    least, rows, right = NOTHING, 0, 0
    for confidence, more, more_right in ordered:
        rows, right = rows + more, right + more_right
        if right >= WANTED * rows:
            least = confidence
    return least


def most_share(right: int, rows: int) -> float:
    """The share that is right at the most, SURENESS sure: the one-sided exact bound (Clopper, Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(SURENESS, right + 1, rows - right)) if right < rows else 1.0
