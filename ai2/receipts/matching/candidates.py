"""Candidates: which rows may be what a receipt says, found by amount and day, or by a number that the bank repeats."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from ai2.receipts.matching import texts
from ai2.receipts.matching.model import Rates, Receipt, Row, Way

# Days from the receipt's to the bank's. A card is booked some days later, an invoice is paid within two months.
EARLIEST, LATEST, LATEST_TIP, LATEST_RATE = -3, 60, 8, 10
# Of a receipt without a day: how long before it came to us, and after.
BEFORE_SEEN, AFTER_SEEN = 100, 14
# How much more than the bill may be paid where tips are usual, and how far from the day's reference rate a card's is.
TIP, RATE_OFF = Decimal("0.25"), Decimal("0.04")
TIPPED_CODES = frozenset({"4121", "5811", "5812", "5813", "5814", "7011", "7012", "7230", "7297", "7298"})
TIPPED = re.compile(
    r"\b(?:restaurant|ristorante|trattoria|pizzeria|pizza|brasserie|bistro|cafe|coffee|diner|grill|kitchen|tavern|"
    r"tapas|sushi|ramen|steak|burger|pub|bar|inn|hotel|taxi|cab|uber|lyft|bolt|salon|barber|spa|deliveroo|dining|"
    r"eats|eating|meals?|hospitality|food and drink|gasthaus|wirtshaus)\b"
)
LEAST_SPAN = 30
NEAR = Decimal("0.1")

Place = tuple[Decimal, int]


class Index:
    """Rows by currency, day and amount, and by the numbers in their texts."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._days: dict[str, dict[int, list[Place]]] = {}
        self._numbers: dict[str, list[Row]] = defaultdict(list)
        self._amounts: dict[str, list[Decimal]] = defaultdict(list)
        for row in self.rows:
            self._amounts[row.currency].append(row.paid)
        for paid in self._amounts.values():
            paid.sort()
        self._times = Counter((row.currency, row.paid) for row in self.rows)
        for place, row in enumerate(self.rows):
            days = self._days.setdefault(row.currency, {})
            days.setdefault(row.booked_on.toordinal(), []).append((row.paid, place))
            for number in texts.numbers_in(row.text):
                self._numbers[number].append(row)
        for days in self._days.values():
            for amounts in days.values():
                amounts.sort()
        booked = [row.booked_on.toordinal() for row in self.rows]
        self.span_days = max(LEAST_SPAN, max(booked) - min(booked)) if booked else LEAST_SPAN

    @property
    def currencies(self) -> list[str]:
        return sorted(self._days)

    def between(self, currency: str, low: Decimal, high: Decimal, days: range) -> Iterator[Row]:
        """Rows of these days that paid from `low` to `high`, both with it."""
        amounts_of = self._days.get(currency, {})
        for day in days:
            amounts = amounts_of.get(day)
            if amounts:
                begin = bisect_left(amounts, (low, -1))
                for place in amounts[begin : bisect_right(amounts, (high, len(self.rows)))]:
                    yield self.rows[place[1]]

    def times(self, row: Row) -> int:
        """How often just this was paid, on whichever day."""
        return self._times[row.currency, row.paid]

    def crowd(self, row: Row) -> float:
        """How many other rows a cent lie about its amount: few about great ones, many about small ones."""
        paid, near = self._amounts[row.currency], abs(row.paid) * NEAR
        number = bisect_right(paid, row.paid + near) - bisect_left(paid, row.paid - near)
        return number / (1 + float(near) * 200)

    def with_number(self, number: str) -> list[Row]:
        return self._numbers.get(number, [])


def find(receipt: Receipt, index: Index, rates: Rates) -> dict[Way, list[tuple[Row, Decimal]]]:
    """Rows by the way in which they may be the receipt's, and how far they are from it (a part of one); each once."""
    found: dict[Way, list[tuple[Row, Decimal]]] = defaultdict(list)
    seen = set()
    for way, row, off in (*_same(receipt, index), *_by_rate(receipt, index, rates), *_tipped(receipt, index)):
        if row.transaction_id not in seen:
            seen.add(row.transaction_id)
            found[way].append((row, off))
    for number in receipt.numbers:
        for row in index.with_number(number):
            if row.transaction_id not in seen and _days(receipt, LATEST).start <= row.booked_on.toordinal():
                seen.add(row.transaction_id)
                found["number"].append((row, Decimal(0)))
    return found


def _same(receipt: Receipt, index: Index) -> Iterator[tuple[Way, Row, Decimal]]:
    for currency in [receipt.currency] if receipt.currency else index.currencies:
        for row in index.between(currency, receipt.total, receipt.total, _days(receipt, LATEST)):
            yield "same", row, Decimal(0)


def _by_rate(receipt: Receipt, index: Index, rates: Rates) -> Iterator[tuple[Way, Row, Decimal]]:
    """What was paid in another currency, by the rate of the receipt's day, or as the bank's own text states it."""
    if receipt.currency is None:
        return
    for currency in index.currencies:
        rate = rates.get((receipt.currency, currency, receipt.day))
        if currency == receipt.currency or rate is None:
            continue
        worth = receipt.total * rate
        low, high = sorted((worth * (1 - RATE_OFF), worth * (1 + RATE_OFF)))
        for row in index.between(currency, low, high, _days(receipt, LATEST_RATE)):
            stated = texts.states(row.text, receipt.total, receipt.currency)
            yield "stated" if stated else "rate", row, abs(row.paid / worth - 1)


def _tipped(receipt: Receipt, index: Index) -> Iterator[tuple[Way, Row, Decimal]]:
    if receipt.total <= 0 or receipt.currency is None:
        return
    most, day = receipt.total * (1 + TIP), receipt.day.toordinal()
    # of one without a day: it comes to us at once, or some days later
    days = range(day + EARLIEST - (LATEST_TIP if receipt.issued_on is None else 0), day + LATEST_TIP + 1)
    for row in index.between(receipt.currency, receipt.total, most, days):
        if row.paid > receipt.total and takes_tips(row, receipt.supplier_key):
            yield "tip", row, row.paid / receipt.total - 1


def takes_tips(row: Row, supplier_key: str) -> bool:
    """Whether tips are usual there, as its code, its category or a name says."""
    if row.mcc in TIPPED_CODES or (row.mcc and "3500" <= row.mcc <= "3999"):
        return True
    return TIPPED.search(f"{row.text} {row.category or ''} {supplier_key}".lower()) is not None


def _days(receipt: Receipt, latest: int) -> range:
    if receipt.issued_on is None:
        day = receipt.seen_on.toordinal()
        return range(day - BEFORE_SEEN, day + AFTER_SEEN + 1)
    day = receipt.issued_on.toordinal()
    return range(day + EARLIEST, day + latest + 1)


def window(receipt: Receipt) -> tuple[date, date]:
    """The days on which a row of this receipt may be booked, those of several together with it."""
    days = _days(receipt, LATEST)
    latest = days.stop - 1 if receipt.issued_on is None else days.start - EARLIEST + PARTS_LATEST
    return date.fromordinal(days.start), date.fromordinal(latest)


# Instalments go on for longer than a payment waits.
PARTS_LATEST = 130
Ways = Mapping[Way, list[tuple[Row, Decimal]]]
