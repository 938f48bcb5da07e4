"""Intervals: what a share is worth, and whether two differ by more than chance. Pure, and quick to import."""

from math import comb, sqrt


def wilson(right: int, rows: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share (Wilson 1927)."""
    share, spread = right / rows, z * z / rows
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return round(middle - half, 4), round(middle + half, 4)


def mcnemar(only_one: int, only_other: int) -> float | None:
    """How likely chance alone splits so unevenly the rows where just one is right (McNemar 1947, exact, two-sided)."""
    rows = only_one + only_other
    if not rows:
        return None
    tail: float = sum(comb(rows, k) for k in range(min(only_one, only_other) + 1)) / 2**rows
    return round(min(1.0, float(2 * tail)), 4)
