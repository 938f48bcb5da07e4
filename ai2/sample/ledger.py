"""A bank account as its bank sees it: entries in order, and what was left after each."""

from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True)
class Entry:
    """One booking. `amount_minor` is in cents or pence, negative for money out."""

    booked_on: date
    kind: str
    description: str
    amount_minor: int
    counterparty: str = ""
    mcc: str = ""


@dataclass
class BankAccount:
    """An account that grows by entries, each on or after the last."""

    opening_minor: int
    number: str
    entries: list[Entry] = field(default_factory=list)

    def sorted_with_balances(self) -> list[tuple[Entry, int]]:
        """The entries by date, each with the balance after it, in minor units."""
        balance, result = self.opening_minor, []
        for entry in sorted(self.entries, key=lambda entry: entry.booked_on):
            balance += entry.amount_minor
            result.append((entry, balance))
        return result

    def balance_on(self, day: date) -> int:
        """What is there when the day is over, in minor units."""
        return self.opening_minor + sum(entry.amount_minor for entry in self.entries if entry.booked_on <= day)


def working_day(day: date) -> date:
    """The day itself, or the Monday after: banks book nothing at weekends."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)


def last_working_day(first: date) -> date:
    """The last Monday-to-Friday of the month that begins on `first`."""
    day = next_month(first) - timedelta(days=1)
    return day - timedelta(days=max(0, day.weekday() - 4))


def next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
