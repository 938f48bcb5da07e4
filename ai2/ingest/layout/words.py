"""The words that banks head their columns with, by what the column is; lower case, without accents.

From the layouts of some 115 banks and from CLDR's words; languages: English, German, French, Dutch, Spanish,
Italian, Portuguese, Czech, Slovak, Polish, Hungarian, Swedish, Danish, Norwegian, Finnish, and the usual words of
Japanese and Chinese banks. The first words of a role are the strongest. A header is a hint only: the cells have to
agree.
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
    TRANSACTION_DATE = "transaction_date"
    AMOUNT = "amount"
    DEBIT = "debit"
    CREDIT = "credit"
    FLAG = "flag"
    CURRENCY = "currency"
    FEE = "fee"
    BALANCE = "balance"
    DESCRIPTION = "description"
    MERCHANT = "merchant"
    TYPE = "type"
    STATUS = "status"
    REFERENCE = "reference"
    PROVIDER_ID = "provider_id"
    PENDING_ID = "pending_id"
    COUNTERPARTY = "counterparty"
    MCC = "mcc"
    CATEGORY = "category"
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
    datum verrekening|completed date|bokforing|bokforingsdatum reskontradag|bogforingsdag|reskontradatum|kirjauspvm|
    data contabil|
    fecha de contabilizacion|f contable|data ksieg|data zaksiegowania|datum zauctovani transakce|datum odepsani|
    boekdatum transactie|date d ecriture|date ecriture|date de compte|settlement date|settled date|cleared date|
    calendar date|date entered|clearing date|date completed|date comptabilisation|data rozliczenia|
    posted transactions date|datum splatnosti|дата платежа|記帳日|入账日期|记账日期""",
    """date|datum|fecha|data|dato|pvm|paivamaara|paivays|datum transakce|dia|日付|取引日|年月日|お取引日|勘定日|日期|
    交易日期|交易日|交易时间|дата|дата операции""",
    """transaction date|trans date|transactiedatum|date of transaction|transaktionsdatum|date operation|
    date de l operation|date d operation|date transaction|uitvoeringsdatum|datum verrichting|datum provedeni|
    data operacji|data transakcji|tranzakcio datuma|tranzakcio ideje|data operazione|data operacao|
    data do movimento|data movimento|handelsdatum|umsatzdatum|belegdatum|kaufdatum|dato for handel|purchase date|
    created|created on|created at|started date|time|timestamp|date time|datetime|execution date|effective date|
    fecha de la operacion|ostopaiva|abschlussdatum|datum realizace|transaction date time|
    authorisation date|authorization date|datum uskutecneni|datum platby|data da operacao|data transazione|
    data effettuazione|datum transactie|kjopsdato|kobsdato|inkopsdatum|kopdatum|transaktionsdato|maksupaiva|
    tapahtumapaiva|tran date|txn date|利用日|ご利用日|ご利用年月日""",
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
        erteknap|valutadag|rentedato|valuteringsdag|arvopaiva|interest date|f de valor|fecha de valor|fecha val|
        valor data|data de valor|data wartosci|datum pripsani|valutadato|arvopvm|wertstellungsdatum|起算日""",
    Role.TRANSACTION_DATE: "",
    Role.AMOUNT: """amount|betrag|umsatz|montant|bedrag|importe|importo|valor|castka|suma|kwota|osszeg|belopp|belob|
        belop|maara|summa|value|transaction amount|net amount|netto|neto|amount in account currency|billing amount|
        billed amount|sum|buchungsbetrag|kontobetrag|montant de l operation|importe eur|monto|cantidad|
        importo eur|ammontare|quantia|valor mov|zauctovana castka|zauctovana suma|objem|tranzakcio osszege|
        kwota operacji|kwota transakcji|belob i dkk|beloeb|net|total|kwota w walucie rachunku|inkomsten uitgaven|
        suma operacji|movimento|amount account currency|paid amount|gross amount|bedrag eur|belob dkk|belop nok|
        belopp sek|maara eur|valor eur|montante|importe operacion|importe de la operacion|transactiebedrag|
        betrag in eur|umsatz in eur|kwota pln|castka czk|castka v mene uctu|objem v mene uctu|transaktionsbelopp|
        金額|取引金額|お取引金額|利用金額|ご利用金額|金额|交易金额|发生额|сумма платежа|сумма|сумма операции""",
    Role.DEBIT: """debit|debits|debit amount|withdrawal|withdrawals|withdrawal amount|withdrawal amt|debit amt|
        dr amount|money out|paid out|withdrawn|out|outflow|
        outgoing|payments|spent|charge|charges|soll|belastung|lastschrift|ausgabe|ausgaben|ausgang|debet|af|uit|
        uitgaven|sortie|depense|depenses|retrait|cargo|cargos|debito|gasto|salida|uscite|uscita|dare|addebito|
        addebiti|saida|saidas|vydaje|vydaj|odchozi|obciazenia|obciazenie|wydatki|terheles|kiadas|uttag|utgift|
        utgifter|ud|ut fra konto|ut|debetbelopp|otto|veloitus|debits amount|expense|expenses|dr|soll betrag|
        belastungen|lastschriften|debit eur|debet bedrag|bedrag af|debits eur|montant debit|debito eur|importe cargo|
        debe|importe debe|pagos|disposiciones|cargo eur|importo dare|importo addebito|addebiti eur|valor debito|
        movimento debito|wydatek|obciazenia na rachunku|kwota obciazenia|wn|odeslano|castka debet|ut belop|belop ut|
        debetbelop|utbetaling|utbetalning|udbetaling|haevet|belob ud|otot|menot|maksut|
        お支払金額|支払金額|支払い金額|出金|出金額|出金金額|お引出し|お引き出し|引出金額|支出|支出金额|借方金额|借方|借方发生额|расход|
        дебет""",
    Role.CREDIT: """credit|credits|credit amount|deposit|deposits|deposit amount|deposit amt|credit amt|cr amount|
        money in|paid in|in|inflow|incoming|
        received|haben|gutschrift|einnahme|einnahmen|eingang|bij|inkomsten|entree|recette|recettes|depot|abono|
        abonos|credito|ingreso|ingresos|entrada|entradas|entrate|entrata|avere|accredito|accrediti|prijmy|prijem|
        prichozi|uznania|uznanie|wplywy|jovairas|bevetel|insattning|inkomst|inkomster|ind|inn pa konto|inn|
        kreditbelopp|pano|hyvitys|income|cr|haben betrag|gutschriften|credit eur|credit bedrag|bedrag bij|
        credits eur|montant credit|credito eur|importe abono|haber|importe haber|cobros|imposiciones|abono eur|
        importo avere|importo accredito|accrediti eur|valor credito|movimento credito|wplyw|uznania na rachunku|
        kwota uznania|ma|prijato|castka kredit|inn belop|belop inn|kreditbelop|innbetaling|inbetalning|indbetaling|
        indsat|belob ind|panot|tulot|
        お預り金額|預かり金額|預入金額|入金|入金額|入金金額|お預入れ|お預け入れ|収入|收入|收入金额|存入|贷方金额|贷方|贷方发生额|приход|
        кредит""",
    Role.FLAG: """d c|c d|dc|cd|dr cr|cr dr|d k|debit credit|credit debit|debit kredit|debet credit|creditdebet|
        credit debet|debitcredit|debito credito|soll haben|s h|af bij|bij af|in out|inflow outflow|direction|
        indicator|credit debit indicator|debit credit indicator|sens|bevetel kiadas|type|transaction type|typ|
        smer|segno|signo|sign|vorzeichen|signe|teken|fortegn|tecken|etumerkki|znamenko|znak|side|umsatzrichtung|
        add substract|signum|transactietype|tipo|transaktionstyp|wn ma|
        d h|debe haber|cargo abono|dare avere|debito credito d c|ind ud|inn ut|in uit|in ut|pano otto|debet kredit|
        kredit debet|soll haben kennzeichen|sollhaben|haben soll|obciazenie uznanie|rodzaj ksiegowania|
        druh pohybu|bij of af|af of bij|mouvement|dr or cr|credit or debit|收支|收/支|借贷标志|入出金|sh|soll/haben""",
    Role.CURRENCY: """currency|currency code|ccy|cur|curr|wahrung|waehrung|kontowahrung|buchungswahrung|devise|
        monnaie|munt|valuta|valutacode|valuta rekening|moneda|divisa|moeda|mena|waluta|waluta rachunku|devizanem|
        devizaneme|tranzakcio devizaneme|valuta kode|valuutta|account currency|munteenheid|mena uctu|
        billing currency|valutakode|valutaslag|valuta konta|mena transakce|moneda cuenta|divisa cuenta|wal|
        通貨|币种|货币|валюта""",
    Role.FEE: """fee|fees|total fees|fee amount|transaction fee|gebuhr|gebuhren|entgelt|entgelte|commission|frais|
        comision|comisiones|commissione|commissioni|tariffa|comissao|taxa|kosten|poplatek|oplata|prowizja|dij|avgift|
        gebyr|palvelumaksu|手数料|手续费|комиссия""",
    Role.BALANCE: """balance|running balance|balance after|account balance|closing balance|available balance|
        ledger balance|saldo|kontostand|saldo nach buchung|saldo na trn|saldo na mutatie|solde|saldo contabile|
        saldo disponibile|zustatek|zostatok|stan konta|saldo po operacji|saldo po transakcji|egyenleg|saldo efter|
        bokfort saldo|saldo efter transaktion|new balance|end balance|balance eur|saldo final|saldo eur|kontosaldo|
        saldo in eur|solde eur|solde apres operation|saldo despues|saldo progressivo|saldo contabilistico|
        saldo apos movimento|zustatek po transakci|zustatek na uctu|saldo etter|saldo etter transaksjon|tilin saldo|
        saldo tapahtuman jalkeen|saldo ksiegowe|saldo rachunku|running total|bal|running bal|
        runningbalance|outstanding balance|disponible|
        残高|差引残高|お取引後残高|余额|账户余额|帐户余额|остаток""",
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
        polozka|libelle de l operation|libelle complet|nature de l operation|descripcion operacion|mas datos|
        descrizione estesa|descricao do movimento|descricao da operacao|tytul operacji|opis transakcji tytul|
        popis operace|popis prikazce|zprava pro prijemce a platce|tapahtuma|selitys|bokforingstext|tekstfelt|
        buchungstext verwendungszweck|
        摘要|お取引内容|取引内容|内容|適用|利用店名|ご利用店名|备注|交易摘要|交易说明|описание|назначение платежа""",
    Role.MERCHANT: """merchant|merchant name|payee|payee name|counterparty name|beneficiary|beneficiary name|
        recipient|vendor|supplier|empfanger|zahlungsempfanger|auftraggeber empfanger|
        beguenstigter zahlungspflichtiger|beguenstigter|begunstigter|auftraggeber|auftraggeber begunstigter|
        auftraggeber zahlungsempfanger|
        name zahlungsbeteiligter|handler|beneficiaire|tiers|commercant|naam tegenpartij|naam van de tegenpartij|
        tegenpartij naam|tegenrekeninghouder|handelaar|comercio|beneficiario|establecimiento|controparte|
        esercente|ordinante beneficiario|nazev protiuctu|nazov protiuctu|nazev protistrany|prijemce|
        nadawca odbiorca|nazwa odbiorcy|kontrahent|odbiorca|partner neve|partner|mottagare|modtager|mottaker|
        saaja maksaja|saaja|maksaja|merchant payee|counteraccount name|paid to|company|shop|originator|name|nom|
        naam|namn|navn|nazev|nome|counterparty|counter party|tegenpartij|
        zahlungspflichtiger|zahlungspflichtige r|zahlungsempfanger in|zahlungsempfanger|empfanger auftraggeber|
        name zahlungspartner|partnername|partner name|nom contrepartie|contrepartie|nombre beneficiario|ordenante|
        beneficiario ordenante|nome controparte|nome beneficiario|beneficiario destinatario|nazwa kontrahenta|
        nadawca|nazev protiuctu nazev|modtager afsender|saajan nimi|maksajan nimi|mottaker avsender|avsandare|
        お取引先|取引先|対方户名|对方户名|交易对方|对方名称|контрагент""",
    Role.TYPE: """type|transaction type|typ transakce|typ transakcji|tranzakcio tipusa|umsatzart|buchungsart|
        transaktionstyp|mutatiesoort|mutatie soort|type verrichting|betaalwijze|type operation|tipo|
        tipo movimiento|tipo operazione|transaktionstyp|transaksjonstype|kategorie transakce|code omschrijving|
        tapahtumalaji|type of transaction|geschaftsvorfall|mutatiecode|categorie operation|
        tipo de operacion|tipo de movimento|druh transakce|rodzaj operacji|rodzaj transakcji|posteringstype|
        transaksjonskode|laji|取引区分|取引種別|交易类型""",
    Role.STATUS: """status|state|transaction status|buchungsstatus|statut|estado|stato|stav|stan|tila|uitgavenstaat|
        info|booking status|status transakcji|zustand|statut de l operation|estado operacion|estado movimiento|
        stato operazione|stato movimento|situacao|stav transakce|stav platby|posteringsstatus|tapahtuman tila|
        状態|状态|交易状态|статус""",
    Role.REFERENCE: """reference|reference number|ref|ref no|reference no|bank reference|payment reference|
        customer reference|kundenreferenz|referenz|reference client|kenmerk|betalingskenmerk|referencia|
        riferimento|referencni cislo transakce|referencni cislo|numer referencyjny|referens|reference platby|
        cheque number|check number|cheque no|end to end reference|end to end id|buchungsreferenz|viite|viitenumero""",
    Role.PROVIDER_ID: """transaction id|id|transaction reference number|unique id|fitid|transactionid|id transakce|
        id pohybu|transaktions nr|transaktions id|transactiereferentie|id operazione|entry id|record id|
        transaction reference|transactie id|id operacji|tranzakcio azonosito|arkiveringsid|arkistointitunnus|uuid|
        guid""",
    Role.PENDING_ID: """pending transaction id|pending id|authorisation id|authorization id|reservation id|hold id|
        pending reference|reservierungs id""",
    Role.COUNTERPARTY: """counterparty account|counterparty account number|counterparty iban|counter account|
        contra account|contra account number|other account|payee account|payee account number|beneficiary account|
        beneficiary iban|recipient account|recipient iban|account number of payee|to account|from to account|
        iban counterparty|partner iban|partner account|gegenkonto|gegenkonto iban|iban zahlungsbeteiligter|
        kontonummer iban|kontonummer iban zahlungsbeteiligter|iban zahlungspflichtiger|iban begunstigter|
        iban zahlungsempfanger|iban empfanger|kontonummer empfanger|konto des zahlungspartners|konto empfanger|
        empfangerkonto|tegenrekening|tegenrekening iban bban|rekening tegenpartij|rekeningnummer tegenpartij|
        iban tegenpartij|iban tegenrekening|naar rekening|compte contrepartie|iban contrepartie|
        compte beneficiaire|iban beneficiaire|numero de compte contrepartie|cuenta destino|cuenta contraria|
        cuenta beneficiario|iban beneficiario|cuenta contrapartida|conto controparte|iban controparte|
        conto beneficiario|conta destino|conta contraparte|iban destino|nib destino|protiucet|cislo protiuctu|
        protistrana cislo uctu|ucet protistrany|cislo uctu protistrany|protiucet a kod banky|cislo protiuctu iban|
        numer rachunku kontrahenta|rachunek kontrahenta|rachunek przeciwstawny|konto kontrahenta|numer konta|
        nr rachunku|rachunek odbiorcy|rachunek nadawcy|partner szamlaszama|ellenszamla|partner bankszamla|motkonto|
        mottagarkonto|till konto|modkonto|modtagers konto|til kontonummer|til konto|fra konto|mottakerkonto|
        motpartens konto|saajan tilinumero|saajan tili|vastatili|vastapuolen tili|maksajan tilinumero|
        saajan tilinumero ja pankin bic|对方账号|对方帐号|相手口座""",
    Role.MCC: """mcc|merchant category code|merchant code mcc|mcc code|sic code|merchant category code mcc""",
    Role.CATEGORY: """category|category name|transaction category|spending category|expense category|budget category|
        full category|category path|kategorie|hauptkategorie|kategoriename|kategorie name|ausgabenkategorie|categorie|
        categorie de depense|nom de la categorie|categoria|categoria de gasto|categoria di spesa|categoria da despesa|
        kategoria|kategoria platby|nazwa kategorii|kategoria wydatku|kategori|utgiftskategori|kategoria neve|luokka|
        kategoriat|カテゴリ|カテゴリー|費目|大項目|分類|类别|分类|交易分类|категория""",
    Role.ACCOUNT: """account|account number|account no|iban|own account|own iban|kontonummer auftraggeber|
        eigenes konto|bankverbindung|mijn rekening|compte iban|mi cuenta|il mio conto|moj rachunek|muj ucet|eget konto|
        auftragskonto|konto|kontonummer|iban auftraggeberkonto|
        rekening|rekeningnummer|iban bban|cuenta|compte|conto|numero conto|cislo uctu|numer rachunku|szamlaszam|
        kredietkaart|card number|kartennummer|cardnumber""",
}


# Greek, Cyrillic, Japanese, Chinese and Korean letters; their accents fall away as those of Latin letters do.
_LETTERS = "\u0370-\u03ff\u0400-\u052f\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff\uac00-\ud7af"
_OTHER_SCRIPTS = re.compile(f"[{_LETTERS}]")
_SEPARATORS = re.compile(rf"[^0-9a-z+\-{_LETTERS}]|(?<=\w)-|-(?=\w)")


def plain(text: str) -> str:
    """Lower case, without accents or signs, one space between words: `Betrag (EUR)` is `betrag eur`."""
    return _remembered(text) if len(text) <= LONGEST_HEADER else _plain(text)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold().translate({0xF8: "o", 0x142: "l", 0x111: "d"}))
    if not folded.isascii():
        folded = "".join(sign for sign in folded if sign.isascii() or _OTHER_SCRIPTS.match(sign))
    return " ".join(_SEPARATORS.sub(" ", folded).split())


_remembered = lru_cache(4096)(_plain)


def _split(text: str) -> tuple[str, ...]:
    return tuple(phrase if phrase.isascii() else plain(phrase) for phrase in _phrases(text))


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split("|")]


PHRASES: dict[Role, tuple[str, ...]] = {role: _split(text) for role, text in _PHRASES.items()}
DATE_PHRASES = tuple(map(_split, DATES_BY_RANK))
KNOWN = frozenset(phrase for phrases in (*PHRASES.values(), *DATE_PHRASES) for phrase in phrases)
# Each phrase's place among its role's, the strongest first.
_PLACES = {
    role: {phrase: place for place, phrase in reversed([*enumerate(phrases)])} for role, phrases in PHRASES.items()
}
_DATE_PLACES = tuple({phrase: place for place, phrase in reversed([*enumerate(phrases)])} for phrases in DATE_PHRASES)
_MOST_WORDS = max(len(phrase.split()) for phrase in KNOWN)

# What a column of flags says; +1 money in, -1 money out.
FLAGS: dict[str, int] = {
    **dict.fromkeys(
        _split(
            """c|cr|credit|kredit|credito|h|haben|k|bij|i|in|inflow|income|incoming|deposit|entrata|avere|entrada|
            ingreso|bevetel|gutschrift|prijem|uznanie|inkomst|+|creditor|topup|eingang|einnahme|abono|haber|ma|inn|
            ind|pano|accredito|entree|recette|ontvangst|ontvangen|credito c|received|money in|paid in|cred|prichozi|
            wplyw|indbetaling|innbetaling|inbetalning|insattning|hyvitys|tulo|入金|收入|收|贷|贷方|収入"""
        ),
        1,
    ),
    **dict.fromkeys(
        _split(
            """d|dr|db|dbt|debit|debet|debito|s|soll|af|o|out|outflow|expense|outgoing|withdrawal|uscita|dare|saida|
            gasto|kiadas|belastung|lastschrift|vydaj|obciazenie|utgift|-|charge|spend|debtor|ausgang|ausgabe|cargo|
            debe|wn|ut|ud|otto|addebito|sortie|depense|uitgave|uit|sent|money out|paid out|deb|odchozi|wydatek|
            udbetaling|utbetaling|utbetalning|uttag|veloitus|meno|出金|支出|支|借|借方"""
        ),
        -1,
    ),
}
# Marks that need no header to be understood.
PLAIN_FLAGS = frozenset(
    _split(
        """cr|dr|credit|debit|kredit|debet|haben|soll|af|bij|in|out|inflow|outflow|gutschrift|lastschrift|belastung|
        credito|debito|abono|cargo|addebito|accredito|dare|avere|uznanie|obciazenie"""
    )
)

PENDING = frozenset(
    _split(
        """pending|vorgemerkt|umsatz vorgemerkt|in process|processing|reserviert|reserved|en attente|in behandeling|
    gereserveerd|pendiente|in sospeso|non contabilizzato|cekajici|blokace|oczekujace|reserverad|vantande|afventer|
    reservert|varaus|authorised|authorized|authorisation|awaiting|hold|on hold|in bearbeitung|nicht gebucht|
    fuggoben|pendente|pending authorisation|pending authorization|not posted|unposted|not settled|uncleared|
    noch nicht gebucht|unverbucht|reservierung|offen|a venir|en cours|en cours de traitement|non comptabilise|
    in afwachting|nog niet geboekt|gereserveerd bedrag|reservering|pendiente de contabilizar|en proceso|retenido|
    retencion|in attesa|da contabilizzare|non contabilizzata|in lavorazione|cativo|em processamento|por liquidar|
    ceka na zauctovani|nezauctovano|blokovano|rezervace|zpracovava se|w trakcie|w realizacji|blokada|nierozliczona|
    nierozliczone|nieksiegowana|vantar|preliminar|preliminart|reserverat|kommande|ej bokford|reserveret|venter|
    under behandling|ikke bokfort|ikke bogfort|katevaraus|odottaa|vireilla|avoin|erdr|pdng|
    未確定|未入账|待处理|処理中|处理中"""
    )
)
NOT_BOOKED = frozenset(
    _split(
        """declined|failed|reverted|cancelled|canceled|rejected|abgelehnt|storniert|refuse|geweigerd|rechazada|
    rifiutato|zamitnuto|odrzucona|nekad|afvist|void|voided|expired|reversed|annule|annulee|rejete|rejetee|geannuleerd|
    cancelada|cancelado|anulada|rechazado|annullato|rifiutata|annullata|rejeitado|zruseno|anulowana|odrzucone|
    avbruten|makulerad|annulleret|avvist|hylatty|peruttu|fehlgeschlagen|mislukt|fallida|denied|refused|blocked|
    verweigert|zuruckgewiesen|refusee|echouee|echoue|denegada|denegado|rechazado|negata|negado|recusada|
    recusado|respinta|respinto|odmitnuto|odrzucony|nieudana|misslyckad|misslyckades|slettet|mislykket|
    交易关闭|已关闭|失败"""
    )
)
# What heads the rows that are booked, where another heading says that the rows below it are not.
BOOKED = frozenset(
    _split(
        """posted|booked|completed|settled|cleared|gebucht|gebuchte|verbucht|verbuchte|comptabilise|comptabilisees|
    passees|geboekt|geboekte|contabilizado|contabilizados|contabilizzati|contabilizzato|contabilizzate|contabilizadas|
    zauctovane|zauctovano|ksiegowane|zaksiegowane|rozliczone|bokforda|bokfort|bokforte|bogfort|bogforte|kirjatut|
    kirjattu|
    historico|historique"""
    )
)
# What stands beside those words where they head a section of rows.
SECTION_NOUNS = frozenset(
    _split(
        """transactions|transaction|payments|items|entries|card|account|umsatze|umsatz|transaktionen|buchungen|noch|
        nicht|
    operations|operation|mouvements|les|movimientos|operaciones|transacciones|movimenti|operazioni|transazioni|
    movimentos|transacoes|operacoes|platby|transakce|pohyby|operacje|transakcje|poster|posteringer|transaksjoner|
    transaktioner|kop|tapahtumat|mutaties|transacties|boekingen|afschrijvingen|belopp|list|still|not|yet|and"""
    )
)
PENDING_SECTIONS = PENDING | frozenset(
    _split(
        """vorgemerkte|katevaraukset|varaukset|odottavat|blokady|oczekujace|reservierungen|reserveringen|retenciones|
    pendientes|cativos|pendentes|rezervace|blokace|cekajici|reservasjoner|reservationer|reserveringar|reserverade|
    vantande|kommende|ventende|reserverte|in sospeso|en attente|a venir|geplande|unposted|upcoming"""
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
    ingaende saldo|utgaende saldo|available balance|ledger balance|current balance|previous balance|
    balance forward|saldovortrag|ubertrag|saldo vortrag|zwischensumme|ancien solde crediteur|
    solde precedent|vorig saldo|nieuw saldo|saldo apertura|saldo inicial disponible|saldo precedente|
    saldo inicial do periodo|saldo do dia|pocatecni stav|konecny stav|zustatek|bilans otwarcia|bilans zamkniecia|
    primosaldo|ultimosaldo|inngaende saldo|alkusaldo|loppusaldo|yhteensa|totale|totali|totales|totaux|celkem|razem|
    suma obrotow|i alt|sum|summa|前月繰越|繰越|合計|合计"""
    )
)


# What some headers call a currency, and what joins it to the other words: `Débit euros`, `Gutschrift in CHF`.
_CURRENCY_NAMES = {"euro": "EUR", "euros": "EUR", "euroa": "EUR"}
# A sign of a currency in brackets, and whose time a date is in: `Crédito (R$)`, `出金金額(円)`, `Created (UTC)`.
_SIGN = re.compile(r"[(（\[][A-Z]{0,3}(?:[$€£¥₹円元]|Ft|Kč|zł)[)）\]]")
_ZONES = frozenset({"utc", "gmt"})
_JOINING = frozenset({"in", "en", "im", "i", "w", "v", "em"})


def currency_of(header: str) -> str | None:
    """The currency that a header names beside other words: `Betrag (EUR)`, `Amount CZK`, `amount_gbp`."""
    words: list[str] = re.findall(r"[A-Za-z]+", header)
    for word in words[1:]:
        if word.lower() in _CURRENCY_NAMES:
            return _CURRENCY_NAMES[word.lower()]
        if word.upper() in CURRENCIES and (word.isupper() or word is words[-1]):
            return word.upper()
    return None


def without_currency(header: str) -> str:
    """The header's plain words without the currency and without a closing number."""
    code = currency_of(header)
    words = plain(_SIGN.sub(" ", header)).split()
    words = [word for word in words if word not in _ZONES] or words
    named = [word for word in words if word.upper() == code or _CURRENCY_NAMES.get(word, "") == code]
    words = [word for word in words if word not in named]
    # Omschrijving-1, Omschrijving-2; Gutschrift in CHF
    while len(words) > 1 and (words[-1].strip("-+").isdigit() or (named and words[-1] in _JOINING)):
        words.pop()
    return " ".join(words)


def rank(header: str, role: Role) -> int:
    """How well a header fits a role: 100 and more for its very words, 10 and more for words in it, 0 not at all."""
    words = _telling(header) if len(header) <= LONGEST_HEADER else ""
    if not words:
        return 0
    if role is Role.DATE:
        return _date_rank(words)
    return _phrase_rank(words, _PLACES[role])


def _date_rank(words: str) -> int:
    for place, phrases in enumerate(_DATE_PLACES):
        if words in phrases:
            return 130 - place * 10
    if words in _PLACES[Role.VALUE_DATE]:
        return 100
    for place, phrases in enumerate(_DATE_PLACES):
        if _phrase_rank(words, phrases):
            return 40 - place * 10
    return 0


def _phrase_rank(words: str, phrases: dict[str, int]) -> int:
    """By the phrase that the words are, else by the longest among them."""
    if words in phrases:
        return 130 - 30 * phrases[words] // len(phrases)
    inside = [len(sequence) for sequence in _sequences(words) if sequence in phrases]
    return 10 + min(30, max(inside)) if inside else 0


@lru_cache(4096)
def _telling(header: str) -> str:
    """The header's plain words, or nothing where no role knows any of them: so it is with most cells of a file."""
    words = without_currency(header)
    return words if words in KNOWN or not KNOWN.isdisjoint(_sequences(words)) else ""


@lru_cache(4096)
def _sequences(words: str) -> tuple[str, ...]:
    """Every run of words that could be a phrase."""
    parts = words.split()
    return tuple(
        sequence
        for start in range(len(parts))
        for end in range(start + 1, min(start + _MOST_WORDS, len(parts)) + 1)
        if len(sequence := " ".join(parts[start:end])) > 2
    )
