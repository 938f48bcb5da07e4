"""Assignment: who gets which place so that the sum of all is greatest, and how much worse it is without a pair.

Each newcomer takes the best place, and whoever is moved away for that the best that is left to them, as far as the sum
grows (successive shortest paths). A pair's margin is what the sum loses at least if just that pair is forbidden: two
that could as well be swapped have none.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

# Longer chains of those who move for each other are not followed.
LONGEST = 12
# Above this margin nobody asks how much it is.
CLEAR = 20.0

NOWHERE = None


def assign(worth: Mapping[UUID, Mapping[UUID, float]]) -> dict[tuple[UUID, UUID], float]:
    """The pairs of the best assignment, each with its margin. Only pairs that are worth more than none are made."""
    board = _Board(worth)
    for who in worth:
        board.seat(who)
    return {(who, place): board.margin(who, place) for who, place in board.place_of.items()}


class _Board:
    """Who has which place now."""

    def __init__(self, worth: Mapping[UUID, Mapping[UUID, float]]) -> None:
        self.worth: Mapping[UUID, Mapping[UUID, float]] = worth
        self.owner: dict[UUID, UUID] = {}
        self.place_of: dict[UUID, UUID] = {}
        self.wanting: dict[UUID, list[UUID]] = {}
        for who, places in worth.items():
            for place in places:
                self.wanting.setdefault(place, []).append(who)

    def seat(self, who: UUID) -> None:
        """Give a newcomer the place that adds most to the sum, and let others move for them."""
        cost = {place: -worth for place, worth in self.worth[who].items() if worth > 0}
        came_from: dict[UUID, UUID | None] = dict.fromkeys(cost, NOWHERE)
        end: UUID | None = NOWHERE
        best = 0.0

        def look(place: UUID, so_far: float) -> None:
            nonlocal end, best
            owner = self.owner.get(place)
            total = so_far + (self.worth[owner][place] if owner is not None else 0.0)
            if total < best - 1e-9:
                end, best = place, total

        self._walk(cost, came_from, look)
        if end is NOWHERE:
            return
        chain = [end]
        while (before := came_from[chain[-1]]) is not NOWHERE:
            chain.append(before)
        moved = [*(self.owner[before] for before in chain[1:]), who]
        if end in self.owner:
            del self.place_of[self.owner[end]]
        for place, mover in zip(chain, moved, strict=True):
            self.owner[place], self.place_of[mover] = mover, place

    def margin(self, who: UUID, place: UUID) -> float:
        """What the sum loses if they may not have this place, whatever all others do then."""
        own = self.worth[who][place]
        cheapest, in_a_ring = own, CLEAR
        cost = {other: own - worth for other, worth in self.worth[who].items() if other != place and worth > 0}

        def look(at: UUID, so_far: float) -> None:
            nonlocal cheapest, in_a_ring
            owner = self.owner.get(at)
            leaves = so_far + (self.worth[owner][at] if owner is not None else 0.0)
            cheapest = min(cheapest, leaves)
            if owner is not None and place in self.worth[owner]:
                in_a_ring = min(in_a_ring, leaves - self.worth[owner][place])

        self._walk(cost, dict.fromkeys(cost, NOWHERE), look, without=place)
        return max(0.0, min(cheapest - self._refilled(who, place), in_a_ring, CLEAR))

    def _refilled(self, leaver: UUID, place: UUID) -> float:
        """The most that others win by moving up to a place that somebody leaves."""
        best = 0.0
        front: dict[UUID, float] = {place: 0.0}
        known = dict(front)
        for _ in range(LONGEST):
            ahead: dict[UUID, float] = {}
            for free, so_far in front.items():
                for each in self.wanting[free]:
                    at = self.place_of.get(each)
                    total = so_far + self.worth[each][free]
                    if each == leaver or at == free:
                        continue
                    if at is NOWHERE:
                        best = max(best, total)
                        continue
                    total -= self.worth[each][at]
                    best = max(best, total)
                    if total > known.get(at, -CLEAR) + 1e-9:
                        known[at] = ahead[at] = total
            front = ahead
        return best

    def _walk(
        self,
        cost: dict[UUID, float],
        came_from: dict[UUID, UUID | None],
        look: Callable[[UUID, float], None],
        without: UUID | None = NOWHERE,
    ) -> None:
        """From the places in `cost` on: whoever is there moves to another, as long as that is cheaper than known."""
        front = dict(cost)
        for _ in range(LONGEST):
            if not front:
                return
            for place, so_far in front.items():
                look(place, so_far)
            ahead: dict[UUID, float] = {}
            for place, so_far in front.items():
                owner = self.owner.get(place)
                if owner is None or so_far > cost[place]:
                    continue
                leaving = so_far + self.worth[owner][place]
                for other, worth in self.worth[owner].items():
                    total = leaving - worth
                    if other not in (place, without) and worth > 0 and total < cost.get(other, CLEAR) - 1e-9:
                        cost[other] = ahead[other] = total
                        came_from[other] = place
            front = ahead
