"""Fetching: what a mapped API has, as documents of our own JSON lines, a run from where the last one ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from ai2.ingest.sources.model import ONLY_ACCOUNT, Connected, Document, Page, RemoteAccount, Session
from ai2.ingest.sources.rest import mapping, paths, rows
from ai2.ingest.sources.rest.calls import Calls
from ai2.ingest.sources.rest.paging import Answer, walk
from ai2.kit.errors import FieldError

# So many rows come into the books at once, and are safe from then on.
ROWS_A_PAGE = 5_000
PREVIEW_ROWS = 10


@dataclass(frozen=True)
class Shown:
    """A row of a preview: as it came, and what is made of it; none: it is left out."""

    original: Any
    line: Mapping[str, Any] | None
    account_key: str


@dataclass(frozen=True)
class Preview:
    """The first rows, how many the first page has, and whether there is a second one."""

    rows: tuple[Shown, ...]
    first_page_rows: int
    has_more: bool


def connect(session: Session) -> Connected:
    """Try the mapping on what is there. Raises MappingDoesNotHold where it makes nothing of any row."""
    found = preview(session)
    lines = [shown.line for shown in found.rows if shown.line is not None]
    faults = [
        FieldError(f"settings.fields.{name}.path", "finds nothing that can be read in the first rows")
        for name in ("date", "amount")
        if lines and all(line[name] is None for line in lines)
    ]
    if faults:
        raise mapping.MappingDoesNotHold(errors=tuple(faults))
    settings = session.settings
    return Connected(
        accounts=tuple(
            RemoteAccount(account["key"], account["name"], account.get("currency") or settings.get("currency"))
            for account in settings.get("accounts", ())
        )
    )


def preview(session: Session) -> Preview:
    """The first rows of the first account, and what the mapping makes of them. Nothing is written anywhere."""
    mapping.check(session.settings, session.credentials)
    with Calls(session) as calls:
        keys = _keys(session.settings)
        first = next(_answers(session, calls, keys[0], _Since(session, keys[0])), Answer([], has_more=False))
    shown = tuple(
        Shown(row, rows.line(row, session.settings, _currency(session.settings, key)), key)
        for row in islice(first.rows, PREVIEW_ROWS)
        for key in [_account_of(row, session.settings, keys[0])]
    )
    return Preview(shown, len(first.rows), first.has_more)


def pages(session: Session) -> Iterator[Page]:
    """Pages of so many rows; the cursor has each account's newest day once a run is through."""
    mapping.check(session.settings, session.credentials)
    newest: dict[str, str] = {}
    gathered = _Gathered()
    with Calls(session) as calls:
        for key in _keys(session.settings):
            since = _Since(session, key)
            for answer in _answers(session, calls, key, since):
                days = gathered.add(answer.rows, session.settings, key)
                since.saw(days)
                # what was gathered is safe, and where a run begins stays where it was until one is through
                yield gathered.page(session.cursor or {}) if gathered.count >= ROWS_A_PAGE else Page()
                if since.is_reached(days):
                    break
            if since.newest:
                newest[key] = since.newest.isoformat()
    yield gathered.page({"newest": newest})


class _Since:
    """From which day on to ask, and the newest day that was seen."""

    def __init__(self, session: Session, key: str) -> None:
        self._how: Mapping[str, Any] = session.settings.get("incremental", {})
        self._session = session
        today = datetime.now(UTC).date()
        newest = (session.cursor or {}).get("newest", {}).get(key)
        self.newest = date.fromisoformat(newest) if newest else None
        # a row of a day to come moves nothing: what comes until then would be passed over
        self._latest = today + timedelta(days=1)
        if session.since:
            self.day = session.since
        elif self.newest:
            self.day = self.newest - timedelta(days=self._how.get("overlap_days", 7))
        else:
            self.day = today - timedelta(days=self._how.get("first_days", 730))

    def parameters(self) -> dict[str, str]:
        asked = {}
        if "parameter" in self._how:
            asked[self._how["parameter"]] = _written(self.day, self._how.get("format", "iso"))
        if "until_parameter" in self._how and self._session.until:
            asked[self._how["until_parameter"]] = _written(self._session.until, self._how.get("format", "iso"))
        return asked

    def saw(self, days: list[date]) -> None:
        self.newest = max([*(day for day in days if day <= self._latest), *filter(None, [self.newest])], default=None)

    def is_reached(self, days: list[date]) -> bool:
        """Whether all that follows is older, in an API that gives the newest first."""
        return bool(self._how.get("newest_first") and days and max(days) < self.day)


@dataclass
class _Gathered:
    """Lines since the last safe point, by account."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    def add(self, found: list[Any], settings: Mapping[str, Any], key: str) -> list[date]:
        """Take rows in, and say which days they are of."""
        days = []
        for row in found:
            own = _account_of(row, settings, key)
            line = rows.line(row, settings, _currency(settings, own))
            if line is not None:
                self.lines.setdefault(own, []).append(rows.dumped(line))
                self.count += 1
                if day := rows.day_of(line):
                    days.append(day)
        return days

    def page(self, cursor: Mapping[str, Any]) -> Page:
        documents = tuple(
            Document("rows.jsonl", ("\n".join(lines) + "\n").encode("utf-8", "replace"), key)
            for key, lines in self.lines.items()
        )
        self.lines, self.count = {}, 0
        return Page(documents=documents, cursor=dict(cursor))


def _answers(session: Session, calls: Calls, key: str, since: _Since) -> Iterator[Answer]:
    url = str(session.settings["url"]).replace("{account}", quote(key, safe=""))
    return walk(calls, session.settings, url, since.parameters())


def _keys(settings: Mapping[str, Any]) -> list[str]:
    """For whose rows there is a walk of its own."""
    if "{account}" in str(settings["url"]):
        return [str(account["key"]) for account in settings["accounts"]]
    return [ONLY_ACCOUNT]


def _account_of(row: Any, settings: Mapping[str, Any], key: str) -> str:
    found = paths.value(settings["account_path"], row) if "account_path" in settings else None
    return key if found is None else str(found)


def _currency(settings: Mapping[str, Any], key: str) -> str | None:
    own = next((account.get("currency") for account in settings.get("accounts", ()) if account["key"] == key), None)
    return own or settings.get("currency")


def _written(day: date, how: str) -> str:
    if how in ("unix", "unix_ms"):
        seconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        return str(seconds * (1000 if how == "unix_ms" else 1))
    return day.isoformat() if how == "iso" else day.strftime(how)
