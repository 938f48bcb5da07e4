"""Sums: several rows that add up to one receipt (split shipments, instalments), and several receipts to one row.

How many ways there were to try says how likely a sum is by chance: few parts of the same name, adding up to the cent in
one way only, are sure; many parts of which some happen to add up are not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Generic, TypeVar

MOST_PARTS, MOST_TRIED, MOST_SUBSETS = 6, 14, 20_000
# From so few expected by chance on a sum is no coincidence.
BY_CHANCE = Decimal("0.02")

Part = TypeVar("Part")


@dataclass(frozen=True)
class Sum(Generic[Part]):
    """Parts that add up. `is_sure`: in one way only, and hardly by chance."""

    parts: tuple[Part, ...]
    is_sure: bool


def find(total: Decimal, parts: Sequence[tuple[Decimal, Part]]) -> Sum[Part] | None:
    """The fewest parts that add up to the total, the earliest of those given; none where nothing does."""
    usable = [(amount, part) for amount, part in parts if 0 < abs(amount) < abs(total) and amount * total > 0]
    usable = usable[:MOST_TRIED]
    tried = 0
    for number in range(2, min(MOST_PARTS, len(usable)) + 1):
        ways: list[tuple[int, ...]] = []
        for chosen in combinations(range(len(usable)), number):
            tried += 1
            if sum((usable[place][0] for place in chosen), Decimal(0)) == total:
                ways.append(chosen)
            if tried >= MOST_SUBSETS:
                break
        if ways:
            first = ways[0]
            same = all(amount == usable[first[0]][0] for amount, _ in (usable[place] for place in first))
            # of equal instalments the first ones; else what may be done in two ways is not known
            alone = len(ways) == 1 or (same and len(usable) == number)
            return Sum(tuple(usable[place][1] for place in first), alone and _chance(total, tried) < BY_CHANCE)
        if tried >= MOST_SUBSETS:
            return None
    return None


def _chance(total: Decimal, tried: int) -> Decimal:
    """How many sums that hit the total to the cent are expected of so many tries."""
    return Decimal(tried) / max(Decimal(1), abs(total) * 100)


def shared(sums: Sequence[Sum[Part]]) -> Iterator[Sum[Part]]:
    """The sums as they are, and unsure where a part of them is another's too."""
    times = Counter(part for each in sums for part in each.parts)
    for each in sums:
        yield Sum(each.parts, each.is_sure and all(times[part] == 1 for part in each.parts))
