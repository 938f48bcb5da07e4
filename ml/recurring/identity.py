"""Identity: which known pattern each finding is, so that a person's word stays with it however often it is found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.kit.ids import new_id

# Where no transaction tells (a file was undone and loaded again), amounts that differ by less than this do.
MOST_DEARER = Decimal("1.7")

# Whose payments: account, merchant, whether money comes in, currency.
Whose = tuple[UUID, str, bool, str]


@dataclass(frozen=True)
class Finding:
    """What identity asks of a finding; `named` is the pattern that it was looked for by."""

    number: int
    whose: Whose
    is_rejected: bool
    cadence: str | None = None
    amount: Decimal = Decimal(0)
    named: UUID | None = None


@dataclass
class Identities:
    """The id of each finding, those a person's word against an earlier one holds for, and the known that are gone."""

    ids: dict[int, UUID] = field(default_factory=dict)
    dismissed: set[int] = field(default_factory=set)
    gone: list[UUID] = field(default_factory=list)
    # rejected findings of which nothing is written: a person said something of the same payments
    unwritten: set[int] = field(default_factory=set)


def whose(row: Mapping[str, Any]) -> Whose:
    return row["account_id"], row["merchant_key"], row["money_in"], row["currency"]


def identify(
    findings: Sequence[Finding], known: Sequence[Mapping[str, Any]], overlaps: Iterable[Mapping[str, Any]]
) -> Identities:
    """By the transactions they share, then by cadence and amount, then by whose payments they are."""
    return _Identifying(findings, known).all_of_them(overlaps)


class _Identifying:
    """Findings without an id yet, and known patterns that none has taken."""

    def __init__(self, findings: Sequence[Finding], known: Sequence[Mapping[str, Any]]) -> None:
        self._made = Identities()
        self._findings = findings
        self._patterns = {finding.number: finding for finding in findings if not finding.is_rejected}
        self._rows = {row["pattern_id"]: row for row in known}
        self._free: dict[Whose, dict[UUID, Mapping[str, Any]]] = {}
        for row in known:
            self._free.setdefault(whose(row), {})[row["pattern_id"]] = row

    def all_of_them(self, overlaps: Iterable[Mapping[str, Any]]) -> Identities:
        for finding in self._patterns.values():
            if finding.named:
                self._take(finding, finding.named)
        self._by_transactions(overlaps)
        for finding in self._patterns.values():
            self._by_likeness(finding)
        for finding in self._findings:
            if finding.number not in self._made.ids:
                self._name(finding)
        left = (row for rows in self._free.values() for row in rows.values())
        self._made.gone = [row["pattern_id"] for row in left if row["decision"] is None]
        return self._made

    def _take(self, finding: Finding, pattern_id: UUID) -> None:
        self._made.ids[finding.number] = pattern_id
        self._free.get(whose(self._rows[pattern_id]), {}).pop(pattern_id, None)

    def _is_free(self, pattern_id: UUID) -> bool:
        row = self._rows.get(pattern_id)
        return row is not None and pattern_id in self._free.get(whose(row), {})

    def _by_transactions(self, overlaps: Iterable[Mapping[str, Any]]) -> None:
        for overlap in overlaps:
            number, pattern_id = overlap["number"], overlap["pattern_id"]
            if self._rows.get(pattern_id, {}).get("decision") == "dismissed":
                self._made.dismissed.add(number)
            if number not in self._made.ids and self._is_free(pattern_id):
                self._take(self._patterns[number], pattern_id)

    def _by_likeness(self, finding: Finding) -> None:
        rows = self._free.get(finding.whose, {})
        rejected = [row for row in rows.values() if row["state"] == "rejected"]
        if any(row["decision"] == "dismissed" for row in rejected):  # all of this merchant, a person said
            self._made.dismissed.add(finding.number)
        same = next((row for row in rows.values() if _is_like(finding, row)), None) or next(iter(rejected), None)
        if same and finding.number not in self._made.ids:
            if same["decision"] == "dismissed":
                self._made.dismissed.add(finding.number)
            self._take(finding, same["pattern_id"])

    def _name(self, finding: Finding) -> None:
        """What is new gets an id; what is rejected takes that of what it was, and is left unsaid after a person."""
        former = self._free.get(finding.whose, {}) if finding.is_rejected else {}
        if any(row["decision"] for row in former.values()):
            self._made.unwritten.add(finding.number)
        elif former:
            self._take(finding, next(iter(former)))
        else:
            self._made.ids[finding.number] = new_id()


def _is_like(finding: Finding, row: Mapping[str, Any]) -> bool:
    if row["state"] == "rejected" or row["cadence"] != finding.cadence:
        return False
    return bool(1 / MOST_DEARER <= finding.amount / row["amount"] <= MOST_DEARER)
