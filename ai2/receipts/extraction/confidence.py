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
        "brand, 4, ahead": 1.000,
        "label, 4, ahead": 0.983,
        "name, 4, ahead": 0.998,
        "domain, 3, ahead": 0.998,
        "name, 3, ahead": 0.979,
        "domain, 4, ahead": 0.998,
        "brand, 3, ahead": 0.997,
        "domain, 2, ahead": 0.997,
        "name, 2, close": 0.547,
        "domain, 2, close": 0.990,
        "name, 2, ahead": 0.938,
        "brand, 2, ahead": 0.978,
        "domain, 1, close": 0.030,
        "brand, 2, close": 0.970,
        "name, 3, close": 0.600,
        "brand, 3, close": 0.952,
        "name, 4, close": 0.947,
        "label, 3, ahead": 0.938,
        "brand, 1, close": 0.923,
    },
    "issued_on": {
        "issue, ahead": 1.000,
        "issue, alone": 0.999,
        "plain, ahead": 0.992,
        "plain, alone": 0.997,
        "unlabelled, ahead": 0.994,
        "unlabelled, alone": 0.993,
        "order, close": 0.014,
        "unlabelled, close": 0.976,
        "plain, close": 0.762,
        "order, ahead": 0.917,
    },
    "total": {
        "total, proved, ahead": 0.998,
        "gross, proved, ahead": 0.999,
        "total, ahead": 0.999,
        "due, proved, ahead": 0.996,
        "gross, ahead": 0.998,
        "unlabelled, proved, ahead": 0.994,
        "due, ahead": 0.967,
        "unlabelled, proved, close": 0.978,
        "net, ahead": 0.071,
    },
    "tax": {
        "proved": 1.000,
        "alone": 0.998,
    },
    "currency": {
        "of the total": 1.000,
        "of the total, hinted": 0.998,
        "beside amounts": 0.998,
        "named": 0.997,
        "of the total, usual": 0.995,
    },
    "number": {
        "labelled, right": 1.000,
        "labelled, below": 0.999,
        "labelled, same": 0.999,
        "bare, right": 0.991,
        "bare, same": 0.986,
        "bare, below": 0.972,
    },
    "order_number": {
        "labelled, right": 0.999,
        "labelled, same": 0.998,
        "labelled, below": 0.997,
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
