"""The life of the sample business: a coffee roaster with a current account, a card and an account in euros."""

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta

from ai2.sample import merchants
from ai2.sample.ledger import BankAccount, Entry, last_working_day, next_month, working_day
from ai2.sample.merchants import Regular, Shop

EURO_FLOOR_MINOR, EURO_TOP_UP_PENCE = 900_000, 800_000
PENCE_PER_EURO_LOW, PENCE_PER_EURO_HIGH = 8_350, 8_750  # hundredths of a penny: 0.835 to 0.875 pounds


class Business:
    """Lives month by month; its three accounts remember."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - nothing to guess here
        self._invoice = 4100
        self.current = BankAccount(2_450_000, "30-96-26 41837266")
        self.card = BankAccount(0, "XXXXXXXXXXXX4417")
        self.euro = BankAccount(1_180_000, "DE89370400440532013000")

    def live(self, first: date, months: int) -> None:
        """Add months of entries, beginning with the month of `first`."""
        for number in range(months):
            self._regulars(first, number)
            self._takings(first)
            self._salaries(first)
            self._card_spending(first)
            self._pay_card(first)
            self._euro_business(first)
            self._fees(first)
            self._top_up_euro(first)
            first = next_month(first)

    def _regulars(self, first: date, number: int) -> None:
        for regular in merchants.CURRENT_MONTHLY:
            if number % regular.every_months == regular.every_months - 1:
                self._book_regular(first, regular)

    def _book_regular(self, first: date, regular: Regular) -> None:
        amount = -self._between(regular.low, regular.high)
        day = working_day(first.replace(day=regular.day))
        self.current.entries.append(Entry(day, regular.kind, regular.description, amount))

    def _takings(self, first: date) -> None:
        """The shop's card terminal pays out every working day but Monday; wholesale customers pay invoices."""
        for day in _days(first):
            if day.weekday() in (1, 2, 3, 4):
                season = 1.25 if day.month in (11, 12) else 1.0
                amount = int(self._between(41_000, 103_000) * season)
                self.current.entries.append(Entry(day, "FPI", f"SUMUP PAYMENTS PID{self._digits(6)}", amount))
        for name, low, high in merchants.WHOLESALE:
            day = working_day(first + timedelta(days=self._chance.randrange(27)))
            self.current.entries.append(
                Entry(day, "FPI", f"{name} INV-{self._next_invoice()}", self._between(low, high))
            )

    def _salaries(self, first: date) -> None:
        for name, amount in merchants.SALARIES:
            self.current.entries.append(Entry(last_working_day(first), "BP", f"{name} SALARY", -amount))

    def _card_spending(self, first: date) -> None:
        for shop in merchants.CARD_SHOPS:
            for _ in range(self._times(shop.times)):
                self._buy(first, shop)

    def _buy(self, first: date, shop: Shop) -> None:
        day = first + timedelta(days=self._chance.randrange((next_month(first) - first).days))
        amount = self._between(shop.low, shop.high)
        description = re.sub("#+", lambda match: self._digits(len(match[0])), shop.description)
        self.card.entries.append(Entry(day, "DEBIT", description, -amount, mcc=shop.mcc))
        if self._chance.random() < shop.refund_chance:
            back = min(day + timedelta(days=self._chance.randrange(3, 15)), next_month(first) - timedelta(days=1))
            self.card.entries.append(Entry(back, "CREDIT", description, amount, mcc=shop.mcc))

    def _pay_card(self, first: date) -> None:
        """On the 14th the current account settles what the card owed at the end of last month."""
        owed = self.card.balance_on(first - timedelta(days=1))
        day = working_day(first.replace(day=14))
        if owed < 0:
            self.current.entries.append(Entry(day, "DD", "HARBOUR BANK CREDIT CARD 4417", owed))
            self.card.entries.append(Entry(day, "PAYMENT", "PAYMENT RECEIVED - THANK YOU", -owed))

    def _euro_business(self, first: date) -> None:
        for sign, parties in ((-1, merchants.EURO_SUPPLIERS), (1, merchants.EURO_CUSTOMERS)):
            for name, purpose, low, high, times in parties:
                for _ in range(self._times(times)):
                    day = working_day(first + timedelta(days=self._chance.randrange(26)))
                    amount = sign * self._between(low, high)
                    kind = "Gutschrift" if sign > 0 else "Überweisung"
                    text = purpose.format(self._next_invoice() if sign > 0 else self._digits(7))
                    self.euro.entries.append(Entry(day, kind, text, amount, counterparty=name))

    def _fees(self, first: date) -> None:
        day = last_working_day(first)
        self.current.entries.append(Entry(day, "CHG", "SERVICE CHARGES", -850 - 35 * self._chance.randrange(12)))
        self.euro.entries.append(Entry(day, "Entgelt", "Kontoführungsgebühr", -1_290, counterparty="Hafenbank eG"))
        if first.month == 3:
            self.card.entries.append(Entry(first.replace(day=2), "FEE", "ANNUAL CARD FEE", -3_200))

    def _top_up_euro(self, first: date) -> None:
        """Before the month ends pounds become euros where the euro account runs low: one transfer, two entries."""
        day = working_day(first.replace(day=25))
        if self.euro.balance_on(day) < EURO_FLOOR_MINOR:
            rate = self._between(PENCE_PER_EURO_LOW, PENCE_PER_EURO_HIGH)
            cents = EURO_TOP_UP_PENCE * 10_000 // rate
            text = f"TO EURO ACCOUNT 0532013000 EUR {cents // 100}.{cents % 100:02d}"
            self.current.entries.append(Entry(day, "FPO", text, -EURO_TOP_UP_PENCE))
            self.euro.entries.append(
                Entry(day, "Gutschrift", "Übertrag vom Konto 41837266", cents, counterparty="Harbour Lane Coffee Ltd")
            )

    def _between(self, low: int, high: int) -> int:
        return self._chance.randint(low, high)

    def _times(self, average: float) -> int:
        whole, rest = divmod(average, 1)
        wobble = self._chance.choice((-1, 0, 0, 1)) if whole > 1 else 0
        return int(whole) + (self._chance.random() < rest) + wobble

    def _digits(self, length: int) -> str:
        return "".join(self._chance.choice("0123456789") for _ in range(length))

    def _next_invoice(self) -> int:
        self._invoice += 1
        return self._invoice


def _days(first: date) -> Iterator[date]:
    for number in range((next_month(first) - first).days):
        yield first + timedelta(days=number)
