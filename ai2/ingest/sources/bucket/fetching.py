"""Fetching from a bucket: what lies below a prefix, and each object in pieces of one and the same version.

The S3 protocol is spoken here, over the guarded client: libraries that speak it look names up by themselves and follow
redirects, and the endpoint is named by a tenant.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

import httpx2

from ai2.ingest.sources import asking, remote_files
from ai2.ingest.sources.asking import AnswerNotUnderstood, ProviderDown
from ai2.ingest.sources.bucket import signing
from ai2.ingest.sources.bucket.signing import Keys
from ai2.ingest.sources.model import Connected, Page, Session
from ai2.ingest.sources.remote_files import PIECE_BYTES, FolderNotThere, RemoteFile

ATTEMPTS = 3
LARGEST_LISTING = 20_000_000
_CHANGED = 412


def connect(session: Session) -> Connected:
    """List the first objects, with these keys."""
    with _client(session) as client:
        next(_listing(session, client), None)
    return Connected()


def pages(session: Session) -> Iterator[Page]:
    with _client(session) as client:
        yield from remote_files.pages(session, _listing(session, client), lambda file: _pieces(session, client, file))


def _client(session: Session) -> httpx2.Client:
    return asking.client(session, largest=LARGEST_LISTING)


def _listing(session: Session, client: httpx2.Client) -> Iterator[RemoteFile]:
    """The objects directly below the prefix; those below a further slash are of another folder."""
    prefix = _prefix(session)
    asked = {"list-type": "2", "prefix": prefix, "delimiter": "/", "encoding-type": "url"}
    while True:
        answer = _get(session, client, f"{_bucket_url(session)}?{signing.query(asked)}", {})
        if answer.status_code == 404:
            raise FolderNotThere("The bucket is not there.")
        asking.check(answer)
        tree = _tree(answer.content)
        for entry in tree.iterfind("{*}Contents"):
            yield _object(entry, prefix)
        following = tree.findtext("{*}NextContinuationToken")
        if tree.findtext("{*}IsTruncated") != "true" or not following:
            return
        if following == asked.get("continuation-token"):
            raise AnswerNotUnderstood("The store gives the same objects again and again.")
        asked["continuation-token"] = following


def _pieces(session: Session, client: httpx2.Client, file: RemoteFile) -> Iterator[bytes]:
    url = f"{_bucket_url(session)}{signing.escaped(_prefix(session) + file.name, keeps='/')}"
    for place in range(0, file.size_bytes, PIECE_BYTES):
        last = min(place + PIECE_BYTES, file.size_bytes) - 1
        answer = _piece(session, client, url, {"Range": f"bytes={place}-{last}", "If-Match": f'"{file.version}"'})
        if answer.status_code in (_CHANGED, 404):
            return
        asking.check(answer)
        if answer.status_code != 206 and not (place == 0 and last == file.size_bytes - 1):
            raise AnswerNotUnderstood("The store gives no parts of objects.")
        yield answer.content


def _piece(session: Session, client: httpx2.Client, url: str, headers: dict[str, str]) -> httpx2.Response:
    """A piece, asked for again where the connection broke."""
    for attempt in range(ATTEMPTS):
        try:
            return _get(session, client, url, headers)
        except ProviderDown:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt raises or answers")


def _get(session: Session, client: httpx2.Client, url: str, headers: dict[str, str]) -> httpx2.Response:
    known = session.credentials
    session.pace(f"{url.partition('?')[0]} {known.get('access_key', '')}")
    if known.get("access_key"):
        keys = Keys(
            known["access_key"], known.get("secret_key", ""), _region(session), known.get("session_token") or None
        )
        headers = signing.signed(url, headers, keys, datetime.now(UTC))
    with asking.told():
        return client.get(url, headers=headers)


def _region(session: Session) -> str:
    return str(session.settings.get("region") or "us-east-1")


def _prefix(session: Session) -> str:
    """As a folder is named: without a slash before it, and with one behind."""
    plain = str(session.settings.get("prefix") or "").strip("/")
    return f"{plain}/" if plain else ""


def _bucket_url(session: Session) -> str:
    """Where the bucket is: at Amazon a host of its own, elsewhere a folder of the endpoint, as every store has it."""
    bucket, endpoint = str(session.settings["bucket"]), session.settings.get("endpoint")
    if not endpoint and "." not in bucket:  # else no certificate is for it
        return f"https://{bucket}.s3.{_region(session)}.amazonaws.com/"
    root = str(endpoint or f"https://s3.{_region(session)}.amazonaws.com").rstrip("/")
    return f"{root}/{signing.escaped(bucket)}/"


def _tree(content: bytes) -> ElementTree.Element:
    # without a document type there are no entities; what is in another encoding than UTF-8 could hide one
    if b"<!" in content or b"\0" in content:
        raise AnswerNotUnderstood("The store's answer has what no listing has.")
    try:
        tree = ElementTree.fromstring(content)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError):
        raise AnswerNotUnderstood("The store's answer is no listing.") from None
    if tree.tag.rpartition("}")[2] != "ListBucketResult":
        raise AnswerNotUnderstood("The store's answer is no listing.")
    return tree


def _object(entry: Any, prefix: str) -> RemoteFile:
    try:
        return RemoteFile(
            unquote_plus(entry.findtext("{*}Key")).removeprefix(prefix),
            int(entry.findtext("{*}Size")),
            datetime.fromisoformat(entry.findtext("{*}LastModified")).astimezone(UTC),
            entry.findtext("{*}ETag").strip('"'),
        )
    except (TypeError, ValueError, AttributeError):
        raise AnswerNotUnderstood("The store's listing is not as it should be.") from None
