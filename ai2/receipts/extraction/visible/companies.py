"""How companies write themselves: legal forms, registers, web addresses, and the sentences that end with their name."""

import re

# Legal forms, as they close a name.
LEGAL = (
    r"GmbH(?:\s?&\s?Co\.?\s?(?:KG|OHG)(?:aA)?)?|mbH|AG(?:\s?&\s?Co\.?\s?KG)?|KG|OHG|UG(?:\s?\(haftungsbeschränkt\))?|"
    r"e\.\s?V\.|eG|e\.\s?K\.|"
    r"Ltd\.?|Limited|LTD\.?|PLC|plc|Plc|LLP|LLC|L\.L\.C\.|Inc\.?|INC\.?|Corp\.?|Corporation|Incorporated|Co\.,? Ltd\.?|"
    r"Pvt\.?\s?Ltd\.?|(?:Private|Pty\.?|Pte\.?|PRIVATE|PTY\.?|PTE\.?)\s(?:Limited|Ltd\.?|LIMITED|LTD\.?)|"
    r"S\.?A\.?R\.?L\.?(?:-S)?|SAS|SASU|S\.A\.S\.?|S\.A\.(?:U\.)?|SA|EURL|SNC|SCOP|SE|"
    r"N\.?V\.?|B\.?V\.?(?:B\.A\.)?|BVBA|V\.?O\.?F\.?|SRL|"
    r"S\.?L\.?U?\.?|S\.L\.|S\.?p\.?A\.?|S\.?r\.?l\.?(?:s\.?)?|S\.?n\.?c\.?|S\.?a\.?s\.?|"
    r"[Ss]p\.\s?z\s?o\.\s?o\.|[Ss]półka [Aa]kcyjna|sp\.\s?[jk]\.|Lda\.?|LDA\.?|Ltda\.?|LTDA\.?|"
    r"A/S|ApS|AB|ASA?|Oy[jJ]?|s\.r\.o\.|a\.s\.|Kft\.?|Zrt\.?|d\.o\.o\."
)
_LINK = r"(?:&|and|und|et|y|e|i|en|of|de|del|della|di|da|do|des|du|la|le|van|von|der|den|for|für|the)"
_WORD = r"[^\W\d_a-zßà-ÿ][\w&.'’+/-]*|\d[\w&.'’+-]*[A-Za-z][\w&.'’+-]*|[a-z]+[A-Z]\w*"
# Capital words, joined by small ones, up to a legal form.
NAMED = re.compile(
    rf"(?<![\w@.])(?P<name>(?:{_WORD})(?:\s(?:{_WORD}|{_LINK}(?=\s)|[-–&](?=\s))){{0,8}}?),?\s\(?(?P<legal>{LEGAL})"
    r"(?![\w@])"
)
# A company's own mailbox, and not that of somebody who works for its customer, begins so.
_MAILBOX = (
    r"(?:info|office|support|help|hello|contact|kontakt|service|sales|billing|invoic|account|buchhaltung|rechnung|order|"
    r"shop|mail|no-?reply|admin|team|customer|kunden|client|compta|factur|fattur|vendas|ventas|comercial|biuro|sklep|"
    r"vente|verkoop|klant|bestell|booking|care|hallo|post|privacy)[\w.+-]{0,30}@"
)
DOMAIN = re.compile(
    rf"(?:{_MAILBOX}|(?<![\w@.+-])(?:https?://)?(?:www\.)?)(?P<host>(?:[a-z0-9-]{{1,63}}\.){{1,5}}"
    r"(?:com|net|org|io|co|de|at|ch|fr|be|nl|es|it|pl|pt|eu|uk|ie|in|us|ca|au|nz|se|no|dk|fi|cz|shop|store|app|dev|"
    r"cloud|online|info|biz|me|tv|ai|br|mx|jp|sg|hk|lu))(?![\w.-]*@)(?![a-z0-9-])"
)
SECOND = frozenset({"co", "com", "org", "net", "ac", "gov"})
# Whose mail and pages everybody uses.
EVERYBODYS = frozenset(
    re.findall(
        r"[\w-]+",
        """gmail googlemail outlook hotmail live yahoo icloud me aol gmx web t-online freenet orange wanadoo free libero
    wp onet interia o2 protonmail proton mail ec europa facebook twitter instagram linkedin youtube paypal x example
    apple google play bit trustpilot""",
    )
)
THANKS = re.compile(
    r"(?:©|\(c\)|copyright)\s*(?:\d{4}(?:\s?[-–]\s?\d{4})?,?\s*)?(?:by\s+)?(?P<owner>[^\W\d_][^.|,©\n]{1,50})|"
    r"(?:thank(?:s| you) for (?:shopping|your (?:order|purchase|business)|ordering|choosing|staying|buying)\s?"
    r"(?:with|at|from|in)?|(?:vielen )?dank für (?:ihren|deinen) (?:einkauf|bestellung|besuch) (?:bei|im)|"
    r"merci (?:pour|de) votre (?:commande|achat|visite) (?:chez|sur|à)|bedankt voor je (?:bestelling|aankoop) bij|"
    r"gracias por (?:tu|su) (?:compra|pedido) en|grazie per (?:il tuo|aver) \w+ (?:su|da)|dziękujemy za zakupy w|"
    r"your order (?:with|from)|your receipt from)\s+(?P<thanks>[^\W_][^.!,|\n]{1,40})",
    re.IGNORECASE,
)
REGISTERED = re.compile(
    r"(?<!\w)(?:vat|ust-?id\w*|ust\.?-?id|steuer-?nr|steuernummer|umsatzsteuer\W?id\w*|hrb|kvk|k\.v\.k|btw|tva|siret|"
    r"siren|rcs|r\.c\.s|cif|nif|nipc|p\.?\s?iva|partita iva|c\.f|rea|nip|regon|krs|company (?:no|number|reg\w*)|"
    r"registered (?:in|office)|registration|gstin|gst|cin|pan|abn|ein|tin|iban|bic|swift|handelsregister|amtsgericht|"
    r"registergericht|contribuinte)(?!\w)",
    re.IGNORECASE,
)
