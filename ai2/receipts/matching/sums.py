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

MOST_PARTS, MOST_TRIED = 5, 12
# Amounts are added up as whole numbers of the smallest part that any currency has.
PLACES = 4
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
    wanted, amounts = _whole(total), [_whole(amount) for amount, _ in usable]
    tried = 0
    for number in range(2, min(MOST_PARTS, len(usable)) + 1):
        ways = []
        for chosen in combinations(range(len(usable)), number):
            tried += 1
            if sum([amounts[place] for place in chosen]) == wanted:
                ways.append(chosen)
        if ways:
            first = ways[0]
            # of equal instalments all that there are; else what may be done in two ways is not known
            alone = len(ways) == 1 or (len({amounts[place] for place in first}) == 1 and len(usable) == number)
            return Sum(tuple(usable[place][1] for place in first), alone and _chance(total, tried) < BY_CHANCE)
    return None


def _whole(amount: Decimal) -> int:
    return int(amount.scaleb(PLACES))


def _chance(total: Decimal, tried: int) -> Decimal:
    """How many sums that hit the total to the cent are expected of so many tries."""
    return Decimal(tried) / max(Decimal(1), abs(total) * 100)


def shared(sums: Sequence[Sum[Part]]) -> Iterator[Sum[Part]]:
    """The sums as they are, and unsure where a part of them is another's too."""
    times = Counter(part for each in sums for part in each.parts)
    for each in sums:
        yield Sum(each.parts, each.is_sure and all(times[part] == 1 for part in each.parts))
