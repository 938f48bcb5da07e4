"""Identities: by what a line is known when it comes again. Version 2; docs/reference/dedupe.md says it for users.

Each is BLAKE2b-128 over, separated by U+001F and in UTF-8, `2`, its kind, the account's id, and
- content: date (ISO), amount in ten-thousandths, currency, normalised text (`normalise`, version 1). Equal
  lines have equal content; the books number them, and a file's first such line is the first of the books.
- provider: the provider's id; and where ids are not stable, date, amount and currency too, because some banks use
  an id again for another payment. An id that stands twice in one file identifies nothing there.
What is pending is of kinds of its own: the booked line is to complete it, not to be taken for it.

Version 1 (`fingerprint`) had the number of the equal line in its hash. Its rows are kept and asked, so an
upgrade lets no row in again.
"""

from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from ai2.ingest.loading.fingerprint import amounts_of, unique_ids
from ai2.ingest.loading.normalise import normalised

IDENTITY_VERSION = 2
SIZE = 16
_SEPARATOR = "\x1f"
_PENDING = "pending-"


def identities(
    lines: pa.Table, account_id: UUID, ids: pa.Array, *, ids_are_stable: bool, unstable: frozenset[int] = frozenset()
) -> tuple[pa.Array, pa.Array]:
    """The content and the provider identity of each line, the latter null where `ids` has none.

    Each is text, as PostgreSQL reads a bytea: `\\x` and 32 hexadecimal digits. `ids` are the provider's, those that
    stand twice in the file left out; of stable ones those of `unstable` lines are not.
    """
    days = lines["booked_on"].combine_chunks().cast(pa.string())
    amounts, currency = amounts_of(lines), lines["currency"].combine_chunks()
    texts = normalised(lines["description"].combine_chunks())
    is_pending = pc.equal(lines["status"].combine_chunks(), "pending")
    content = pc.binary_join_element_wise(days, amounts, currency, texts, _SEPARATOR)
    dated = (
        ids
        if ids_are_stable and not unstable
        else pc.binary_join_element_wise(ids, days, amounts, currency, _SEPARATOR)
    )
    provider = pc.if_else(_are(lines, unstable), dated, ids) if ids_are_stable and unstable else dated
    return (
        _digests("content", account_id, content, is_pending),
        _digests("provider", account_id, provider, is_pending),
    )


def of_ids(ids: Sequence[str], account_id: UUID) -> list[str]:
    """The provider identities of posted lines that are only named, by ids that are stable."""
    keys = pa.array(ids, pa.string())
    return [str(each) for each in _digests("provider", account_id, keys, pa.array([False] * len(ids))).to_pylist()]


def _are(lines: pa.Table, numbers: frozenset[int]) -> pa.Array:
    return pc.is_in(lines["line_number"].combine_chunks(), value_set=pa.array(sorted(numbers), pa.int32()))


def known_ids(lines: pa.Table, unstable: frozenset[int] = frozenset()) -> pa.Array:
    """The provider's ids that identify: those that stand once among these lines, `unstable` ones with their amount."""
    ids = lines["provider_id"].combine_chunks()
    if not unstable:
        return unique_ids(ids)
    days = lines["booked_on"].combine_chunks().cast(pa.string())
    dated = pc.binary_join_element_wise(ids, days, amounts_of(lines), _SEPARATOR)
    return pc.if_else(pc.is_valid(unique_ids(pc.if_else(_are(lines, unstable), dated, ids))), ids, None)


def _digests(kind: str, account_id: UUID, keys: pa.Array, is_pending: pa.BooleanArray) -> pa.Array:
    posted, pending = (_seed(name, account_id) for name in (kind, _PENDING + kind))

    def digest(key: bytes, waits: bool) -> str:
        found = (pending if waits else posted).copy()
        found.update(key)
        return f"\\x{found.hexdigest()}"

    pairs = zip(keys.cast(pa.binary()).to_pylist(), is_pending.to_pylist(), strict=True)
    return pa.array([digest(key, waits) if key is not None else None for key, waits in pairs], pa.string())


def _seed(kind: str, account_id: UUID) -> "blake2b":
    text = f"{IDENTITY_VERSION}{_SEPARATOR}{kind}{_SEPARATOR}{account_id}{_SEPARATOR}"
    return blake2b(text.encode(), digest_size=SIZE)
