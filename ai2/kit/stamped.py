"""Stamped: what this process remembers of organizations, each good for as long as its rows have the same stamp.

The stamp is read in the transaction that asks. So a change counts from the next question on, whoever made it, and who
does not see an organization's rows is not told what is remembered of them.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

# The stamp of rows, as an aggregate: every change writes a row anew, in another place or by another transaction. What
# was rolled back has the stamp of no other state.
STAMP = "coalesce(bit_xor(hash_record_extended(row(ctid, xmin), 0)), 0)"


class Stamped(Generic[T]):
    """Values of the `most` organizations that asked last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[UUID, tuple[Hashable, T]] = OrderedDict()
        self._lock = Lock()

    def get(self, organization_id: UUID, stamp: Hashable) -> T | None:
        """What was kept under this very stamp."""
        with self._lock:
            found = self._known.get(organization_id)
            if found is None or found[0] != stamp:
                return None
            self._known.move_to_end(organization_id)
            return found[1]

    def keep(self, organization_id: UUID, stamp: Hashable, value: T) -> T:
        with self._lock:
            self._known[organization_id] = stamp, value
            self._known.move_to_end(organization_id)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return value
