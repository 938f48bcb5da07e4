"""Slots: at which instant a call may be made, so that no window ever holds more calls than a limit allows.

A bucket that starts full and refills lets twice as many through in the window around its first moment, and a provider
counts those. So what is kept are the calls themselves: each is given the first instant at which the window that ends
there has room, never before the one that was given last. Pure; instants are seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ai2.ingest.sources.model import Limit

# Calls closer together than this part of a window are kept as one entry that counts as late as its last call.
GRAINS = 128
# A call is made a little later than its slot, and a provider sees it later still: the window is longer by so much.
SHARE, SHORTEST_MARGIN_S, LONGEST_MARGIN_S = 0.05, 0.25, 5.0


@dataclass(frozen=True)
class Slot:
    """Calls from `since` to `at`."""

    since: float
    at: float
    calls: int


class CostsTooMuch(ValueError):
    """A call costs more than the limit ever has."""


def margin_s(limit: Limit) -> float:
    """By how much a call may be later than its slot without a window ever holding more than the limit."""
    return min(max(limit.seconds * SHARE, SHORTEST_MARGIN_S), LONGEST_MARGIN_S)


def reserve(log: Sequence[Slot], now: float, limit: Limit, cost: int = 1) -> tuple[list[Slot], float]:
    """The log with a call more, and the instant that the call was given. Of the log only what still counts is kept."""
    if cost > limit.calls:
        raise CostsTooMuch(f"a call that costs {cost} is never within {limit.calls}")
    window = limit.seconds + margin_s(limit)
    kept = [slot for slot in log if slot.at > now - window]
    at = max(now, kept[-1].at) if kept else now
    used = sum(slot.calls for slot in kept)
    for slot in kept:
        if slot.at > at - window and used + cost <= limit.calls:
            break
        at, used = max(at, slot.at + window), used - slot.calls
    return _with(kept, at, cost, window / GRAINS), at


def _with(log: list[Slot], at: float, cost: int, grain: float) -> list[Slot]:
    if log and at - log[-1].since < grain:
        return [*log[:-1], Slot(log[-1].since, at, log[-1].calls + cost)]
    return [*log, Slot(at, at, cost)]
