"""Standing: how far each account was read, and which requests its bank allows no more for today.

Banks allow as few as four requests a day for each account, of each kind: what the last answer said is left is kept in
the cursor, so that none is made that would be refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2

from ai2.ingest.sources.gocardless.problems import ACCOUNT_LEFT, ACCOUNT_RESET, SELDOM_S, QuotaUsedUp, number

# Banks book late: what is older than this and new is rare.
OVERLAP = timedelta(days=10)


@dataclass
class Standing:
    """The cursor, as a run goes on."""

    through: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    # accounts that a consent has no more; asking for them on and on would suspend the others
    gone: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: Mapping[str, Any] | None) -> "Standing":
        known = cursor or {}
        return cls(*(dict(known.get(name, {})) for name in ("through", "closed", "gone")))

    def cursor(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        closed = {what: until for what, until in self.closed.items() if until > now}
        return {"through": dict(self.through), "closed": closed, "gone": dict(self.gone)}

    def begins(self, account: str, today: date, history_days: int) -> date:
        """The first day to ask for."""
        first = today - timedelta(days=history_days)
        through = self.through.get(account)
        return max(first, date.fromisoformat(through) - OVERLAP) if through else first

    def check(self, account: str, what: str) -> None:
        """Raises QuotaUsedUp while the bank allows no more."""
        until = self.closed.get(f"{account} {what}")
        left_s = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds() if until else 0
        if left_s > 0:
            raise QuotaUsedUp(retry_after_s=int(left_s) + 1)

    def close(self, account: str, what: str, seconds: int) -> None:
        self.closed[f"{account} {what}"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()

    def learn(self, account: str, what: str, answer: httpx2.Response) -> None:
        """What the answer says is left."""
        if number(answer, ACCOUNT_LEFT) == 0:
            self.close(account, what, number(answer, ACCOUNT_RESET) or SELDOM_S)
