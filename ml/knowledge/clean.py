"""Texts made plain before anything is looked up: letters that only look like others, gaps, and orders to machines.

What is written to deceive must not change an answer: `ТЕSСO` in Cyrillic letters is Tesco, and a text that says what
it wants to be classified as is a merchant followed by noise.
"""

import re
import unicodedata

# Cyrillic and Greek letters that look like Latin ones, and digits that stand for letters inside words.
_LOOKS_LIKE = str.maketrans(
    "АВЕЅЗІЈКМНОРСТУХЬаеѕіјкорсухԁԛԝһӏгոΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχ",
    "ABES3IJKMHOPCTYXbaesijkopcyxdqwhlrnABEZHIKMNOPTYXaikvoptux",
)
_LATIN = re.compile(r"[A-Za-z]")
_FOREIGN = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
_ONLY_ALIKE = re.compile(r"[АВЕЅЗІЈКМНОРСТУХаеѕіјкорсухԁԛԝһӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧ]+$")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\x00-\x08\x0e-\x1f\x7f]")
_GAPS = re.compile(r"\s+")
_ORDERS = re.compile(
    r"(?:[\s.;:,|#*\[\](){}<>\"'`/\\-]*)"
    r"(?:\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules?|prompts?|above|previous|prior)\b"
    r"|\b(?:system|assistant|user|developer)\s*:|<\|?/?\w+\|?>|\[/?inst\]"
    r"|\b(?:classify|categori[sz]e|label|tag|mark)\b.{0,20}\bas\b"
    r"|\b(?:set|return|output|answer)\b.{0,12}\b(?:category|label|class)\b"
    r"|\bcategory\s*(?:is|=|:)\s*\w+).*$",
    re.IGNORECASE | re.DOTALL,
)


def clean(text: str) -> str:
    """The text without invisible characters, lookalike letters and orders to its reader; never emptied."""
    if text.isascii():
        plain = text
    else:
        plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        if _FOREIGN.search(plain):
            plain = _unmasked(plain)
    if "  " in plain and " " not in plain.replace("  ", "").strip():
        plain = _GAPS.sub(" ", plain)  # every gap is doubled: these are words, not columns
    without = _ORDERS.sub("", plain)
    return without if without.strip() else plain


def _unmasked(text: str) -> str:
    """Lookalikes in words that have Latin letters too, or that stand among Latin words and have nothing but them."""
    has_latin = bool(_LATIN.search(text))

    def word(found: re.Match[str]) -> str:
        one = found[0]
        is_mixed = bool(_LATIN.search(one) and _FOREIGN.search(one))
        return one.translate(_LOOKS_LIKE) if is_mixed or (has_latin and _ONLY_ALIKE.match(one)) else one

    return re.sub(r"[^\W_]+", word, text)
