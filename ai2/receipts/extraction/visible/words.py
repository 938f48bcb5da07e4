"""Words that stand beside values on receipts and invoices, in eight languages, and which kind of value they tell.

English, German, French, Dutch, Spanish, Italian, Polish and Portuguese. A kind is decided by the first of its table
that fits, for `Total excl. VAT` has the words of three.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

# Label texts are short; of sentences only the end stands beside the value.
LONGEST = 70


def folded(text: str) -> str:
    """Small letters without accents, each in its place, so that a match here is one there."""
    return text.lower() if text.isascii() else "".join(_folded(sign) for sign in text)


@lru_cache(4096)
def _folded(sign: str) -> str:
    plain = unicodedata.normalize("NFKD", sign.replace("ł", "l").replace("Ł", "L").replace("ø", "o")).casefold()
    return plain[:1] or " "


def any_of(phrases: str) -> re.Pattern[str]:
    """Phrases parted by bars, of words that may be parted by signs, too; a star lets a word go on."""
    parts = [" ".join(phrase.split()) for phrase in phrases.split("|")]
    wordings = [re.escape(part).replace(r"\ ", r"[\W_]{1,3}").replace(r"\*", r"\w*") for part in parts if part]
    return re.compile(rf"(?<!\w)(?:{'|'.join(sorted(wordings, key=len, reverse=True))})(?!\w)")


def kind(text: str, table: Mapping[str, re.Pattern[str]]) -> str | None:
    """The first kind whose words are in the text."""
    plain = folded(text[-LONGEST:])
    return next((name for name, pattern in table.items() if pattern.search(plain)), None)


_TOTALS = (
    r"(?:sub)?(?:total[ei]?|totaa?l|totals|amount|sum|summe|betrag|montant|bedrag|importe|importo|kwota|wartosc|valor|"
    r"price|prijs|preis|prix|suma|razem|gesamt\w*|order)"
)
_WITH = (
    r"(?:incl\w*|inkl\w*|ttc|brutto|gross|with|including|toutes taxes\w*|iva incluid[oa]|iva inclus[ao]|com iva|"
    r"con iva|z vat|met btw)"
)
_WITHOUT = (
    r"(?:ex|exkl\w*|excl\w*|net|nett|netto|before|without|ohne|zzgl|ht|hors|h\.t\.|sin|senza|sem|bez|zonder|"
    r"hors taxes?)"
)
AMOUNT_KINDS: Mapping[str, re.Pattern[str]] = {
    "rate": re.compile(r"(?<!\w)(?:exchange rate|wechselkurs|taux de change|wisselkoers|tipo de cambio)(?!\w)"),
    "paid": any_of(
        """amount paid|already paid|payments? received|paid by|less paid|deposit paid|deposit|prepaid|advance|
        bereits bezahlt|anzahlung|gezahlt|deja paye|acompte|reeds betaald|aanbetaling|ya pagado|anticipo|pagado|
        gia pagato|acconto|zaplacono|zaliczka|ja pago|adiantamento|previous balance|balance forward|last bill|
        alter saldo|solde precedent|vorig saldo|saldo anterior|saldo precedente|cash tendered|tendered|change|
        ruckgeld|wechselgeld|gegeben|reszta|rendu|wisselgeld|cambio|resto|troco"""
    ),
    "due": any_of(
        """amount due|total due|balance due|amount payable|total payable|payable|to pay|please pay|pay this amount|
        due|zu zahlen|zahlbetrag|zahlungsbetrag|zu zahlender betrag|offener betrag|fallige* betrag|zu uberweisen|
        net a payer|a payer|reste a payer|solde a payer|te betalen|te voldoen|openstaand|a pagar|importe a pagar|
        da pagare|netto a pagare|do zaplaty|naleznosc ogolem|pozostalo do zaplaty|valor a pagar|total a liquidar"""
    ),
    "discount": any_of(
        """discount*|rabatt|rabat|skonto|remise|reduction|korting|descuento|sconto|desconto|savings|you saved|
        gift card|voucher|gutschein|coupon|credits?|nachlass|ersparnis"""
    ),
    "net": re.compile(
        r"(?<!\w)(?:sub[\s-]?tota+l\w*|zwischensumme|sous[\s-]total|subtotale|suma czesciowa|netto\w*|net\w*betrag|"
        r"nettosumme|net amount|net total|net|total ht|montant ht|total hors taxes?|hors taxes?|base imponible|base|"
        r"imponibile|totale imponibile|taxable(?: amount| value)?|wartosc netto|razem netto|suma netto|"
        r"valor liquido|total liquido|incidencia|warenwert|grundlage|"
        rf"{_TOTALS}\W{{1,3}}(?:\w+\W{{1,3}})?{_WITHOUT}|"
        rf"{_WITHOUT}\W{{1,3}}(?:de )?(?:vat|tax|mwst|ust|tva|btw|iva|gst)"
        r")(?!\w)"
    ),
    "gross": re.compile(
        r"(?<!\w)(?:grand total|invoice total|total invoice\w*|order total|total for this invoice|total charged|"
        r"total paid|total amount|amount charged|total price|total cost|receipt total|bill total|invoice amount|"
        r"gesamtbetrag|gesamtsumme|gesamtpreis|rechnungsbetrag|rechnungssumme|endbetrag|endsumme|bruttobetrag|"
        r"bruttosumme|rechnungsendbetrag|gesamt\W{1,3}brutto|auftragssumme|total ttc|montant ttc|montant total|"
        r"total general|prix total|total de la facture|total facture|totaalbedrag|factuurbedrag|eindtotaal|"
        r"totaal generaal|te betalen bedrag|importe total|total factura|total de la factura|total con iva|"
        r"totale fattura|totale documento|totale complessivo|importo totale|totale generale|totale ordine|"
        r"razem brutto|wartosc brutto|suma brutto|kwota brutto|ogolem brutto|total geral|total do documento|"
        r"total da fatura|valor total|total com iva|"
        rf"{_TOTALS}\W{{1,3}}(?:\w+\W{{1,3}})?{_WITH}"
        r")(?!\w)"
    ),
    "shipping": any_of(
        """shipping*|postage|delivery|handling|freight|versand*|porto|lieferkosten|livraison|frais de port|port|
        verzend*|bezorg*|envio|gastos de envio|portes|spedizione|spese*|dostawa|wysylka|entrega|tip|gratuity|
        trinkgeld|pourboire|fooi|propina|mancia|napiwek|gorjeta|unit price|stuckpreis|einzelpreis|prix unitaire"""
    ),
    "tax": re.compile(
        r"(?<!\w)(?:vat|tax(?:es)?|sales tax|gst|hst|pst|qst|cgst|sgst|igst|mwst|m\.w\.st|ust|u\.st|umsatzsteuer|"
        r"mehrwertsteuer|steuer\w*|steuerbetrag|tva|t\.v\.a|btw|iva|i\.v\.a|igic|imposta|impuesto\w*|imposto\w*|"
        r"podatek|ptu|kwota vat|omzetbelasting|taxe)(?!\w)(?!\W{0,3}(?:n[or°º]\b|nr|num|reg|id|invoice|rate))"
    ),
    "total": any_of(
        """total|totals|totaal|totale|summe|gesamt|razem|ogolem|suma|total*|sum|lacznie|naleznosc|totaux"""
    ),
    "amount": any_of(
        """amount|betrag|montant|bedrag|importe|importo|kwota|valor|price|preis|prix|prijs|precio|prezzo|cena|preco|
        charged|paid|wartosc|bezahlt|paye|betaald|charges|zeilenbetrag"""
    ),
}
_DOCUMENT = (
    r"(?:(?:tax |vat |sales |commercial |purchase )?invoice|bill|receipt|rechnungs?|faktura(?: vat)?|factura|facture|"
    r"factuur|fattura|fatura(?:[\s-]recibo)?|beleg|quittung|rachunek|paragon|credit note|credit memo|"
    r"gutschrifts?|avoir|creditnota|creditfactuur|nota de credito|nota di credito|faktura korygujaca|nota fiscal|"
    r"ricevuta|recibo|document|documento|bon|kassenbon|statement)"
)
_NO = r"(?:number|num|no|nr|nro|nummer|numero|numer|nbr|n[°º.]+[°º]?|n|#|№|id|ref(?:erence)?|code)"
_OF = r"(?:\s+(?:de|de la|du|della|di|da|del|van|la|tax|vat)\s*)?"
NUMBER = re.compile(
    rf"(?<!\w)(?:{_DOCUMENT}s?\W{{0,3}}(?:vat\W{{0,2}})?{_NO}|{_NO}\W{{0,2}}{_OF}(?:l')?{_DOCUMENT}|"
    r"rechnungs?(?:nummer|nr)|faktura(?:nummer|nr)|factuur(?:nummer|nr)|beleg(?:nummer|nr)|bon(?:nummer|nr)|"
    r"fakturanummer|invoicenumber|gutschrifts?(?:nummer|nr)|rechnungs?-nr|credit(?:nota|factuur)nummer)(?![^\W\d])"
)
BARE_NUMBER = re.compile(rf"(?<!\w){_DOCUMENT}(?![^\W\d])")
_ORDER = (
    r"(?:(?:purchase |sales |web |customer )?order|bestell|auftrags?|commande|bestelling|pedido|orden|encomenda|ordine|"
    r"zamowieni[ea]|booking|buchungs?|reservation|reservering|prenotazione|reserva)"
)
ORDER_NUMBER = re.compile(
    rf"(?<!\w)(?:{_ORDER}s?\W{{0,3}}(?:confirmation\W{{1,2}})?{_NO}|{_NO}\W{{0,2}}{_OF}(?:l')?{_ORDER}|"
    r"bestell(?:ung)?s?(?:nummer|nr)|bestel(?:nummer|nr)|auftrags?(?:nummer|nr)|order(?:nummer|nr|id)|"
    r"buchungs(?:nummer|nr))(?![^\W\d])"
)


def is_label(word: str) -> bool:
    """Whether a word is one that stands on documents of any supplier."""
    plain = folded(word)
    patterns = (BARE_NUMBER, TITLES, RECIPIENT, SELLER, *AMOUNT_KINDS.values(), *DATE_KINDS.values())
    return plain in _ANYWHERE or any(pattern.fullmatch(plain) for pattern in patterns)


# Other words of any document that a web address may begin with.
_ANYWHERE = frozenset(
    re.findall(
        r"\w+",
        """online shop store order orders account service services support help payment payments pay web mail email tax
    invoices billing company group page contact info phone bestellung konto kundenservice hilfe zahlung achat boutique
    paiement winkel betaling klantenservice tienda pago negozio ordine pagamento sklep platnosc loja pagamento""",
    )
)
DATE_KINDS: Mapping[str, re.Pattern[str]] = {
    "due": any_of(
        """due|due date|pay by|payable|payable by|falligkeit*|fallig*|zahlbar*|zahlungsziel|zahlung bis|echeance|
        date d echeance|a payer avant|vervaldatum|vervaldag|betalen voor|te betalen voor|vencimiento|
        fecha de vencimiento|scadenza|data scadenza|termin platnosci|termin zaplaty|vencimento|data de vencimento|
        expires|expiry|valid until|gultig bis"""
    ),
    "order": any_of(
        """order date|ordered on|date ordered|order placed|bestelldatum|bestellt am|auftragsdatum|date de commande|
        orderdatum|besteldatum|fecha de pedido|fecha del pedido|data ordine|data dell ordine|data zamowienia|
        data da encomenda|data do pedido|booking date|order"""
    ),
    "issue": re.compile(
        r"(?<!\w)(?:invoice date|date of invoice|date of issue|issue date|issued(?: on)?|billing date|bill date|"
        r"receipt date|date paid|paid on|tax point|document date|statement date|rechnungsdatum|rechnungs-datum|"
        r"datum der rechnung|"
        r"ausstellungsdatum|ausgestellt am|belegdatum|date de (?:la )?facture|date de facturation|facture du|"
        r"date d.emission|emise? le|facturee? le|factuurdatum|datum factuur|fecha de (?:la )?factura|fecha factura|"
        r"fecha de emision|fecha de expedicion|data (?:della )?fattura|data (?:di )?emissione|data documento|"
        r"data wystawienia|wystawiono(?: dnia| w dniu)?|data faktury|data de emissao|data da fatura|"
        r"data do documento|emitid[ao] em|"
        rf"{_DOCUMENT}\W.{{0,40}}\W(?:vom|du|dated|van|del|z dnia|de|of|da))(?!\w)"
    ),
    "other": any_of(
        """delivery*|delivered|shipped|shipping*|dispatched|liefer*|leistung*|versand*|zeitraum|period|billing period|
        from|bis|until|livraison|livre le|periode|levering*|leverdatum|entrega|fecha de entrega|periodo|consegna|
        dostawy|data dostawy|sprzedazy|data sprzedazy|okres|wykonania|abrechnungszeitraum|abgebucht|printed|
        print date|birth*|since|seit|start|end|next|arrival|departure|check in|check out|anreise|abreise|terms|
        contract|vertrag*|mandat*"""
    ),
    "plain": any_of("""date|dated|datum|fecha|data|dato|le|den|dnia|am|on|dia|vom"""),
}
TITLES = re.compile(
    r"(?<!\w)(?:(?:tax|vat|sales|proforma|pro forma|commercial|retail|final|original|your|copy|duplicate)\W+)*"
    r"(?:invoice|receipt|bill|rechnung|quittung|facture|factuur|factura|fattura|faktura(?: vat)?|fatura|statement|"
    r"order confirmation|auftragsbestatigung|credit note|gutschrift|avoir|paragon(?: fiskalny)?|"
    r"confirmation|recibo|ricevuta)(?!\w)(?:\W+(?:summary|details))?"
)
CREDIT = re.compile(
    r"\W*(?:credit note|credit memo|credit invoice|gutschrift|rechnungskorrektur|stornorechnung|avoir|"
    r"facture d.avoir|creditnota|creditfactuur|nota de credito|factura rectificativa|abono|nota di credito|"
    r"nota di accredito|faktura korygujaca|korekta)(?:\W+(?:n|no|nr|number|nummer|numero)?\W*[\w/.-]*\d[\w/.-]*)?\W*"
)
RECIPIENT = any_of(
    """bill to|billed to|bill to address|invoice to|sold to|ship to|shipped to|deliver to|shipping address|attn|
    billing address|delivery address|customer|client|buyer|to|recipient|invoiced to|issued to|rechnung an|
    rechnungsadresse|rechnungsempfanger|lieferadresse|lieferanschrift|rechnungsanschrift|kunde|kaufer|
    empfanger|facture a|adresse de facturation|adresse de livraison|destinataire|factuuradres|klant|
    afleveradres|bezorgadres|facturar a|cliente|direccion de envio|direccion de facturacion|comprador|datos del cliente|
    spett le|spettabile|destinatario|intestatario|nabywca|odbiorca|klient|platnik|faturar a|adquirente|
    facturado a|exmo|exmo s|guest|guest name|passenger|gast|titulaire|deliver*|shipping|billing"""
)
SELLER = any_of(
    """seller|sold by|vendor|supplier|service provider|issued by|merchant|from|billed by|provided by|payee|pay to|
    verkaufer|lieferant|rechnungssteller|aussteller|leistungserbringer|anbieter|vendeur|vendu par|fournisseur|emetteur|
    prestataire|verkoper|leverancier|vendedor|proveedor|emisor|venditore|fornitore|cedente|emittente|
    sprzedawca|wystawca|fornecedor|emitente|prestador|ordered from|order from"""
)
