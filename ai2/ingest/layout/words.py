"""The words that banks head their columns with, by what the column is; lower case, without accents.

From the layouts of some 115 banks and from CLDR's words; languages: English, German, French, Dutch, Spanish,
Italian, Portuguese, Czech, Slovak, Polish, Hungarian, Swedish, Danish, Norwegian, Finnish. The first words of a
role are the strongest. A header is a hint only: the cells have to agree.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from iso4217 import Currency


class Role(StrEnum):
    """What a column is. Columns without a role stay with the transaction as attributes."""

    DATE = "date"
    VALUE_DATE = "value_date"
    AMOUNT = "amount"
    DEBIT = "debit"
    CREDIT = "credit"
    FLAG = "flag"
    CURRENCY = "currency"
    BALANCE = "balance"
    DESCRIPTION = "description"
    MERCHANT = "merchant"
    TYPE = "type"
    STATUS = "status"
    REFERENCE = "reference"
    PROVIDER_ID = "provider_id"
    MCC = "mcc"
    ACCOUNT = "account"


CURRENCIES = frozenset(str(currency.code) for currency in Currency if currency.exponent is not None)

LONGEST_HEADER = 100

# Booking before transaction date: the bank's calendar decides (a value date only where there is no other).
DATES_BY_RANK = (
    """booking date|date booked|booked|posting date|posted date|post date|date posted|posted|date processed|
    processed|buchungstag|buchungsdatum|buchung|date comptable|date de comptabilisation|boekdatum|boekingsdatum|
    fecha contable|fecha operacion|fecha de operacion|data contabile|data registrazione|datum zauctovani|
    datum zauctovania|data ksiegowania|konyveles datuma|konyvelesi datum|bokforingsdag|bokforingsdatum|bogfort|
    bogforingsdato|bokfort|bokforingsdato|kirjauspaiva|data lancamento|data de lancamento|data mov|
    datum verrekening|completed date""",
    """date|datum|fecha|data|dato|pvm|paivamaara|paivays|datum transakce|dia""",
    """transaction date|trans date|transactiedatum|date of transaction|transaktionsdatum|date operation|
    date de l operation|date d operation|date transaction|uitvoeringsdatum|datum verrichting|datum provedeni|
    data operacji|data transakcji|tranzakcio datuma|tranzakcio ideje|data operazione|data operacao|
    data do movimento|data movimento|handelsdatum|umsatzdatum|belegdatum|kaufdatum|dato for handel|purchase date|
    created|created on|created at|started date|time|timestamp|date time|datetime|execution date|effective date|
    fecha de la operacion|ostopaiva|reskontradatum|abschlussdatum|datum realizace|transaction date time""",
)
# An amount before it was changed into the account's currency, or for reference only.
ASIDE = re.compile(
    r"\b(original|orig|originalbetrag|originalwahrung|foreign|fremdwahrung|local|oorspr|oorspronkelijke?|puvodni|"
    r"devise origine|exchange|wechselkurs|koers|rate|kurs|kurz|cours|tipo de cambio|cambio|fee|fees|gebuhr|entgelt|"
    r"poplatek|kosten op|commission|tax|vat|mwst|btw|tva|iva|interest rate|source|target|tip|cashback)\b"
)

_PHRASES: dict[Role, str] = {
    Role.VALUE_DATE: """value date|valutadatum|valuta|valuta datum|wertstellung|wert|valutatag|date valeur|
        date de valeur|valeur|rentedatum|fecha valor|f valor|data valuta|data valor|datum valuty|data waluty|
        erteknap|valutadag|rentedato|valuteringsdag|arvopaiva|interest date""",
    Role.AMOUNT: """amount|betrag|umsatz|montant|bedrag|importe|importo|valor|castka|suma|kwota|osszeg|belopp|belob|
        belop|maara|summa|value|transaction amount|net amount|amount in account currency|billing amount|
        billed amount|sum|buchungsbetrag|kontobetrag|montant de l operation|importe eur|monto|cantidad|
        importo eur|ammontare|quantia|valor mov|zauctovana castka|zauctovana suma|objem|tranzakcio osszege|
        kwota operacji|kwota transakcji|belob i dkk|beloeb|net|total|kwota w walucie rachunku|inkomsten uitgaven|
        suma operacji|movimento|amount account currency|paid amount|gross amount""",
    Role.DEBIT: """debit|debits|debit amount|withdrawal|withdrawals|withdrawal amount|money out|paid out|out|outflow|
        outgoing|payments|spent|charge|charges|soll|belastung|lastschrift|ausgabe|ausgaben|ausgang|debet|af|uit|
        uitgaven|sortie|depense|depenses|retrait|cargo|cargos|debito|gasto|salida|uscite|uscita|dare|addebito|
        addebiti|saida|saidas|vydaje|vydaj|odchozi|obciazenia|obciazenie|wydatki|terheles|kiadas|uttag|utgift|
        utgifter|ud|ut fra konto|ut|debetbelopp|otto|veloitus|debits amount|expense|expenses|dr|soll betrag""",
    Role.CREDIT: """credit|credits|credit amount|deposit|deposits|deposit amount|money in|paid in|in|inflow|incoming|
        received|haben|gutschrift|einnahme|einnahmen|eingang|bij|inkomsten|entree|recette|recettes|depot|abono|
        abonos|credito|ingreso|ingresos|entrada|entradas|entrate|entrata|avere|accredito|accrediti|prijmy|prijem|
        prichozi|uznania|uznanie|wplywy|jovairas|bevetel|insattning|inkomst|inkomster|ind|inn pa konto|inn|
        kreditbelopp|pano|hyvitys|income|cr|haben betrag""",
    Role.FLAG: """d c|c d|dc|cd|dr cr|cr dr|d k|debit credit|credit debit|debit kredit|debet credit|creditdebet|
        credit debet|debitcredit|debito credito|soll haben|s h|af bij|bij af|in out|inflow outflow|direction|
        indicator|credit debit indicator|debit credit indicator|sens|bevetel kiadas|type|transaction type|typ|
        smer|segno|signo|side|umsatzrichtung|add substract|signum|transactietype|tipo|transaktionstyp""",
    Role.CURRENCY: """currency|currency code|ccy|cur|curr|wahrung|waehrung|kontowahrung|buchungswahrung|devise|
        monnaie|munt|valuta|valutacode|valuta rekening|moneda|divisa|moeda|mena|waluta|waluta rachunku|devizanem|
        devizaneme|tranzakcio devizaneme|valuta kode|valuutta|account currency|munteenheid|mena uctu|
        billing currency""",
    Role.BALANCE: """balance|running balance|balance after|account balance|closing balance|available balance|
        ledger balance|saldo|kontostand|saldo nach buchung|saldo na trn|saldo na mutatie|solde|saldo contabile|
        saldo disponibile|zustatek|zostatok|stan konta|saldo po operacji|saldo po transakcji|egyenleg|saldo efter|
        bokfort saldo|saldo efter transaktion|new balance|end balance|balance eur|saldo final""",
    Role.DESCRIPTION: """description|transaction description|details|detail|memo|narrative|narration|particulars|
        text|transaction details|payment details|verwendungszweck|buchungstext|beschreibung|buchungsdetails|
        details zur buchung|verwendung|libelle|libelle operation|motif|communication|omschrijving|mededelingen|
        mededeling|vrije mededeling|descripcion|concepto|observaciones|descrizione|causale|descrizione operazione|
        dettagli|descricao|historico|popis|popis transakce|zprava|zprava pro prijemce|zprava pro me|poznamka|opis|
        opis operacji|opis transakcji|tytul|tytulem|szczegoly transakcji|kozlemeny|reszletek|megjegyzes|
        meddelande|beskrivning|transaktion|rubrik|tekst|beskrivelse|forklaring|selite|viesti|message|
        message for payee|message for me|note|notes|purpose|subject|remittance information|additional information|
        reason|transaktionsbeschreibung|transaktionsbeschreibung zusatz|specification|toelichting|
        naam omschrijving|name description|movimiento|more details|transaction narrative|description details|
        communications|extra information|betreff|bezeichnung|transaction|umschreibung|buchungsinformation|item|
        polozka""",
    Role.MERCHANT: """merchant|merchant name|payee|payee name|counterparty name|beneficiary|beneficiary name|
        recipient|vendor|supplier|empfanger|zahlungsempfanger|auftraggeber empfanger|
        beguenstigter zahlungspflichtiger|beguenstigter|begunstigter|auftraggeber|auftraggeber zahlungsempfanger|
        name zahlungsbeteiligter|handler|beneficiaire|tiers|commercant|naam tegenpartij|naam van de tegenpartij|
        tegenpartij naam|tegenrekeninghouder|handelaar|comercio|beneficiario|establecimiento|controparte|
        esercente|ordinante beneficiario|nazev protiuctu|nazov protiuctu|nazev protistrany|prijemce|
        nadawca odbiorca|nazwa odbiorcy|kontrahent|odbiorca|partner neve|partner|mottagare|modtager|mottaker|
        saaja maksaja|saaja|maksaja|merchant payee|counteraccount name|paid to|company|shop|originator|name|nom|
        naam|namn|navn|nazev|nome|counterparty|counter party|tegenpartij""",
    Role.TYPE: """type|transaction type|typ transakce|typ transakcji|tranzakcio tipusa|umsatzart|buchungsart|
        transaktionstyp|mutatiesoort|mutatie soort|type verrichting|betaalwijze|type operation|tipo|
        tipo movimiento|tipo operazione|transaktionstyp|transaksjonstype|kategorie transakce|code omschrijving|
        tapahtumalaji""",
    Role.STATUS: """status|state|transaction status|buchungsstatus|statut|estado|stato|stav|stan|tila|uitgavenstaat|
        info|booking status|status transakcji|zustand""",
    Role.REFERENCE: """reference|reference number|ref|ref no|reference no|bank reference|payment reference|
        customer reference|kundenreferenz|referenz|reference client|kenmerk|betalingskenmerk|referencia|
        riferimento|referencni cislo transakce|referencni cislo|numer referencyjny|referens|reference platby|
        cheque number|check number|cheque no|end to end reference|end to end id|buchungsreferenz|viite|viitenumero""",
    Role.PROVIDER_ID: """transaction id|id|transaction reference number|unique id|fitid|transactionid|id transakce|
        id pohybu|transaktions nr|transaktions id|transactiereferentie|id operazione|entry id|record id|
        transaction reference|transactie id|id operacji|tranzakcio azonosito|arkiveringsid|arkistointitunnus|uuid|
        guid""",
    Role.MCC: """mcc|merchant category code|merchant code mcc|mcc code|sic code|merchant category code mcc""",
    Role.ACCOUNT: """account|account number|account no|iban|auftragskonto|konto|kontonummer|iban auftraggeberkonto|
        rekening|rekeningnummer|iban bban|cuenta|compte|conto|numero conto|cislo uctu|numer rachunku|szamlaszam|
        kredietkaart|card number|kartennummer|cardnumber""",
}


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


PHRASES: dict[Role, tuple[str, ...]] = {role: _split(text) for role, text in _PHRASES.items()}
DATE_PHRASES = tuple(map(_split, DATES_BY_RANK))
KNOWN = frozenset(phrase for phrases in (*PHRASES.values(), *DATE_PHRASES) for phrase in phrases)

# What a column of flags says; +1 money in, -1 money out.
FLAGS: dict[str, int] = {
    **dict.fromkeys(
        _split(
            """c|cr|credit|kredit|credito|h|haben|k|bij|i|in|inflow|income|incoming|deposit|entrata|avere|entrada|
            ingreso|bevetel|gutschrift|prijem|uznanie|inkomst|+|creditor|topup"""
        ),
        1,
    ),
    **dict.fromkeys(
        _split(
            """d|dr|db|dbt|debit|debet|debito|s|soll|af|o|out|outflow|expense|outgoing|withdrawal|uscita|dare|saida|
            gasto|kiadas|belastung|lastschrift|vydaj|obciazenie|utgift|-|charge|spend|debtor"""
        ),
        -1,
    ),
}
# Marks that need no header to be understood.
PLAIN_FLAGS = frozenset(_split("cr|dr|credit|debit|kredit|debet|haben|soll|af|bij|in|out|inflow|outflow"))

PENDING = frozenset(
    _split(
        """pending|vorgemerkt|umsatz vorgemerkt|in process|processing|reserviert|reserved|en attente|in behandeling|
    gereserveerd|pendiente|in sospeso|non contabilizzato|cekajici|blokace|oczekujace|reserverad|vantande|afventer|
    reservert|varaus|authorised|authorized|authorisation|awaiting|hold|on hold|in bearbeitung|nicht gebucht|
    fuggoben|pendente"""
    )
)
NOT_BOOKED = frozenset(
    _split(
        """declined|failed|reverted|cancelled|canceled|rejected|abgelehnt|storniert|refuse|geweigerd|rechazada|
    rifiutato|zamitnuto|odrzucona|nekad|afvist"""
    )
)
# A line that sums up others: never a transaction of its own.
SUMMARIES = frozenset(
    _split(
        """opening balance|closing balance|balance brought forward|balance carried forward|brought forward|
    carried forward|turnover|starting balance|ending balance|beginning balance|total|totals|grand total|subtotal|
    anfangssaldo|endsaldo|alter kontostand|neuer kontostand|kontostand|summe|gesamt|solde initial|solde final|
    ancien solde|nouveau solde|beginsaldo|eindsaldo|totaal|saldo inicial|saldo final|saldo anterior|saldo iniziale|
    saldo finale|saldo contabile|pocatecni zustatek|konecny zustatek|saldo poczatkowe|saldo koncowe|
    ingaende saldo|utgaende saldo|available balance|ledger balance|current balance"""
    )
)


def plain(text: str) -> str:
    """Lower case, without accents or signs, one space between words: `Betrag (EUR)` is `betrag eur`."""
    return _remembered(text) if len(text) <= LONGEST_HEADER else _plain(text)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold().translate({0xF8: "o", 0x142: "l", 0x111: "d"}))
    words = re.sub(r"[^0-9a-z+\-]|(?<=\w)-|-(?=\w)", " ", folded.encode("ascii", "ignore").decode())
    return " ".join(words.split())


_remembered = lru_cache(4096)(_plain)


def currency_of(header: str) -> str | None:
    """The currency that a header names beside other words: `Betrag (EUR)`, `Amount CZK`, `amount_gbp`."""
    words: list[str] = re.findall(r"[A-Za-z]+", header)
    for word in words[1:]:
        if word.upper() in CURRENCIES and (word.isupper() or word is words[-1]):
            return word.upper()
    return None


def without_currency(header: str) -> str:
    """The header's plain words without the currency and without a closing number."""
    code = currency_of(header)
    words = [word for word in plain(header).split() if word.upper() != code]
    while len(words) > 1 and words[-1].strip("-+").isdigit():  # Omschrijving-1, Omschrijving-2
        words.pop()
    return " ".join(words)


def rank(header: str, role: Role) -> int:
    """How well a header fits a role: 100 and more for its very words, 10 and more for words in it, 0 not at all."""
    words = without_currency(header) if len(header) <= LONGEST_HEADER else ""
    if not words:
        return 0
    if role is Role.DATE:
        return _date_rank(words)
    return _phrase_rank(words, PHRASES[role])


def _date_rank(words: str) -> int:
    for place, phrases in enumerate(DATE_PHRASES):
        if words in phrases:
            return 130 - place * 10
    if words in PHRASES[Role.VALUE_DATE]:
        return 100
    for place, phrases in enumerate(DATE_PHRASES):
        if _phrase_rank(words, phrases):
            return 40 - place * 10
    return 0


def _phrase_rank(words: str, phrases: tuple[str, ...]) -> int:
    if words in phrases:
        return 130 - 30 * phrases.index(words) // len(phrases)
    padded = f" {words} "
    inside = [phrase for phrase in phrases if len(phrase) > 2 and f" {phrase} " in padded]
    return 10 + min(30, max(map(len, inside))) if inside else 0
