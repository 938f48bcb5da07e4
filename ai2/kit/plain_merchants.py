"""Plain merchants: words of letters, with a number behind them or not, of which no rule has anything to say.

Their key is the text itself in lower case without that number, so a column of them needs no look at each. A text that
only may be the business of a rule is not plain; whoever adds a rule there has to let it in here.
"""

import pyarrow as pa
import pyarrow.compute as pc

from ai2.kit.merchants import KEY_LENGTH, KEY_TAILS, LEGAL
from ai2.kit.places import AMBIGUOUS_STATES, AMBIGUOUS_TOWNS, COUNTRIES, STATES, TOWNS

_PLAIN = r"^[a-z]+(?: [a-z]+)*(?: [0-9]{3,})?$"
_NUMBER = " [0-9]{3,}$"
# Ways of paying and processors that begin a text, and whatever else begins as they do.
_FIRST = (
    "^(?:visa|mastercard|maestro|amex|mcpo|check|card|dbt|contactless|pay ?pa?l|sumup|i?zettle|gocardless|stripe|"
    "(?:the|cheque|chq|chk|pos|vis|cd|dd|so|sto|bgc|bp|fpi|fpo|deb|cpm|ddr|dpc|bbp|clp|ob|cr|mc|point|external|debit|"
    "credit|bank|atm|recurring|international|online|mobile|signature|pin|nonlocal|ecommerce|instore|crd|payment|"
    "purchase|apple|google|samsung|direct|standing|continuous|bill|internet|web|ach|preauthorized|electronic|ext|"
    r"faster|bacs|chaps|sepa|you|paid|spent|sp|sq|tst)\b)"
)
_ANYWHERE = (
    r"\b(?:(?:ppd|web|ccd|tel|arc|ctx) id|ref|reference|xx[a-z]*|sterling transaction fee|visa rate|vrate|and|s)\b|xxxx"
)
# Words that take in a number behind them, or that mean something at the end.
_NUMBERED = (
    "card cd crd account acct no number in ref reference mandate auth authorization authorisation code trace trn txn "
    "tran transaction id invoice inv order conf confirmation store branch shop str unit term terminal till lane sto "
    "usd gbp eur cad aud chf inr rate bcc clp bbp ddr cpm bgc"
)
_STATES = STATES | AMBIGUOUS_STATES
_TOWN_ENDS = {town.split()[-1] for town in TOWNS | AMBIGUOUS_TOWNS}
_LAST = pa.array(
    sorted(
        LEGAL
        | KEY_TAILS
        | COUNTRIES
        | _STATES
        | _TOWN_ENDS
        | {town + state for town in _TOWN_ENDS for state in _STATES}  # columns run together
        | set(_NUMBERED.split())
    )
)


def plain_keys(texts: pa.StringArray) -> pa.StringArray:
    """The merchant key of each plain text; null where `merchant_key` must be asked."""
    lower = pc.ascii_lower(texts)
    lower = pc.if_else(pc.match_substring_regex(lower, _PLAIN), lower, None)
    lower = pc.if_else(pc.match_substring_regex(lower, f"{_FIRST}|{_ANYWHERE}"), None, lower)
    names = pc.replace_substring_regex(lower, _NUMBER, "")
    last = pc.replace_substring_regex(names, "^.* ", "")
    return pc.utf8_slice_codeunits(pc.if_else(pc.is_in(last, _LAST), None, names), 0, KEY_LENGTH)
