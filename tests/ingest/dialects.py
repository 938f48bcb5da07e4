"""Dialects: how banks write, in many languages, for tests that write a list of transactions and read it again."""

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from hypothesis import strategies as st

Entry = tuple[date, Decimal, str]


@dataclass(frozen=True)
class Language:
    """A language's headers, months and words, and the encodings beside Unicode that its banks use."""

    date: str
    text: str
    amount: str
    debit: str
    credit: str
    balance: str
    months: str
    words: str
    encodings: tuple[str, ...]


_WESTERN = ("cp1252", "iso8859_15", "mac_roman")
_CENTRAL = ("cp1250", "iso8859_2")
LANGUAGES = {
    "en": Language(
        "Date", "Description", "Amount", "Money out", "Money in", "Balance",
        "January February March April May June July August September October November December",
        "Café Crème Rent Groceries Señor Corner Tea Bus Tickets naïve", _WESTERN,
    ),
    "de": Language(
        "Buchungstag", "Verwendungszweck", "Betrag", "Soll", "Haben", "Saldo",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Bäckerei Müller Miete Straße Köln Gebühr Übertrag-Nr Gehälter Tankstelle Grün", _WESTERN,
    ),
    "fr": Language(
        "Date comptable", "Libellé", "Montant", "Débit", "Crédit", "Solde",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "Boulangerie Société Générale prélèvement loyer où garçon forêt Noël", _WESTERN,
    ),
    "nl": Language(
        "Boekdatum", "Omschrijving", "Bedrag", "Af", "Bij", "Saldo na mutatie",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "Bakkerij huur geïnd coöperatie café België reünie", _WESTERN,
    ),
    "es": Language(
        "Fecha", "Concepto", "Importe", "Cargo", "Abono", "Saldo",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "Panadería Ibáñez alquiler nómina compañía teléfono niño", _WESTERN,
    ),
    "it": Language(
        "Data contabile", "Descrizione", "Importo", "Addebiti", "Accrediti", "Saldo",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "Panetteria affitto caffè città perché società stipendio", _WESTERN,
    ),
    "pt": Language(
        "Data", "Descrição", "Montante", "Débito", "Crédito", "Saldo",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "Padaria São João pensão ordenado cartão água português", _WESTERN,
    ),
    "pl": Language(
        "Data księgowania", "Opis operacji", "Kwota", "Obciążenia", "Uznania", "Saldo po operacji",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "Piekarnia Żabka czynsz Łódź świętej źródło pięć ćwierć", _CENTRAL,
    ),
    "cs": Language(
        "Datum zaúčtování", "Popis", "Částka", "Výdaje", "Příjmy", "Zůstatek",
        "ledna února března dubna května června července srpna září října listopadu prosince",
        "Pekárna Žluťoučký kůň nájem příšerně úpěl ďábelské ódy", _CENTRAL,
    ),
    "sv": Language(
        "Bokföringsdag", "Rubrik", "Belopp", "Uttag", "Insättning", "Saldo",
        "januari februari mars april maj juni juli augusti september oktober november december",
        "Bageri köp hyra Söder lön påse Åhléns", _WESTERN,
    ),
    "da": Language(
        "Bogføringsdato", "Tekst", "Beløb", "Ud", "Ind", "Saldo",
        "januar februar marts april maj juni juli august september oktober november december",
        "Bageri køb husleje løn Åse smørrebrød ærter", _WESTERN,
    ),
    "nb": Language(
        "Bokføringsdato", "Forklaring", "Beløp", "Ut", "Inn", "Saldo",
        "januar februar mars april mai juni juli august september oktober november desember",
        "Bakeri kjøp husleie lønn brødå ære", _WESTERN,
    ),
    "fi": Language(
        "Kirjauspäivä", "Selite", "Määrä", "Otot", "Panot", "Saldo",
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta "
        "marraskuuta joulukuuta",
        "Leipomo vuokra sähkö päivä öljy palkka Hämeenlinna", _WESTERN,
    ),
    "ja": Language(
        "取引日", "お取引内容", "金額", "お支払金額", "お預り金額", "残高",
        "1 2 3 4 5 6 7 8 9 10 11 12", "カード利用 東京電力 給与振込 家賃の振込 電気料金 水道料金", ("cp932", "euc_jp"),
    ),
    "zh": Language(
        "交易日期", "摘要", "金额", "支出金额", "收入金额", "余额",
        "1 2 3 4 5 6 7 8 9 10 11 12", "消费支付 工资收入 房租转账 超市购物 手机充值费", ("gb18030",),
    ),
    "ru": Language(
        "Дата", "Описание", "Сумма", "Расход", "Приход", "Остаток",
        "1 2 3 4 5 6 7 8 9 10 11 12", "Оплата услуг зарплата аренда магазин хлеб перевод средств", ("cp1251",),
    ),
}  # fmt: skip
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
# How a date is written, and the order that a person would name.
DATES = {
    "{y}-{m}-{d}": None, "{y}/{m}/{d}": None, "{y}{m}{d}": None, "{d}/{m}/{y}": "dmy", "{m}/{d}/{y}": "mdy",
    "{d}.{m}.{y}": "dmy", "{d}.{m}.{yy}": "dmy", "{d}-{m}-{y}": "dmy", "{d}/{m}/{yy}": "dmy", "{m}/{d}/{yy}": "mdy",
    "{yy}-{m}-{d}": "ymd", "{yy}{m}{d}": "ymd", "{d}{m}{y}": "dmy", "{d} {name} {y}": None, "{d}. {name} {y}": None,
    "{y}-{m}-{d}T23:59:59-11:00": None, "{d}.{m}.{y} 08:01": "dmy",
}  # fmt: skip
GROUPS = {".": (",", "'", " ", "\u00a0", "\u202f", ""), ",": (".", "'", " ", "\u00a0", "\u202f", "")}
SIGNS = ("signed", "reversed", "trailing", "parentheses", "u2212", "columns", "flag", "suffix")
# What stands above a table; none of it looks like a row.
PREAMBLES = (
    [],
    [["Account", "12345678"], ["Period", "January"]],
    [["Statement of your account"], [""], ["Owner", "A. N. Other"]],
)


@dataclass(frozen=True)
class Dialect:
    """How one bank writes."""

    language: str
    encoding: str
    delimiter: str
    quote: str
    end: str
    date_format: str
    mark: str
    group: str
    signs: str
    preamble: int
    has_balance: bool
    is_newest_first: bool

    def write(self, entries: list[Entry]) -> bytes:
        """The file; entries are in the order of their days, oldest first."""
        words = LANGUAGES[self.language]
        table = io.StringIO()
        # Apostrophes wrap every cell or none: a few would be apostrophes of the text.
        quoting: Literal[0, 1] = csv.QUOTE_ALL if self.quote == "'" else csv.QUOTE_MINIMAL
        writer = csv.writer(
            table, delimiter=self.delimiter, quotechar=self.quote, lineterminator=self.end, quoting=quoting
        )
        writer.writerows(PREAMBLES[self.preamble])
        money = {"columns": [words.debit, words.credit], "flag": [words.amount, "D/C"]}.get(self.signs, [words.amount])
        writer.writerow([words.date, words.text, *money, *([words.balance] if self.has_balance else [])])
        rows, held = [], Decimal(1000)
        for day, amount, text in entries:
            held += amount
            stated = [self._number(held) if held >= 0 else f"-{self._number(-held)}"] if self.has_balance else []
            rows.append([self._day(day), text, *self._money(amount), *stated])
        writer.writerows(reversed(rows) if self.is_newest_first else rows)
        return table.getvalue().encode(self.encoding)

    def answers(self) -> dict[str, Any]:
        """What a person who knows the bank answers."""
        words = LANGUAGES[self.language]
        mapping: dict[str, Any] = {"date": words.date, "description": words.text}
        if self.signs == "columns":
            mapping |= {"debit": words.debit, "credit": words.credit}
        else:
            mapping["amount"] = words.amount
        return {
            "date_order": DATES[self.date_format] or "dmy",
            "decimal_mark": self.mark,
            "positive_is": "out" if self.signs in ("reversed", "columns") else "in",
            "encoding": self.encoding,
            "mapping": mapping,
        }

    def _day(self, day: date) -> str:
        months = LANGUAGES[self.language].months.split()
        return self.date_format.format(
            y=f"{day.year:04}", yy=f"{day.year % 100:02}", m=f"{day.month:02}", d=f"{day.day:02}",
            name=months[day.month - 1],
        )  # fmt: skip

    def _money(self, amount: Decimal) -> list[str]:  # noqa: PLR0911 - one return a way of writing
        size, is_out = self._number(abs(amount)), amount < 0
        match self.signs:
            case "columns":
                return [size, ""] if is_out else ["", size]
            case "flag":
                return [size, "D" if is_out else "C"]
            case "suffix":
                return [f"{size} {'DR' if is_out else 'CR'}"]
            case "reversed":
                return [size if is_out else f"-{size}"]
            case "trailing":
                return [f"{size}-" if is_out else size]
            case "parentheses":
                return [f"({size})" if is_out else size]
            case "u2212" if self.encoding in (*UNICODE, "gb18030"):
                return [f"\u2212{size}" if is_out else size]
        return [f"-{size}" if is_out else size]

    def _number(self, size: Decimal) -> str:
        whole, _, cents = f"{size:,.2f}".partition(".")
        group = self.group
        try:
            group.encode(self.encoding)
        except UnicodeEncodeError:
            group = " "
        return whole.replace(",", group) + self.mark + cents


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    language = draw(st.sampled_from(sorted(LANGUAGES)))
    mark = draw(st.sampled_from(sorted(GROUPS)))
    named = [form for form in DATES if "{name}" not in form or LANGUAGES[language].months[0] != "1"]
    return Dialect(
        language=language,
        encoding=draw(st.sampled_from((*UNICODE, *LANGUAGES[language].encodings))),
        delimiter=draw(st.sampled_from([",", ";", "\t", "|", "^", "~"])),
        quote=draw(st.sampled_from(['"', "'"])),
        end=draw(st.sampled_from(["\n", "\r\n"])),
        date_format=draw(st.sampled_from(named)),
        mark=mark,
        group=draw(st.sampled_from(GROUPS[mark])),
        signs=draw(st.sampled_from(SIGNS)),
        preamble=draw(st.integers(0, len(PREAMBLES) - 1)),
        has_balance=draw(st.booleans()),
        is_newest_first=draw(st.booleans()),
    )


# What makes delimited text hard, beside a word; every encoding has it.
HARD = ("", ", Ltd", "; 5", " | x", ' "A"', " 'b'", " & Co", " 01/02", " 1,50", "~", "^2")


@st.composite
def entries(draw: st.DrawFn, dialect: Dialect, last: date = date(2060, 12, 31)) -> list[Entry]:
    """Transactions in the order of their days, described in the dialect's language."""
    words = LANGUAGES[dialect.language].words.split()
    text = st.builds(
        lambda some, hard: " ".join(some) + hard,
        st.lists(st.sampled_from(words), min_size=1, max_size=3),
        st.sampled_from(HARD),
    )
    amount = st.integers(-(10**8), 10**8).filter(bool).map(lambda minor: Decimal(minor) / 100)
    # Two-digit years are of one century.
    days = st.dates(date(1980, 1, 1), last) if draw(st.booleans()) else _one_year(draw, last.year)
    found = draw(st.lists(st.tuples(days, amount, text), min_size=1, max_size=12))
    if dialect.signs == "reversed" and sum(amount < 0 for _, amount, _ in found) * 2 <= len(found):
        # Where money out is positive, most is money out: as many minuses would be a bank's usual convention.
        found = [(day, -abs(amount), text) for day, amount, text in found]
    return sorted(found, key=lambda entry: entry[0])


def _one_year(draw: st.DrawFn, last: int) -> st.SearchStrategy[date]:
    year = draw(st.integers(2000, min(last, 2030)))
    return st.dates(date(year, 1, 1), date(year, 12, 31))
