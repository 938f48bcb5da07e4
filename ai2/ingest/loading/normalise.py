"""Normalisation: the text by which two rows are the same row. Versioned, for it is part of every fingerprint.

Only what banks change between two exports of one row is levelled: case, width of letters, and space. Nothing
is cut, so that different rows stay different.
"""

import unicodedata

import pyarrow as pa

NORMALISATION_VERSION = 1


def normalise(text: str) -> str:
    """Compatibility forms composed, case folded, every run of space one space."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normalised(texts: pa.Array) -> pa.Array:
    """The same for a column, each different text once."""
    encoded = texts.dictionary_encode()
    distinct = pa.array(map(normalise, encoded.dictionary.to_pylist()), pa.string())
    return distinct.take(encoded.indices)
