"""Keys by which Plaid signs its webhooks: each is asked for once in a while, and a stranger cannot have us ask on."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from jwt import PyJWK, PyJWTError

from ai2.ingest.sources.plaid.problems import AnswerNotUnderstood, PlaidBusy
from ai2.ingest.sources.problems import Permanent, WebhookRefused

# A key that Plaid takes out of use gets an end; how long we may not know of it.
KEPT_S = 3600.0
UNKNOWN_S = 60.0
MOST_KEPT = 100
# Ids are in headers that anybody can send: so many new ones are asked for in a minute.
MOST_ASKED, ASKED_S = 20, 60.0
PATIENCE_S = 2.0


@dataclass(frozen=True)
class _Kept:
    key: PyJWK | None
    ends_at: float
    kept_until: float


class Keys:
    """Public keys by their id, as `ask` has them."""

    def __init__(self, ask: Callable[[str], Mapping[str, Any]], clock: Callable[[], float] = time.time) -> None:
        self._ask, self._clock = ask, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._asked: list[float] = []
        self._asking = Lock()

    def get(self, key_id: str) -> PyJWK:
        """A key that is in use. Raises WebhookRefused, and Transient where it cannot be asked for."""
        kept = self._known(key_id) or self._asked_for(key_id)
        if kept.key is None or kept.ends_at <= self._clock():
            raise WebhookRefused
        return kept.key

    def _known(self, key_id: str) -> _Kept | None:
        kept = self._kept.get(key_id)
        return kept if kept and kept.kept_until > self._clock() else None

    def _asked_for(self, key_id: str) -> _Kept:
        """One asks at a time, and those that have the same id wait for it; not for long, for others wait for them."""
        if self._asks_too_often() or not self._asking.acquire(timeout=PATIENCE_S):
            raise PlaidBusy(retry_after_s=int(ASKED_S))
        try:
            return self._known(key_id) or self._renewed(key_id)
        finally:
            self._asking.release()

    def _asks_too_often(self) -> bool:
        self._asked = [at for at in self._asked if at > self._clock() - ASKED_S]
        return len(self._asked) >= MOST_ASKED

    def _renewed(self, key_id: str) -> _Kept:
        now = self._clock()
        self._asked.append(now)
        try:
            found = _read(self._ask(key_id), now)
        except Permanent:  # Plaid knows no such key
            found = _Kept(None, now, now + UNKNOWN_S)
        self._kept.pop(key_id, None)
        self._kept[key_id] = found
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found


def _read(told: Mapping[str, Any], now: float) -> _Kept:
    ends_at = told.get("expired_at")
    try:
        key = PyJWK({name: told[name] for name in ("kty", "crv", "x", "y")} | {"alg": "ES256"})
        return _Kept(key, float("inf") if ends_at is None else float(ends_at), now + KEPT_S)
    except (PyJWTError, KeyError, TypeError, ValueError):
        raise AnswerNotUnderstood from None
