"""Merchants in bank text: who was paid, without the noise that bank, card network and branch put around it.

`merchant_text` is for reading and for models; `merchant_key` says what "the same merchant" means. The key is
written with every transaction, so a change of these rules that changes keys raises KEY_VERSION.
"""

import re
import unicodedata
from functools import lru_cache

from ai2.kit.places import AMBIGUOUS_STATES, AMBIGUOUS_TOWNS, COUNTRIES, STATES, TOWNS

KEY_VERSION = 1
KEY_LENGTH = 80


def _any(*patterns: str) -> str:
    return f"(?:{'|'.join(patterns)})"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the bank says about the way of paying. Words that mean something of themselves (transfer, withdrawal,
# cheque, interest) stay.
_NETWORK = r"(?:visa|mastercard|maestro|amex)"
_PAYMENT = r"(?:payment|pmt|pymt|debit|credit|ach)"
_RAILS = re.compile(
    _any(
        rf"(?:{_NETWORK}|mc)?\s*(?:pos|point\s+of\s+sale)\s+(?:debit|purchase|pur|pin|signature|sale|refund)?",
        r"(?:external|pos|debit\s+card)\s+(?:withdrawal|deposit|w/d)",
        r"\d{4,}(?=[\s,])",
        r"(?:pos|vis|cd|dd|d/d|so|s/o|sto|bgc|bp|fpi|fpo|deb|cpm|ddr|dpc|bbp|clp|ob|cr)\b(?=[\s:*-]+\S{3})",
        r"(?:(?:recurring|international|online|mobile|signature|pin|non-?local|e-?commerce|in-?store)\s+)*"
        rf"(?:{_NETWORK}\s+|(?:debit|credit|bank|atm)\s+|check\s*)*card\s*"
        r"(?:payment|purchase|transaction|refund|credit|debit|subscription|sale)s?(?:\s+(?:to|at|from|with|by))?",
        r"(?:check\s*card|debit\s+card|dbt\s*crd|(?:dbt|debit|pin)\s+purchase|crd\s+pur|visa\s+dda\s+pur)"
        r"(?:\s+(?:purchase|pur|debit|payment))?",
        rf"{_NETWORK}\s+(?:check\s*card|debit|credit|purchase|payment|direct)(?:\s+(?:card|purchase|payment))?",
        r"(?:recurring\s+)?(?:payment|purchase)\s+(?:authori[sz]ed|return\s+authori[sz]ed)\s+on",
        r"(?:contactless|(?:apple|google|samsung)\s+pay)(?=\s+\S{3})"
        r"(?:\s+(?:payment|purchase))?(?:\s+(?:to|at))?",
        r"(?:direct\s+debit|standing\s+order|continuous\s+payment)(?:\s+(?:payment|pmt|mandate))?(?:\s+to)?",
        r"(?:bill|online|mobile|internet|web|ach|preauthorized|electronic|ext|external)\s+(?:bill\s+)?"
        rf"{_PAYMENT}(?:\s+(?:to|from|via\s+faster\s+payments?\s+to))?",
        r"faster\s+payments?(?:\s+(?:to|from|receipt|received|sent))*(?:\s+ref\b)?",
        r"(?:direct\s+credit|bank\s+giro\s+credit|bank\s+credit|bacs|chaps|"
        r"sepa\s+(?:lastschrift|direct\s+debit|credit\s+transfer))(?:\s+(?:payment|credit|from|to))*",
        r"(?:you\s+paid|paid\s+to|payment\s+(?:to|from)|purchase\s+(?:at|from)|spent\s+at)",
    )
    + r"[\s:*,.-]+"
)
# Processors that collect for a merchant, whose name follows.
_PROCESSORS = re.compile(
    _any(
        r"(?:sq|tst|sp|py|pp|in|iz|ls|eb|ez|nya|crv|wpy|wl|cko|ztl|fsp|poy|par|dri|fs|bkg|abc|spi|bt|ppd|pmt|"
        r"evp|rpx|lsp|sqc|tm|ggl|dnh|ic|cbi|ach|kg|mob|bps|pos|cs|fh|bb|mw|adv|act|aw|olo|mp|fdms|ccb|zettle_|i?zettle|sumup|"
        r"adyen|stripe|klarna|afterpay|clearpay|clover|toast|square|gosq(?:\.com)?|shopify|worldpay|dojo|tap|yoco|"
        r"paddle(?:\.net)?|fastspring|2co(?:\.com)?|gocardless|global-e|sagepay|swiftly|slice|chownow|paytm|payu|"
        r"mollie|buckaroo|viva|qpay|wix)\s*\*+",
        r"pay\s*pa?l\s*(?:\*+|inst(?:ant)?\s+(?:xfer|transfer)\b|purchase\b|ecommerce\b|pymt\b)",
        r"(?:paypal|sumup|i?zettle)\s+(?!transfer|payment|balance|add|credit|instant|cashback|ltd|uk|limited|"
        r"europe)(?=\S{3})",
        r"(?:gocardless(?:\s+ltd)?|stripe\s+payments|sp|sq|tst)\s+(?=\S{4})",
    )
    + r"[\s:-]*"
)
# Automated clearing house records, as American banks print them: the company and what it is for stay.
_ACH = re.compile(
    _any(
        r"^orig\s+co\s+name:\s*",
        r"\borig\s+id:.*?(?=co\s+entry|$)",
        r"co\s+entry\s+descr:",
        r"\bsec:\s*\w+.*$",
        r"\bdes:",
        r"\bindn:.*$",
        r"\bco\s+id:.*$",
        r"\bid:\s*\S+",
        r"\b(?:ppd|web|ccd|tel|arc|ctx)\s+id:?.*$",
    )
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATES = (
    r"(?:\bon\s+)?(?<![\w.])\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}\b",  # 03/04/2024, 2024-03-04
    rf"(?:\bon\s+)?(?<![\w.]){_DAY}[/-]{_DAY}(?![\w/])",  # 03/04
    rf"(?:\bon\s+)?(?<!\w)\d{{1,2}}\s?{_MONTH}(?:\s?\d{{2,4}})?\b",  # 03 APR, 12JAN24
    r"(?<!\w)\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]m)?\b",
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)\s\d{1,2}[ap]m\b",
)
_NUMBERS = (  # card tails, references, branches, phones
    r"\b(?:card|cd|crd|account|acct|a/c)\s*(?:no\.?|number|ending(?:\s+in)?|\#)?\s*[x*.\u2022]*\d{4,}\b",
    r"\bending\s+in\s+\d{4}\b",
    r"(?<!\w)[x*\u2022]{2,}[\s-]*\d{2,}\b",
    r"(?<!\w)x\d{4}\b",
    r"\b\d*[x*]{4,}\d*",
    r"\b(?:ref(?:erence)?|mandate|auth(?:ori[sz]ation)?(?:\s+code)?|trace|trn|txn|tran(?:saction)?\s+id|invoice|"
    r"inv|order|conf(?:irmation)?)\s*(?:no\.?|number|\#|:)*\s*[a-z]*\d[\w/-]*",
    r"\bref(?:erence)?\b",
    r"\b(?:store|branch|shop|str|unit|term(?:inal)?|till|lane|sto)\s*(?:no\.?|number|\#)?\s*\d+\b",
    r"(?:\bno\.?|\#|№|\bt-)\s?\d[\w-]*",
    r"\b[a-z]\d{3,}[\w-]*",
    r"(?<!\w)(?:\+\d{1,3}[\s.-]?)?\(?\d{3,5}\)?[\s.-]\d{3,4}[\s.-]\d{3,4}\b",  # phones
    r"(?<!\w)\+?1?-?[2-9]\d{2}-\d{7}\b",
    r"(?<!\w)\+\d{8,14}\b",
    r"\b[a-z]{1,2}\d[a-z\d]?\s\d[a-z]{2}\b",  # British postcodes
)
_MONEY = (
    r"\b(?:usd|gbp|eur|cad|aud|chf|inr)\s?\d[\d.,]*\b",
    r"[$£€]\s?\d[\d.,]*",
    r"(?<!\w)\d[\d.,]*\s(?:usd|gbp|eur|cad|aud|chf)\b",
    r"@\s?\d+\.\d+",
    r"\brate\s+\d+\.\d+(?:/\w{3})?",
    r"\b(?:non-)?sterling\s+transaction\s+fee\b.*",
    r"\bvisa\s+rate\b",
    r"\bvrate\b.*",
    r"\b(?:bcc|clp|bbp|ddr|cpm|bgc)$",
)
# All noise begins where a word does or at a sign: the first look spares trying every rule inside words.
_NOISE = re.compile(r"(?:(?<!\w)|(?=\W))" + _any(*_DATES, *_NUMBERS, *_MONEY))
_TOLL_FREE = re.compile(r"\b1-?800-?(?=[a-z])")
_URL = re.compile(
    r"(?:https?://)?(?:www\d?\.)?((?:[a-z0-9-]+\.)*?)([a-z0-9-]+)"
    r"\.(com|net|org|io|co|gov|edu|app|me|tv|info|biz|shop|store|online|eu|us|uk|ie|de|fr|es|it|nl|be|ca|au|nz|ch|"
    r"at|ai|dev|ly|to|gg|live|club|cloud|tech|travel|london)(?:\.(?:uk|au|nz|za|in|jp|br))?"
    r"(?:/\S*|(?=[\s*,;:)]|$))"
)
_LAYOUT = re.compile(r"\s{2,}")
_PLACE_COLUMN = re.compile(r"(?:[a-z.'-]+ ){0,3}[a-z]{2,3}")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BRANCH_NUMBER = re.compile(r"^([^\W\d_]{4,})\d{2,}$")  # TESCO6123
_POSSESSIVE = re.compile(r"(?<=[^\W\d_s])[ '’]s\b(?!/)")  # MCDONALD S, MCDONALD'S
_REFERENCE = re.compile(r"(?=(?:\D*\d){3})(?=\d*[^\W\d_])(?!\d+[^\W\d_]{3,}$)\w{6,}$")
_ANY_STATE, _ANY_TOWN = STATES | AMBIGUOUS_STATES, TOWNS | AMBIGUOUS_TOWNS
LEGAL = _set("""ltd limited limite limit plc inc incorporated llc llp corp gmbh srl sarl bv pty pte oy ab""")
KEY_TAILS = _set("""store stores shop shops superstore superstores supermarket branch retail online co company""")
_NOT_BEFORE_A_TOWN = _set("of the in at city greater bank university county council de new west east")
_CHEQUES = frozenset({"check", "cheque", "chq", "chk", "check paid", "cheque paid"})


def merchant_text(description: str) -> str:
    """The merchant in a descriptor, lower case and without accents; never empty where there is any text.

    `SQ *BLUE BOTTLE COFFEE 0123 OAKLAND CA` is `blue bottle coffee`; `CARD PAYMENT TO TESCO STORES 6123
    LONDON GB ON 03 APR` is `tesco stores`.
    """
    plain = _plain(description)
    text = _LAYOUT.sub("  ", _without_columns(plain))
    if ":" in text or "id" in text:
        text = _ACH.sub(" ", text)
    text = _NOISE.sub(" ", _TOLL_FREE.sub("1800", _without_prefixes(text)))
    words = _without_place(_words(_urls(_without_prefixes(text))))
    while len(words) > 1 and words[-1] in LEGAL:
        words.pop()
    return " ".join(words) or " ".join(plain.split())


@lru_cache(maxsize=1024)  # on the way to one answer several ask for it
def merchant_key(description: str, merchant: str | None = None) -> str:
    """What makes two transactions one merchant's; the file's own merchant name counts before the text."""
    source = merchant if merchant and merchant.strip() else description
    text = merchant_text(source)
    if text in _CHEQUES:  # two cheques have nothing in common but being cheques
        text = " ".join([text, *re.findall(r"\d+", source)])
    words = [word.replace("'", "").replace("’", "") for word in text.split() if word != "and"]
    if len(words) > 1 and words[0] == "the":
        del words[0]
    while len(words) > 1 and words[-1] in KEY_TAILS:
        words.pop()
    return " ".join(words)[:KEY_LENGTH] or text[:KEY_LENGTH]


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    if decomposed.isascii():
        return decomposed.strip()
    # Marks that stand by themselves (accents) go; those that spell (Japanese, Indic) come back together.
    bare = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare).strip()


def _without_columns(text: str) -> str:
    """Fixed columns, merchant, town, state: what follows the first gap goes if the last column is a place."""
    columns = _LAYOUT.split(text)
    if len(columns) < 2 or len(columns[0]) < 3 or not _PLACE_COLUMN.fullmatch(columns[-1]):
        return text
    last = columns[-1].split()[-1]
    return columns[0] if last in _ANY_STATE or last in COUNTRIES else text


def _without_prefixes(text: str) -> str:
    """The text after what bank and processor put before it, as often as they do; never all of it."""
    while True:
        text = text.strip(" \t-:*,.;/")
        found = _RAILS.match(text) or _PROCESSORS.match(text)
        if not found or not found.end() or found.end() >= len(text):
            return text
        text = text[found.end() :]


def _urls(text: str) -> str:
    """A leading address becomes its name (just eat.co.uk too); one after a name says nothing new and goes."""

    if "." not in text:
        return text

    def name(found: re.Match[str]) -> str:
        before = text[: found.start()].strip(" *")
        inner, host, top = found.groups()
        if before and (inner or "/" in found[0] or not before.isalpha() or host[:3] == before[:3]):
            return " "
        ending = top if top in {"gov", "edu"} else "bill" if found[0].endswith("/bill") else ""
        return f"{host} {ending} "

    return _URL.sub(name, text).removeprefix("www.")


def _words(text: str) -> list[str]:
    found = _WORD.findall(_POSSESSIVE.sub("s", text))
    return [
        word if word.isalpha() else _BRANCH_NUMBER.sub(r"\1", word)
        for place, word in enumerate(found)
        if word.isalpha() or not _is_number(word, is_first=not place)
    ]


def _is_number(word: str, *, is_first: bool) -> bool:
    """Whether a word is a number or a reference and not a name; bet365 comes first, and is short."""
    if _BRANCH_NUMBER.match(word):
        return False
    if word.isdigit():
        return len(word) >= (4 if is_first else 3)
    return bool(_REFERENCE.match(word)) and (not is_first or len(word) > 7)


def _without_place(words: list[str]) -> list[str]:
    """Without a closing state or country, and without the town before it or a town that closes the text."""
    is_located = False
    while len(words) > 1 and (words[-1] in COUNTRIES or (words[-1] in STATES and words[:-1] != ["el"])):
        words = words[:-1]
        is_located = True
    for length in (4, 3, 2, 1):
        left, town = words[:-length], " ".join(words[-length:])
        if len(" ".join(left)) >= 3 and left[-1] not in _NOT_BEFORE_A_TOWN and _is_town(town, is_located):
            return left
    return words


def _is_town(text: str, is_located: bool) -> bool:
    if text in TOWNS or (is_located and text in AMBIGUOUS_TOWNS):
        return True
    town, state = text[:-2].rstrip(), text[-2:]  # columns may run together: san franciscoca
    return state in _ANY_STATE and town in _ANY_TOWN
