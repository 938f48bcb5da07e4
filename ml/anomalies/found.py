"""Finding: copied rows in, what stands out among them, and what is normal, out. Pure, for a thread of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ai2.kit.ids import new_id
from ai2.kit.periods import Period
from ml.anomalies.frames import Frame, number_of, read
from ml.anomalies.judge import Kind, judge
from ml.anomalies.known import learn
from ml.anomalies.model import VERSION
from ml.anomalies.normal import normal_of

RELATED = 5
# What is found unusual teaches the months after it nothing.
SUSPECT = ("unusual_amount", "sign_flip")


@dataclass(frozen=True)
class Finding:
    """A transaction that stands out, what would have been normal, why, and the transactions behind it."""

    transaction_id: UUID
    kind: Kind
    score: float
    normal: dict[str, Any]
    reasons: list[str]
    related: list[UUID]


def find_all(copied: bytes, names: Sequence[str], periods: Sequence[Period]) -> tuple[list[Finding], int]:
    """What stands out in these periods, each judged by the rows before it; and how many rows were judged."""
    found: list[Finding] = []
    judged = 0
    for frame in read(copied, names):
        for period in periods:
            days = frame.rows["day"]
            before = int(days.searchsorted(number_of(period.start)))
            end = int(days.searchsorted(number_of(period.end), side="right"))
            judged += end - before
            found += _of_period(frame, before, end)
    return found, judged


def _of_period(frame: Frame, before: int, end: int) -> Iterator[Finding]:
    if before in (0, end):
        return
    known = learn(frame.rows.iloc[:before], frame.contexts)
    for each in judge(known, frame.rows.iloc[before:end], frame.contexts):
        if each.kind in SUSPECT:
            frame.rows.loc[each.place, "suspect"] = True
        of_merchant = known.trusted[known.trusted["merchant"] == frame.rows["merchant"].iloc[each.place]]
        related = [each.of] if each.of is not None else of_merchant["place"].tail(RELATED).tolist()[::-1]
        normal, reasons = normal_of(frame, known, each, of_merchant)
        yield Finding(
            frame.id_of(each.place), each.kind, each.score, normal, reasons, [frame.id_of(place) for place in related]
        )


def kept(found: Finding, told: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as it is kept, with its transaction's exact amount."""
    return {
        "anomaly_id": new_id(),
        "kind": found.kind,
        "subject": str(found.transaction_id),
        "transaction_id": found.transaction_id,
        "pattern_id": None,
        **{name: told[name] for name in ("booked_on", "amount", "currency", "merchant_key")},
        "score": Decimal(str(found.score)),
        "normal": Jsonb(found.normal),
        "related": found.related,
        "reasons": found.reasons,
        "version": VERSION,
    }
