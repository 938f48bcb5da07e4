"""Fingerprints, version 1 of what keeps a row from coming in twice: asked still, written no more.

Version 2 is ai2.ingest.loading.identities. Version 1 is BLAKE2b-128 over, separated by U+001F and in UTF-8:
- content: `1`, `content`, account id, date (ISO), amount in ten-thousandths, currency, normalised text
  (`normalise`, version 1), and the occurrence number: 1 for the first such row of a file, 2 for the next.
- provider: `1`, `provider`, account id, the provider's id, date, amount in ten-thousandths, currency. Date and
  amount are in it because some banks use an id again for another payment. An id that stands twice in one file
  identifies nothing there, and those rows have none.

It never changes: rows are known by it that were imported before version 2.
"""

from hashlib import blake2b
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.casting import scaled
from ai2.ingest.loading.normalise import normalised

SIZE = 16
_SEPARATOR = "\x1f"


def fingerprints(lines: pa.Table, account_id: UUID) -> tuple[pa.Array, pa.Array]:
    """The content and the provider fingerprint of each line, the latter null where the provider gave no id.

    Each is text, as PostgreSQL reads a bytea: `\\x` and 32 hexadecimal digits. `lines` are one file's, in its order:
    occurrences are counted over it.
    """
    days = lines["booked_on"].combine_chunks().cast(pa.string())
    amounts = amounts_of(lines)
    texts = normalised(lines["description"].combine_chunks())
    currency = lines["currency"].combine_chunks()
    keys = pc.binary_join_element_wise(days, amounts, currency, texts, _SEPARATOR)
    # what is only announced is known again by its own kind: a booked row that looks so is told by ai2.ingest.pending
    is_pending = pc.equal(lines["status"].combine_chunks(), "pending")
    if pc.any(is_pending).as_py():
        keys = pc.if_else(is_pending, pc.binary_join_element_wise(keys, "pending", _SEPARATOR), keys)
    content = _digests(f"1{_SEPARATOR}content{_SEPARATOR}{account_id}{_SEPARATOR}", keys, occurrences(keys))
    ids = unique_ids(lines["provider_id"].combine_chunks())
    provider_keys = pc.binary_join_element_wise(ids, days, amounts, currency, _SEPARATOR)
    provider = _digests(f"1{_SEPARATOR}provider{_SEPARATOR}{account_id}{_SEPARATOR}", provider_keys)
    return content, provider


def occurrences(keys: pa.Array) -> NDArray[np.int64]:
    """1 for the first of equal keys, 2 for the second, and so on."""
    codes = np.asarray(keys.dictionary_encode().indices)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    within = np.arange(len(codes)) - np.repeat(starts, np.diff(np.append(starts, len(codes))))
    numbers = np.empty(len(codes), np.int64)
    numbers[order] = within + 1
    return numbers


def unique_ids(ids: pa.Array) -> pa.Array:
    counts = ids.drop_null().value_counts()
    once = counts.filter(pc.equal(counts.field("counts"), 1)).field("values")
    return pc.if_else(pc.is_in(ids, value_set=once), ids, None)


def amounts_of(lines: pa.Table) -> pa.Array:
    """Amounts as whole ten-thousandths; those beyond 64 bits as they are."""
    amounts = lines["amount"].combine_chunks()
    small = pc.less(pc.abs(amounts), 10**14)
    return pc.if_else(small, pa.array(scaled(amounts)).cast(pa.string()), amounts.cast(pa.string()))


def _digests(prefix: str, keys: pa.Array, numbers: NDArray[np.int64] | None = None) -> pa.Array:
    seed = blake2b(prefix.encode(), digest_size=SIZE)

    def digest(text: str) -> str:
        found = seed.copy()
        found.update(text.encode())
        return f"\\x{found.hexdigest()}"

    texts = keys.to_pylist()
    made: list[str | None]
    if numbers is not None:
        made = [digest(f"{text}{_SEPARATOR}{number}") for text, number in zip(texts, numbers.tolist(), strict=True)]
    else:
        made = [digest(text) if text is not None else None for text in texts]
    return pa.array(made, pa.string())
