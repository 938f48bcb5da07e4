"""The currency: that of the total itself, else the one that the paper's codes and signs agree on."""

import re
from collections import Counter
from collections.abc import Iterable

from iso4217 import Currency

from ai2.ingest.layout.amounts import DOLLARS, SYMBOLS
from ai2.receipts.extraction.confidence import Judged
from ai2.receipts.extraction.paper import Paper
from ai2.receipts.extraction.visible.amounts import Sum
from ai2.receipts.extraction.visible.values import Found

# Units of account, in which nobody is billed.
_UNUSED = frozenset({"CHE", "CHW", "COU", "MXV", "UYI", "UYW", "CLF", "BOV", "USN"})
_CODES = frozenset(str(known.code) for known in Currency if known.exponent is not None) - _UNUSED
# Codes that are words, too: they count beside an amount only.
_WORDS = frozenset({"ALL", "TOP", "TRY", "CUP", "MOP", "GEL", "LAK", "BAM", "COP", "PEN", "SOS", "MAD", "ERN", "VES"})
_CODE = re.compile(r"(?<![\w.])[A-Z]{3}(?![\w-])")
# Names of currencies, countries and their registers, in the languages that they use.
_NAMES = {
    "EUR": r"euros?|deutschland|germany|france|nederland|netherlands|italia|italy|españa|spain|portugal|österreich|"
    r"austria|ireland|belgië|belgium|belgique",
    "USD": r"us dollars?|u\.s\. dollars?|united states|usa",
    "GBP": r"pounds? sterling|united kingdom|england|scotland|wales",
    "CHF": r"swiss francs?|schweizer franken|schweiz|switzerland|suisse", "INR": r"rupees?|gstin|fssai|india",
    "PLN": r"zlotych|złotych|zloty|złoty|nip|polska|poland", "CAD": r"canada|hst", "AUD": r"australia|abn",
    "NZD": r"new zealand", "SGD": r"singapore", "MXN": r"méxico|mexico|rfc", "BRL": r"cnpj|brasil|brazil|reais",
    "SEK": r"sverige|sweden", "NOK": r"norge|norway", "DKK": r"danmark|denmark|cvr", "CZK": r"czech republic|česko",
    "HUF": r"magyarország|hungary", "RON": r"românia|romania", "JPY": r"japan|日本",
}  # fmt: skip
_NAME = {code: re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE) for code, names in _NAMES.items()}
# Whose VAT number begins so pays in this currency.
_VAT = re.compile(
    r"(?<!\w)(AT|BE|DE|EE|EL|ES|FI|FR|HR|IE|IT|LT|LU|LV|MT|NL|PT|SI|SK|PL|GB|SE|DK|CZ|HU|RO|CHE)[ -]?"
    r"[A-Z]?\d[\d .]{6,14}(?:B\d\d)?"
)
_COUNTRIES = {"PL": "PLN", "GB": "GBP", "SE": "SEK", "DK": "DKK", "CZ": "CZK", "HU": "HUF", "RO": "RON", "CHE": "CHF"}
_USUAL = {"$": "USD", "¥": "JPY", "£": "GBP"}


def of_symbol(symbol: str, hinted: Counter[str]) -> str | None:
    """The currency a sign means here: of several the one that the paper hints at."""
    plain = symbol.rstrip(".")
    if plain in _CODES:
        return plain
    if plain[-1] == "$" and plain[:-1] in DOLLARS:
        return DOLLARS[plain[:-1]]
    possible = SYMBOLS.get(plain) or SYMBOLS.get(plain[-1], frozenset())
    if len(possible) == 1:
        return str(next(iter(possible)))
    likely = [code for code, _ in hinted.most_common() if code in possible]
    return likely[0] if likely else _USUAL.get(plain[-1])


def hints(paper: Paper) -> Counter[str]:
    """Codes, names and VAT numbers, counted."""
    told = Counter(code for code in _CODE.findall(paper.text) if code in _CODES - _WORDS)
    told.update({code: 1 for code, name in _NAME.items() if name.search(paper.text)})
    told.update(_COUNTRIES.get(country, "EUR") for country in set(_VAT.findall(paper.text)))
    return told


def currency(paper: Paper, total: Found[Sum] | None, found: Iterable[Found[Sum]]) -> Judged[str] | None:
    known = hints(paper)
    if total and total.value.symbol:
        code = of_symbol(total.value.symbol, known)
        if code:
            is_plain = total.value.symbol.rstrip(".") in _CODES or len(_meanings(total.value.symbol)) == 1
            evidence = (
                "of the total" if is_plain else "of the total, hinted" if code in known else "of the total, usual"
            )
            return Judged(code, evidence, total.piece.where)
    beside = total and _in_row(paper, total)
    if total and beside:
        return Judged(beside, "of the total", total.piece.where)
    signs: Counter[str] = Counter()
    for each in found:
        if each.value.symbol and (code := of_symbol(each.value.symbol, known)):
            signs[code] += 1
    for counted, name in ((signs, "beside amounts"), (known, "named")):
        if counted:
            [(code, times), *others] = counted.most_common(2)
            agreed = not others or others[0][1] < times
            evidence = name if not others else f"{name}, others too" if agreed else f"{name}, contested"
            return Judged(code, evidence, f"{name}: {code}")
    return None


def _in_row(paper: Paper, total: Found[Sum]) -> str | None:
    """`Total EUR` and right of it the amount."""
    texts = [piece.text for piece in paper.rows[total.piece.row] if piece.left <= total.piece.left]
    codes = {code for text in texts for code in _CODE.findall(text) if code in _CODES - _WORDS}
    return codes.pop() if len(codes) == 1 else None


def _meanings(symbol: str) -> frozenset[str]:
    plain = symbol.rstrip(".")
    if plain[-1] == "$" and plain[:-1] in DOLLARS:
        return frozenset({DOLLARS[plain[:-1]]})
    return SYMBOLS.get(plain) or SYMBOLS.get(plain[-1], frozenset())
