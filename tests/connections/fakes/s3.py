"""A store that speaks S3: listings in pages, parts of objects, versions by ETag; it believes only what is signed."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from ai2.ingest.sources.bucket.signing import Keys, signed
from tests.connections.fakes.rest import Request, Server

PAGE = 2


class Store(Server):
    """One bucket, `tills`, and its objects by key."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.keys: Keys | None = Keys("AKID", "s3cret", "eu-west-1")
        self.objects: dict[str, bytes] = {}
        # done before each answer to a GET of an object
        self.before_get: Any = lambda: None

    def _answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if self.keys and not self._is_signed(request):
            return 403, {}, _error("SignatureDoesNotMatch", request.headers.get("authorization", ""))
        path = unquote(request.path)
        if not path.startswith("/tills/"):
            return 404, {}, _error("NoSuchBucket", path)
        if request.query.get("list-type") == "2":
            return 200, {"Content-Type": "application/xml"}, self._listing(request.query)
        self.before_get()
        return self._object(path.removeprefix("/tills/"), request.headers)

    def _is_signed(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        names = re.search(r"SignedHeaders=([^,]*)", given)
        sent = {name: request.headers.get(name, "") for name in names[1].split(";")} if names else {}
        stamp = sent.get("x-amz-date", "19700101T000000Z")
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        own = {name: value for name, value in sent.items() if name != "host" and not name.startswith("x-amz-")}
        assert self.keys is not None
        made = signed(f"http://{request.headers['host']}{request.target}", own, self.keys, at)
        is_fresh = abs((datetime.now(UTC) - at).total_seconds()) < 900
        return is_fresh and made["authorization"] == given

    def _listing(self, query: dict[str, str]) -> bytes:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        every = sorted(key for key in self.objects if key.startswith(prefix))
        found = [key for key in every if "/" not in key.removeprefix(prefix) and key > after]
        shown = found[:PAGE]
        following = f"<NextContinuationToken>{shown[-1]}</NextContinuationToken>" if len(found) > PAGE else ""
        listed = "".join(
            f"<Contents><Key>{quote_plus(key)}</Key><LastModified>2026-03-02T10:00:00.000Z</LastModified>"
            f"<ETag>&quot;{_etag(self.objects[key])}&quot;</ETag><Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>tills</Name><IsTruncated>{'true' if following else 'false'}</IsTruncated>{following}{listed}"
            f"<CommonPrefixes><Prefix>{quote(prefix)}older/</Prefix></CommonPrefixes></ListBucketResult>"
        ).encode()

    def _object(self, key: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        content = self.objects.get(key)
        if content is None:
            return 404, {}, _error("NoSuchKey", key)
        if headers.get("if-match") not in (None, f'"{_etag(content)}"'):
            return 412, {}, _error("PreconditionFailed", key)
        first, last = map(int, headers["range"].removeprefix("bytes=").split("-"))
        return 206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]


def _etag(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()  # noqa: S324 - what it is there


def _error(code: str, says: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{says}</Message></Error>".encode()
