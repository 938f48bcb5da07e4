"""Generated months for `benchmarks.receipts`: what was bought, the receipts of it, the bank's rows, and which is whose.

Meant to be hard. Shops have few prices, and people come back the next day for the same; many shops share prices; banks
write names short, behind processors, or quite another name (one shop in ten); of three purchases in ten there is no
receipt, and one receipt in fourteen was paid by other means; one purchase in twelve is abroad, by a card's rate that is
up to 3.2 % from the day's; half the restaurants' rows have a tip; invoices are paid weeks later; orders are charged in
parts, and trips collected in one row. One receipt in twenty names no supplier, as many no day, some no currency.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from ai2.kit.merchants import merchant_key
from ai2.receipts.matching import texts
from ai2.receipts.matching.model import Receipt, Row

FIRST = date(2025, 1, 6)
CENT = Decimal("0.01")
RATES = {"EUR": Decimal("0.8437"), "USD": Decimal("0.7912")}
WORDS_TEXT = """
    harbour willow copper north bright river stone amber falcon juniper mason linden crown orchard velvet anchor meadow
    granite cedar silver union maple foundry beacon heron marble saffron thistle walnut pepper indigo tidal summit ember
    lantern quarry
"""
WORDS = WORDS_TEXT.split()
SYLLABLES = tuple(a + b for a in "bdfghklmnprstvw" for b in ("an", "el", "or", "is", "ey", "ud", "ack", "o", "ar"))
KINDS = {
    "cafe": ("Coffee", "Cafe", "Bakery", "Tea Rooms"), "restaurant": ("Kitchen", "Grill", "Trattoria", "Tavern"),
    "shop": ("Supplies", "Stores", "Market", "Outfitters", "Books", "Hardware"), "web": ("Online", "Shop", "Direct"),
    "software": ("Software", "Cloud", "Labs"), "trade": ("Joinery", "Plumbing", "Electrical", "Print"),
}  # fmt: skip
FOREIGN = ("Pasticceria Romano", "Boulangerie Martin", "Hotel Adler", "Blue Ridge Outfitters", "Livraria Sol")
LEGAL = ("", "", " Ltd", " Limited", " plc")
TOWNS = ("LONDON", "BRISTOL", "LEEDS", "MANCHESTER", "CARDIFF")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SHARED_PRICES = tuple(map(Decimal, ("4.50", "9.99", "12.00", "15.00", "20.00", "25.00", "29.99", "49.99")))
LAGS = (0, *(1,) * 12, *(2,) * 4, 3, 3, 4)


@dataclass(frozen=True)
class Shop:
    """Where one buys: the name on its receipts, what banks write, and what it charges."""

    name: str
    bank: str
    kind: str
    prices: tuple[Decimal, ...] = ()


@dataclass
class Months:
    """Receipts and rows, and the pairs that are true."""

    receipts: list[Receipt] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    truth: set[tuple[UUID, UUID]] = field(default_factory=set)
    kinds: dict[UUID, str] = field(default_factory=dict)


def make(seed: int, *, purchases: int = 450, days: int = 92, shops: int = 70) -> Months:
    """Three months of one organization, or as many purchases and days as are asked for."""
    return _Maker(seed, days, shops).made(purchases)


class _Maker:
    def __init__(self, seed: int, days: int, shops: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - made up, no secret
        self.days, self.made_so_far = days, Months()
        self.shops = [self._shop() for _ in range(shops)]
        self.often = [self.chance.paretovariate(2) for _ in self.shops]

    def made(self, purchases: int) -> Months:
        while len(self.made_so_far.kinds) < purchases:
            shop = self.chance.choices(self.shops, self.often)[0]
            day = FIRST + timedelta(self.chance.randrange(self.days))
            kind = self.chance.random()
            if kind < 0.08:
                self._abroad(day)
            elif kind < 0.12:
                self._parts(shop, day)
            elif kind < 0.14:
                self._collected(shop, day)
            elif shop.kind == "trade":
                self._invoice(shop, day)
            else:
                self._bought(shop, day)
        self.chance.shuffle(self.made_so_far.receipts)
        return self.made_so_far

    def _bought(self, shop: Shop, day: date) -> None:
        """Once, or on days one after the other for the same price."""
        price = self._price(shop)
        again = self.chance.choice((1, 2, 2, 3)) if shop.prices and self.chance.random() < 0.15 else 1
        for number in range(again):
            paid, kind = price, "twin" if again > 1 else "plain"
            if shop.kind == "restaurant" and self.chance.random() < 0.5:
                tip = Decimal(self.chance.choice((8, 10, 12, 15, 18, 20))) / 100
                paid, kind = (price * (1 + tip)).quantize(CENT if self.chance.random() < 0.5 else Decimal(1)), "tip"
            self._pair(shop, day + timedelta(number), price, [paid], kind)

    def _abroad(self, day: date) -> None:
        currency = self.chance.choice(sorted(RATES))
        name = self.chance.choice(FOREIGN)
        shop = Shop(name, f"{name.upper()} {self.chance.choice(('ROMA', 'PARIS', 'PORTO'))}", "abroad")
        price = self._amount(8, 160)
        paid = (price * RATES[currency] * Decimal(str(self.chance.uniform(0.995, 1.032)))).quantize(CENT)
        said = f" {currency} {price} @ 1.17" if self.chance.random() < 0.4 else ""
        self._pair(shop, day, price, [paid], "abroad", currency=currency, said=said)

    def _invoice(self, shop: Shop, day: date) -> None:
        number = f"INV-{self.chance.randrange(10_000, 99_999)}"
        said = f" {number}" if self.chance.random() < 0.6 else ""
        late = self.chance.choice((6, 9, 14, 15, 28, 30, 31, 44))
        self._pair(shop, day, self._amount(80, 2400), None, "invoice", number=number, said=said, late=late)

    def _parts(self, shop: Shop, day: date) -> None:
        parts = [self._amount(6, 90) for _ in range(self.chance.choice((2, 2, 3)))]
        self._pair(shop, day, sum(parts, Decimal(0)), parts, "parts")

    def _collected(self, shop: Shop, day: date) -> None:
        totals = [self._amount(6, 60) for _ in range(self.chance.choice((2, 3)))]
        row = self._row(shop, day + timedelta(9), sum(totals, Decimal(0)))
        for place, total in enumerate(totals):
            receipt = self._receipt(shop, day + timedelta(place), total)
            self.made_so_far.truth.add((receipt.document_id, row.transaction_id))
            self.made_so_far.kinds[receipt.document_id] = "collected"

    def _pair(
        self, shop: Shop, day: date, total: Decimal, paid: list[Decimal] | None, kind: str, *, currency: str = "GBP",
        number: str | None = None, said: str = "", late: int | None = None,
    ) -> None:  # fmt: skip
        """A receipt with its rows; either may be missing."""
        has_receipt, has_row = self.chance.random() < 0.7, self.chance.random() < 0.93
        rows: list[Row] = []
        if has_row:
            rows += [
                self._row(shop, self._booked(day, late), amount, said=said, bought=day) for amount in paid or [total]
            ]
        if has_receipt:
            receipt = self._receipt(shop, day, total, currency=currency, number=number)
            self.made_so_far.truth |= {(receipt.document_id, row.transaction_id) for row in rows}
            self.made_so_far.kinds[receipt.document_id] = kind if rows else "without a row"

    def _booked(self, day: date, late: int | None) -> date:
        booked = day + timedelta(self.chance.choice(LAGS) if late is None else late)
        return booked + timedelta((7 - booked.weekday()) if booked.weekday() > 4 else 0)

    def _row(self, shop: Shop, booked: date, paid: Decimal, *, said: str = "", bought: date | None = None) -> Row:
        text = shop.bank.replace("#", str(self.chance.randrange(1000, 9999))) + said
        if bought and not said and self.chance.random() < 0.25:
            text += f" ON {bought.day:02} {MONTHS[bought.month - 1]}"
        row = Row(
            self._id(), UUID(int=1), booked, paid, "GBP", merchant_key(text), text,
            mcc="5812" if shop.kind == "restaurant" and self.chance.random() < 0.5 else None,
        )  # fmt: skip
        self.made_so_far.rows.append(row)
        return row

    def _receipt(
        self, shop: Shop, day: date, total: Decimal, *, currency: str = "GBP", number: str | None = None
    ) -> Receipt:
        known = self.chance.random
        numbers = (texts.compact(number),) if number else (f"{self.chance.randrange(10**6, 10**7)}",)
        receipt = Receipt(
            document_id=self._id(), total=total, currency=None if known() < 0.03 and currency == "GBP" else currency,
            issued_on=None if known() < 0.05 else day, seen_on=day + timedelta(self.chance.choice((0, 0, 0, 1, 9))),
            supplier_key="" if known() < 0.05 else merchant_key(shop.name), numbers=numbers,
        )  # fmt: skip
        self.made_so_far.receipts.append(receipt)
        return receipt

    def _price(self, shop: Shop) -> Decimal:
        return self.chance.choice(shop.prices) if shop.prices else self._amount(5, 130)

    def _amount(self, low: int, high: int) -> Decimal:
        return Decimal(self.chance.randrange(low * 100, high * 100)).scaleb(-2).quantize(CENT, ROUND_HALF_UP)

    def _shop(self) -> Shop:
        """Half of them share a word with others."""
        kind = self.chance.choice(("cafe", "cafe", "restaurant", "shop", "shop", "web", "software", "trade"))
        words = [*self.chance.sample(WORDS, self.chance.choice((1, 2))), *(self._surname() for _ in range(2))]
        chosen = " ".join(words[: self.chance.choice((1, 2, 2))] if self.chance.random() < 0.5 else words[-1:])
        name = f"{chosen.title()} {self.chance.choice(KINDS[kind])}{self.chance.choice(LEGAL)}"
        return Shop(name, self._bank(name), kind, tuple(self._prices(kind)))

    def _prices(self, kind: str) -> Iterator[Decimal]:
        if kind == "cafe":
            yield from (Decimal(self.chance.randrange(44, 190)) / 20 + Decimal("0.00") for _ in range(6))
        elif kind in ("software", "web") and self.chance.random() < 0.6:
            yield from self.chance.sample(SHARED_PRICES, 2)
        elif kind == "restaurant":
            yield from (self._amount(18, 90) for _ in range(5))

    def _bank(self, name: str) -> str:
        """As a bank writes it: in full, cut off, behind a processor, as one word, or as quite another name."""
        plain = name.upper().replace(" LTD", "").replace(" LIMITED", "").replace(" PLC", "")
        way = self.chance.random()
        if way < 0.35:
            return f"{plain} # {self.chance.choice(TOWNS)}"
        if way < 0.55:
            return f"{self.chance.choice(('SQ *', 'SUMUP *', 'PAYPAL *', 'IZ *'))}{plain[:18]}"
        if way < 0.75:
            return f"CARD PAYMENT TO {plain[:14]}"
        if way < 0.9:
            return f"{plain.replace(' ', '')[:16]}.COM"
        return f"{self.chance.choice(('WPY*', ''))}{''.join(self.chance.sample('BCDFGKLMNPRSTVZ', 5))} RETAIL #"

    def _surname(self) -> str:
        return "".join(self.chance.choice(SYLLABLES) for _ in range(self.chance.choice((2, 2, 3))))

    def _id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128))


def rates_of(receipts: list[Receipt]) -> dict[tuple[str, str, date], Decimal]:
    """The day's reference rates into pounds, the same every day."""
    return {
        (each.currency, "GBP", each.day): RATES[each.currency] for each in receipts if each.currency in RATES
    }  # fmt: skip
