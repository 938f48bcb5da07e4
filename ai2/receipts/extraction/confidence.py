"""Confidence: the share of readings with the same evidence that are right. What is below the threshold is left empty.

The shares are counted, not guessed: `python -m benchmarks.invoices --calibrate` writes documents whose fields are
known, reads them, and prints this table. Written documents are tidier than real ones, so no share of what is read from
visible text is above CEILING, whatever was counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ai2.receipts.extraction.model import Read

Value = TypeVar("Value")
THRESHOLD = 0.8
CEILING = 0.97
# Data that a machine wrote for machines.
DATA, PROVED_DATA = 0.99, 0.995
MARKED_UP = 0.98


@dataclass(frozen=True)
class Judged(Generic[Value]):
    """A value before it is said how sure it is: what speaks for it, as a key of SHARES, and where it was read."""

    value: Value
    evidence: str
    where: str


# field: {evidence: share of readings that are right}
SHARES: Mapping[str, Mapping[str, float]] = {
    "supplier": {
        "brand, 4, ahead": 0.999,
        "label, 4, ahead": 0.988,
        "domain, 4, ahead": 0.984,
        "name, 3, ahead": 0.975,
        "domain, 3, ahead": 0.967,
        "name, 4, ahead": 0.996,
        "brand, 3, ahead": 0.995,
        "domain, 2, ahead": 0.995,
        "name, 2, close": 0.517,
        "name, 2, ahead": 0.935,
        "brand, 1, close": 0.132,
        "domain, 2, close": 0.973,
        "brand, 2, ahead": 0.964,
        "brand, 2, close": 0.963,
        "domain, 3, close": 0.476,
        "name, 3, close": 0.562,
        "domain, 1, close": 0.083,
        "name, 4, close": 0.917,
        "brand, 3, close": 0.917,
    },
    "issued_on": {
        "issue, ahead": 0.999,
        "issue, alone": 0.999,
        "plain, ahead": 0.988,
        "plain, alone": 0.995,
        "unlabelled, ahead": 0.991,
        "unlabelled, alone": 0.990,
        "order, close": 0.025,
        "unlabelled, close": 0.972,
        "plain, close": 0.941,
    },
    "number": {
        "labelled, right": 0.999,
        "labelled, same": 0.999,
        "labelled, below": 0.999,
        "the order's": 0.348,
        "bare, same": 0.984,
        "bare, right": 0.930,
        "bare, below": 0.955,
    },
    "order_number": {
        "labelled, same": 0.998,
        "labelled, right": 0.998,
        "labelled, below": 0.996,
    },
    "total": {
        "total, proved, ahead": 0.999,
        "gross, proved, ahead": 0.999,
        "total, ahead": 0.995,
        "due, proved, ahead": 0.997,
        "gross, ahead": 0.996,
        "unlabelled, proved, ahead": 0.994,
        "due, ahead": 0.972,
        "unlabelled, proved, close": 0.985,
        "net, ahead": 0.083,
    },
    "tax": {
        "proved": 1.000,
        "alone": 0.997,
    },
    "currency": {
        "of the total": 1.000,
        "of the total, hinted": 0.997,
        "beside amounts": 0.996,
        "named": 0.993,
        "of the total, usual": 0.992,
    },
}


def share(field: str, evidence: str) -> float:
    """How many of such readings are right; none known, none trusted."""
    return min(SHARES.get(field, {}).get(evidence, 0.0), CEILING)


def sure(field: str, judged: Judged[Value] | None) -> Read[Value] | None:
    """The reading, where enough of its kind are right."""
    if judged is None:
        return None
    confidence = share(field, judged.evidence)
    return Read(judged.value, confidence, judged.where) if confidence >= THRESHOLD else None
