"""Room: how much of what is handed over a process holds at once. What is more is asked for again later."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from ai2.kit.errors import Unavailable

AGAIN_S = 30


class NoRoom(Unavailable):
    """Too many mails are being handed over just now; send it again later."""


class Room:
    """So many bytes for all together, and fewer for each, so that nobody takes the room of the others."""

    def __init__(self, all_bytes: int, each_bytes: int) -> None:
        self._all, self._each = all_bytes, each_bytes
        self._held: Counter[Hashable] = Counter()

    @contextmanager
    def holding(self, whose: Hashable, size_bytes: int) -> Iterator[None]:
        """Raises NoRoom. What is larger than all the room comes in alone."""
        mine, all_of_it = self._held[whose], self._held.total()
        if (mine and mine + size_bytes > self._each) or (all_of_it and all_of_it + size_bytes > self._all):
            raise NoRoom(retry_after_s=AGAIN_S)
        self._held[whose] += size_bytes
        try:
            yield
        finally:
            self._held[whose] -= size_bytes
            if not self._held[whose]:
                del self._held[whose]
