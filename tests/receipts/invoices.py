"""Invoices and receipts whose fields are known, as suppliers write them: no two alike, and much that misleads."""

import html
import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Literal, NamedTuple

from tests.receipts.tongues import (
    COUNTRIES,
    NAMES,
    PEOPLE,
    THINGS,
    WORDS,
    Country,
    digits,
    written_amount,
    written_date,
)

Medium = Literal["text", "html", "pdf"]
CENT = Decimal("0.01")
UNKNOWN_TONGUES = frozenset({"sv", "da", "cs", "fi"})


class Cell(NamedTuple):
    """Text at a place of its row, 0 to 100; the right edge stands there where `is_right`."""

    x: float
    text: str
    is_right: bool = False
    size: float = 9.0


@dataclass(frozen=True)
class Written:
    """A document as rows of cells, and what is true of it."""

    rows: list[list[Cell]]
    country: Country
    supplier: str
    issued_on: date
    total: Decimal
    tax: Decimal | None
    currency: str
    number: str | None
    order_number: str | None


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random
        known = [country for country in COUNTRIES if country.tongue not in UNKNOWN_TONGUES]
        self.country = random.choice(known if random.random() < 0.9 else COUNTRIES)
        self.rows: list[list[Cell]] = []
        self.sign = random.choice(self.country.signs)
        self.form = random.choice(self.country.dates)
        self.colon = random.choice([":", ":", "", " :"])

    def word(self, name: str) -> str:
        """The usual wording half of the time, else any."""
        known = WORDS[self.country.tongue][name].split("|")
        return known[0] if self.random.random() < 0.4 else self.random.choice(known)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def money(self, value: Decimal, *, is_bare: bool = False) -> str:
        return written_amount(value, self.country.mark, self.country.group, "" if is_bare else self.sign)

    def day(self, day: date) -> str:
        return written_date(day, self.form, self.country.tongue)

    def add(self, *cells: Cell) -> None:
        self.rows.append(list(cells))

    def space(self) -> None:
        self.rows.append([])


def write(random: Random) -> Written:
    """One document. The same state of `random` gives the same."""
    writer = _Writer(random)
    return _Document(writer).written()


class _Document:
    def __init__(self, writer: _Writer) -> None:
        self.w, random, country = writer, writer.random, writer.country
        self.brand = random.choice(NAMES)
        self.legal = f"{self.brand} {random.choice(country.forms)}"
        slug = "".join(sign for sign in self.brand.lower() if sign.isalnum())
        self.domain = f"{slug}.{country.domain if random.random() < 0.6 else 'com'}"
        self.is_platform = random.random() < 0.06
        if self.is_platform:
            seller = random.choice(["Ortega", "Holm", "Vandel", "Petrov", "Lindner"])
            self.legal = f"{seller} Retail {random.choice(country.forms)}"
        if random.random() < 0.08:  # an address that says nothing of the name
            self.domain = random.choice(["weborder-online.com", "eshop24.net", "invoices-portal.com", "thegoodsco.com"])
        self.vat = self._vat(country)
        self.issued_on = date(2018, 1, 1) + timedelta(random.randrange(2900))
        self.number = self._number(self.issued_on.year)
        self.order = random.choice(
            [f"{digits(random, 7)}", f"ORD-{digits(random, 5)}", f"{digits(random, 3)}-{digits(random, 7)}"]
        )
        self.has_number, self.has_order = random.random() < 0.94, random.random() < 0.4
        self.lines = [self._line() for _ in range(random.choice([1, 1, 2, 2, 3, 4, 6]))]
        self._sums()

    def _vat(self, country: Country) -> str:
        text = country.vat
        for count in (7, 8, 9, 10, 11, 12):
            text = text.replace(f"{{{count}}}", digits(self.w.random, count))
        return text + (
            f" {digits(self.w.random, 11)}"
            if text == "ABN"
            else f"29AAACW{digits(self.w.random, 4)}F1Z5"
            if text == "GSTIN"
            else ""
        )

    def _number(self, year: int) -> str:
        random = self.w.random
        return random.choice([
            digits(random, 8), f"INV-{digits(random, 5)}", f"{year}-{digits(random, 4)}", f"R{year}{digits(random, 4)}",
            f"FV/{digits(random, 3)}/{year}", f"{digits(random, 4)}/{year % 100}", f"F {digits(random, 4)}/{year}",
            f"VF{digits(random, 9)}",
        ])  # fmt: skip

    def _line(self) -> tuple[str, int, Decimal]:
        random = self.w.random
        price = Decimal(
            random.choice([random.randrange(99, 2000), random.randrange(1000, 30000), random.randrange(10000, 200000)])
        ).scaleb(-2)
        return random.choice(THINGS), random.choice([1, 1, 1, 2, 3, 10]), price

    def _sums(self) -> None:
        w = self.w
        self.rate = w.random.choice(w.country.rates)
        self.is_gross = w.country.code not in ("US",) and w.chance(0.4)
        goods = sum((count * price for _, count, price in self.lines), Decimal(0))
        self.shipping = Decimal(w.random.randrange(299, 1500)).scaleb(-2) if w.chance(0.25) else Decimal(0)
        self.discount = (goods / 10).quantize(CENT) if w.chance(0.12) else Decimal(0)
        subtotal = goods + self.shipping - self.discount
        if self.is_gross:
            self.total = subtotal
            self.net = (self.total / (1 + Decimal(self.rate) / 100)).quantize(CENT, ROUND_HALF_UP)
        else:
            self.net = subtotal
            self.total = (self.net * (1 + Decimal(self.rate) / 100)).quantize(CENT, ROUND_HALF_UP)
        self.tax = self.total - self.net
        self.goods = goods

    # --- what is written -----------------------------------------------------------------------------------------

    def written(self) -> Written:
        self._letterhead()
        self._recipient_and_meta()
        self._table()
        self._totals()
        self._end()
        w = self.w
        number = self.number if self.has_number else self.order if self.has_order else None
        return Written(
            w.rows, w.country, self.brand, self.issued_on, self.total, self.tax if self.shows_tax else None,
            w.country.currency, number, self.order if self.has_order else None,
        )  # fmt: skip

    def _letterhead(self) -> None:
        w = self.w
        street = w.random.choice(["Main St", "Uferweg", "Rue Verte", "High Street", "Via Roma"])
        street, town = f"{street} {w.random.randrange(1, 99)}", w.random.choice(w.country.towns)
        style = w.random.choice(["left", "right", "title first", "one line", "brand", "logo only"])
        name = self.brand if self.is_platform else self.legal
        title = w.word("title")
        self.titled = title
        self.shows_head = style != "logo only"
        self.shows_domain = self.is_platform or w.chance(0.75) or style in ("brand", "logo only")
        self.shows_foot = w.chance(0.7) or style in ("brand", "logo only")
        match style:
            case "left":
                w.add(
                    Cell(0, name, size=w.random.choice([9, 14, 18])),
                    *([Cell(70, title, size=20)] if w.chance(0.5) else []),
                )
                w.add(Cell(0, street))
                w.add(Cell(0, town))
            case "right":
                w.add(Cell(0, title, size=22), Cell(65, name, size=10))
                w.add(Cell(65, street))
                w.add(Cell(65, town))
                w.add(Cell(65, self.vat))
            case "title first":
                w.add(Cell(0, title, size=20))
                w.space()
                w.add(Cell(0, name))
                w.add(Cell(0, street), *([Cell(60, self.vat)] if w.chance(0.5) else []))
                w.add(Cell(0, town))
            case "one line":
                w.add(Cell(0, w.random.choice([" - ", ", ", " · ", " | "]).join((name, street, town)), size=7))
            case "brand":
                w.add(Cell(0, self.brand.upper() if w.chance(0.3) else self.brand, size=24), Cell(70, title, size=14))
            case _:
                w.add(Cell(0, title, size=18))
        if w.chance(0.1) and w.country.tongue not in UNKNOWN_TONGUES:
            w.add(Cell(0, w.word("seller") + ":"), Cell(20, self.legal))
        w.space()

    def _recipient(self) -> list[str]:
        w = self.w
        person = w.random.choice(PEOPLE)
        first = w.random.choice(["Graham", "Velt", "Aurora", "Contoso", "Initech", "Bakker", "Fabrikam"])
        block = [f"{first} {w.random.choice(w.country.forms)}"] if w.chance(0.4) else []
        block += [person, f"Park Road {w.random.randrange(1, 99)}", w.random.choice(w.country.towns)]
        if w.chance(0.2):
            block.append(f"{person.split()[0].lower()}@{w.random.choice([first.lower() + '.com', 'gmail.com'])}")
        return [w.word("to") + w.random.choice(["", ":"]), *block] if w.chance(0.55) else block

    def _recipient_and_meta(self) -> None:
        w, block, meta = self.w, self._recipient(), self._meta()
        style = w.random.choice(["beside", "below", "header", "sentence"])
        if style == "beside":
            for place in range(max(len(block), len(meta))):
                left = [Cell(0, block[place])] if place < len(block) else []
                right = [Cell(55, meta[place][0] + w.colon), Cell(80, meta[place][1])] if place < len(meta) else []
                w.add(*left, *right)
            return
        for text in block:
            w.add(Cell(0, text))
        w.space()
        if style == "header":
            w.add(*(Cell(place * 24, label) for place, (label, _) in enumerate(meta[:4])))
            w.add(*(Cell(place * 24, value) for place, (_, value) in enumerate(meta[:4])))
            meta = meta[4:]
        for label, value in meta:
            if style == "below":
                w.add(Cell(0, label + w.colon), Cell(30, value))
            else:
                w.add(Cell(0, f"{label}{w.colon or ' '} {value}"))

    def _meta(self) -> list[tuple[str, str]]:
        w = self.w
        meta = [(w.word("issued"), w.day(self.issued_on))]
        if self.has_number:
            meta.insert(w.random.choice([0, 0, 1]), (w.word("number"), self.number))
        if w.chance(0.45):
            meta.append((w.word("due"), w.day(self.issued_on + timedelta(w.random.choice([14, 30])))))
        if w.chance(0.4):
            meta.append((w.word("customer"), digits(w.random, 6)))
        if self.has_order:
            meta.append((w.word("order"), self.order))
            if w.chance(0.5):
                meta.append((w.word("ordered"), w.day(self.issued_on - timedelta(w.random.randrange(5)))))
        if w.chance(0.2):
            meta.append((w.word("delivered"), w.day(self.issued_on - timedelta(w.random.randrange(12)))))
        return meta

    def _table(self) -> None:
        w = self.w
        w.space()
        bare = w.chance(0.5)
        head_sign = f" ({w.country.currency})" if bare and w.chance(0.5) else ""
        w.add(
            Cell(0, w.word("item")),
            Cell(50, w.word("quantity")),
            Cell(75, w.word("price"), is_right=True),
            Cell(98, w.word("amount") + head_sign, is_right=True),
        )
        for thing, count, price in self.lines:
            w.add(
                Cell(0, thing),
                Cell(52, str(count)),
                Cell(75, w.money(price, is_bare=bare), is_right=True),
                Cell(98, w.money(count * price, is_bare=bare), is_right=True),
            )
            if w.chance(0.15):
                w.add(Cell(2, f"SN {digits(w.random, 6)}"))
        w.space()

    def _totals(self) -> None:
        w = self.w
        bare = w.chance(0.15)
        rows: list[tuple[str, str]] = []
        if self.discount:
            rows.append((w.word("discount"), w.money(-self.discount, is_bare=bare)))
        if self.shipping:
            rows.append((w.word("shipping"), w.money(self.shipping, is_bare=bare)))
        self.shows_tax = self.rate > 0 and w.chance(0.85)
        tax = (w.word("tax").replace("{r}", str(self.rate)), w.money(self.tax, is_bare=bare))
        total = (
            w.word("total") + (f" {w.country.currency}" if bare and w.chance(0.5) else ""),
            w.money(self.total, is_bare=bare),
        )
        if self.shows_tax:
            if w.chance(0.85):
                rows.append((w.word("net"), w.money(self.net, is_bare=bare)))
            rows += [total, tax] if self.is_gross and w.chance(0.4) else [tax, total]
        else:
            rows.append(total)
        if w.chance(0.08):
            paid = (self.total / 2).quantize(CENT) if w.chance(0.5) else self.total
            rows += [
                (w.word("paid"), w.money(-paid, is_bare=bare)),
                (w.word("left"), w.money(self.total - paid, is_bare=bare)),
            ]
        if w.chance(0.12):
            w.add(*(Cell(30 + place * 23, label, is_right=True) for place, (label, _) in enumerate(rows[-4:])))
            w.add(*(Cell(30 + place * 23, value, is_right=True) for place, (_, value) in enumerate(rows[-4:])))
            return
        x = w.random.choice([55, 60, 65])
        for label, value in rows:
            large = label == total[0] and w.chance(0.3)
            w.add(Cell(x, label + w.colon), Cell(98, value, is_right=True, size=13 if large else 9))

    def _end(self) -> None:
        w = self.w
        w.space()
        if w.chance(0.4):
            w.add(Cell(0, w.word("thanks").replace("{n}", self.brand)))
        if w.chance(0.3):
            w.add(Cell(0, WORDS[w.country.tongue]["terms"].replace("{a}", w.money(Decimal("40.00")))))
        if self.is_platform:
            w.add(Cell(0, f"{self.brand} · support@{self.domain} · www.{self.domain}"))
            w.add(Cell(0, f"{self.legal}, {self.vat}"))
        elif self.shows_foot:
            w.space()
            bank = f"IBAN {w.country.code}{digits(w.random, 18)}"
            contact = (
                [f"www.{self.domain}", f"info@{self.domain}"]
                if self.shows_domain
                else [f"Tel. +{digits(w.random, 2)} {digits(w.random, 8)}", ""]
            )
            columns = [
                [self.legal, contact[0], contact[1]],
                [self.vat, f"{WORDS[w.country.tongue]['company']} {digits(w.random, 6)}"],
                [bank, "First Bank AG"],
            ]
            for line in range(3):
                w.add(
                    *(
                        Cell(place * 34, column[line], size=7)
                        for place, column in enumerate(columns)
                        if line < len(column) and column[line]
                    )
                )
        elif self.shows_domain:
            w.add(Cell(0, w.random.choice([f"www.{self.domain}", f"Questions? help@{self.domain}"])))
        if w.chance(0.15):
            w.add(
                Cell(
                    0,
                    w.random.choice(
                        [
                            "Made with invoicelark.com",
                            "Payments by Paystone · www.paystone.io",
                            "Pay online: https://pay.tellerbox.com/i/8842",
                        ]
                    ),
                )
            )
        w.add(Cell(45, f"{w.word('page')} 1 / 1", size=7))


# --- how it is sent ----------------------------------------------------------------------------------------------


def as_text(written: Written) -> bytes:
    lines = []
    for row in written.rows:
        line = ""
        for cell in row:
            start = int(cell.x * 1.1) - (len(cell.text) if cell.is_right else 0)
            line = line.ljust(start) if start > len(line) + 1 else line + "  " * bool(line)
            line += cell.text
        lines.append(line)
    return "\n".join(lines).encode()


def as_html(written: Written, *, json_ld: dict[str, object] | None = None) -> bytes:
    """Rows of several cells are a table; others are paragraphs."""
    parts, is_open = [], False
    for row in written.rows:
        if len(row) > 1 and not is_open:
            parts.append("<table>")
        elif len(row) < 2 and is_open:
            parts.append("</table>")
        is_open = len(row) > 1
        if is_open:
            parts.append("<tr>" + "".join(f"<td>{html.escape(cell.text)}</td>" for cell in row) + "</tr>")
        elif row:
            tag = "h1" if row[0].size > 12 else "p"
            parts.append(f"<{tag}>{html.escape(row[0].text)}</{tag}>")
    script = f'<script type="application/ld+json">{json.dumps(json_ld)}</script>' if json_ld else ""
    body = "\n".join(parts) + ("</table>" if is_open else "")
    return f"<!DOCTYPE html><html><head><title>Mail</title>{script}</head><body>{body}</body></html>".encode()


def as_pdf(written: Written) -> bytes:
    """Every cell set at its place."""
    import typst

    placed = []
    for number, row in enumerate(written.rows):
        for cell in row:
            text = f"text(size: {cell.size}pt, {json.dumps(cell.text, ensure_ascii=False)})"
            x, y = cell.x * 1.8, number * 5.2
            inner = f"box(width: 80mm, align(right, {text}))" if cell.is_right else f"box(width: 150mm, {text})"
            placed.append(f"#place(top + left, dx: {x - 80 if cell.is_right else x}mm, dy: {y}mm, {inner})")
    source = "#set page(width: 210mm, height: 330mm, margin: 14mm)\n" + "\n".join(placed)
    return bytes(typst.compile(source.encode()))


def bytes_of(written: Written, medium: Medium) -> tuple[bytes, str]:
    """The document and its media type."""
    match medium:
        case "text":
            return as_text(written), "text/plain"
        case "html":
            return as_html(written), "text/html"
        case "pdf":
            return as_pdf(written), "application/pdf"
