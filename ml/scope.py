"""A scope: which of an organization's stored transactions something is done for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ai2.kit.periods import Period


@dataclass(frozen=True)
class Scope:
    """Those of an import, of a period, of some merchants, or these; all, where nothing is named."""

    batch_id: UUID | None = None
    period: Period | None = None
    transaction_ids: tuple[UUID, ...] | None = None
    # of the merchants from the first key on, and before the second; no end where there is none
    merchants: tuple[str | None, str | None] = (None, None)

    @property
    def is_of_some_merchants(self) -> bool:
        """Whether others may be looked at beside it that have no transaction in common with it."""
        return self.merchants != (None, None)

    def parameters(self) -> dict[str, Any]:
        """As queries want it."""
        return {
            "batch_id": self.batch_id,
            "start": self.period and self.period.start,
            "end": self.period and self.period.end,
            "transaction_ids": None if self.transaction_ids is None else list(self.transaction_ids),
            "merchants_from": self.merchants[0],
            "merchants_before": self.merchants[1],
        }


EVERYTHING = Scope()
