"""Merchant keys of whole columns: the same answers as `merchant_key`, at a fraction of its cost.

A bank writes a merchant with another branch, date or reference each time, so a million rows may have a million
texts. Most rules ask whether a character is a digit, not which; so texts that differ in nothing else have one shape,
and one key, unless those digits stand in it (`merchant_shapes`). Names no rule has anything to say of are their own
keys (`plain_merchants`). `merchant_key` decides all others, one by one.
"""

import pyarrow as pa
import pyarrow.compute as pc

from ai2.kit.merchant_shapes import key_of_shape, shapes, without_reference
from ai2.kit.merchants import merchant_key
from ai2.kit.plain_merchants import plain_keys

# Where digits stand in the key (motel 6, bet365), the shape is made again with the shorter numbers as they are.
_SHORTEST_NUMBERS = (1, 3, 5)
_REMEMBERED = 200_000
# What Python's str.strip takes away: a merchant's name that is nothing else is none.
_BLANK = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def merchant_keys(descriptions: pa.StringArray, merchants: pa.StringArray) -> pa.StringArray:
    """`merchant_key(description, merchant)` of each row; no description is null."""
    return MerchantKeys().of(descriptions, merchants)


class MerchantKeys:
    """Keys of a column that comes piece by piece: what was found for one piece is known in the next."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, descriptions: pa.StringArray, merchants: pa.StringArray) -> pa.StringArray:
        """`merchant_key(description, merchant)` of each row; no description is null."""
        named = pc.if_else(pc.equal(pc.utf8_trim(merchants, _BLANK), ""), None, merchants)
        texts = pc.coalesce(named, descriptions).dictionary_encode()
        return self._distinct(texts.dictionary).take(texts.indices)

    def _distinct(self, texts: pa.StringArray) -> pa.StringArray:
        keys = plain_keys(texts)
        for shortest in _SHORTEST_NUMBERS:
            keys = _filled(keys, self._by_shape(texts.filter(keys.is_null()), shortest))
        undecided = texts.filter(keys.is_null()).to_pylist()
        return _filled(keys, pa.array([merchant_key(text) for text in undecided], pa.string()))

    def _by_shape(self, texts: pa.StringArray, shortest: int) -> pa.StringArray:
        """The keys, null where a digit that the shape leaves open stands in it."""
        encoded = shapes(texts, shortest).dictionary_encode()
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        keys = [self._key(shape) for shape in encoded.dictionary.to_pylist()]
        return pa.array(keys, pa.string()).take(encoded.indices)

    def _key(self, shape: str | None) -> str | None:
        if shape is None:
            return None
        shape = without_reference(shape)
        if shape not in self._known:
            self._known[shape] = key_of_shape(shape)
        return self._known[shape]


def _filled(keys: pa.StringArray, found: pa.StringArray) -> pa.StringArray:
    return pc.replace_with_mask(keys, keys.is_null(), found)
