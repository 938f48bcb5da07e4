"""Normalisation: the text by which two rows are the same row. Versioned, for it is part of every fingerprint.

Only what banks change between two exports of one row is levelled: case, width of letters, and space. Nothing
is cut, so that different rows stay different.
"""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

NORMALISATION_VERSION = 1
# Space at an end, in a row, or another than a blank: what `str.split` levels in ASCII.
_SPACE_TO_LEVEL = r"^ | $|  |[\t-\r\x1c-\x1f]"


def normalise(text: str) -> str:
    """Compatibility forms composed, case folded, every run of space one space."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normalised(texts: pa.Array) -> pa.Array:
    """The same for a column, each different text once; plain ones by Arrow."""
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary
    is_odd = pc.or_(pc.invert(pc.string_is_ascii(distinct)), pc.match_substring_regex(distinct, _SPACE_TO_LEVEL))
    odd = pa.array(map(normalise, distinct.filter(is_odd).to_pylist()), pa.string())
    return pc.replace_with_mask(pc.ascii_lower(distinct), is_odd, odd).take(encoded.indices)
