"""REST: two APIs of different shape come into the books by their mappings, each row once, and nobody else is asked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ai2.connections import service, syncing, third_party
from ai2.connections.model import Sync
from ai2.identity.organizations import Organization
from ai2.ingest.sources import asking
from ai2.ingest.sources.asking import AddressNotAllowed, AnswerNotUnderstood, ProviderBusy, ProviderDown
from ai2.ingest.sources.problems import CredentialsRefused
from ai2.ingest.sources.rest import calls, fetching, mapping
from ai2.ingest.sources.rest.paging import PagesRepeat
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.connections.fakes.rest import OpenBank, Payments
from tests.connections.sessions import brought, session

TOKEN = {"token": "token"}
CLIENT = {"client_id": "shop", "client_secret": "s3cret"}


@pytest.fixture
def payments() -> Iterator[Payments]:
    with Payments() as made:
        made.add("p1", "2026-03-01", 120_000, "Takings")
        made.add("p2", "2026-03-02", -420, "Fee")
        made.add("p3", "2026-03-02", -420, "Fee")
        made.add("p4", "2026-03-03", -999, "Refused", status="failed")
        made.add("p5", "2026-03-04", -1500, "Refund", status="pending")
        yield made


@pytest.fixture
def bank() -> Iterator[OpenBank]:
    with OpenBank() as made:
        for number in range(1, 8):
            made.add("a/1", f"m{number}", f"2026-03-0{number}", f"{number},50", "Card payment", f"Shop {number}")
        made.add("b", "s1", "2026-03-05", "-1000,00", "Wages")
        yield made


@pytest.fixture(autouse=True)
def in_this_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "connect_private", True)


async def connected(
    database: Database, organization: Organization, mapped: Mapping[str, Any], secret: Mapping[str, Any]
) -> "Synced":
    connection, _ = await service.connect(
        database, organization.organization_id, provider="rest", kind="third_party", name="Shop", settings=mapped,
        secret=secret, created_by="test",
    )  # fmt: skip
    return Synced(database, organization, connection.connection_id)


class Synced:
    """A connection that a test syncs and looks at."""

    def __init__(self, database: Database, organization: Organization, connection_id: Any) -> None:
        self._database, self._owner, self._id = database, organization.organization_id, connection_id

    async def run(self) -> Sync:
        await syncing.sync(self._database, self._owner, self._id, trigger="person")
        async with self._database.transaction(self._owner) as db:
            return (await service.history(db, self._owner, self._id, before=None, limit=1))[0]

    async def books(self) -> list[tuple[str, ...]]:
        async with self._database.transaction(self._owner) as db:
            found = await rows(
                db,
                "select booked_on, amount, description, status from published.transactions order by booked_on, amount",
            )
        return [tuple(str(value) for value in row.values()) for row in found]

    async def error(self) -> Any:
        async with self._database.transaction(self._owner) as db:
            return (await service.get(db, self._owner, self._id)).error


async def test_a_payment_processor_comes_into_the_books_once(
    database: Database, organization: Organization, payments: Payments
) -> None:
    synced = await connected(database, organization, payments.mapping(), TOKEN)
    first = await synced.run()
    assert (first.outcome, first.rows_in, first.rows_loaded) == ("ok", 4, 4)
    assert await synced.books() == [
        ("2026-03-01", "1200.00", "Takings", "posted"),
        ("2026-03-02", "-4.20", "Fee", "posted"),
        ("2026-03-02", "-4.20", "Fee", "posted"),
        ("2026-03-04", "-15.00", "Refund", "pending"),
    ]
    payments.add("p6", "2026-03-05", -100, "Fee")
    payments.asked.clear()
    again = await synced.run()
    # asked from two days before the newest that was seen
    assert {request.query["created[gte]"] for request in payments.asked} == {"1772409600"}
    assert (again.rows_in, again.rows_loaded, again.rows_duplicate, len(await synced.books())) == (4, 1, 3, 5)


async def test_a_bank_comes_into_the_books_each_account_in_its_own(
    database: Database, organization: Organization, bank: OpenBank
) -> None:
    mapped = bank.mapping("a/1", "b", incremental={"newest_first": True, "overlap_days": 1})
    synced = await connected(database, organization, mapped, CLIENT)
    first = await synced.run()
    assert (first.error, first.rows_in, first.rows_loaded, len(first.batches)) == (None, 8, 8, 2)
    books = await synced.books()
    assert books[0] == ("2026-03-01", "-1.50", "Card payment Shop 1", "posted")
    assert ("2026-03-05", "1000.00", "Wages", "posted") in books
    bank.add("a/1", "m8", "2026-03-08", "8,50", "Card payment", "Shop 8")
    bank.asked.clear()
    again = await synced.run()
    assert again.rows_loaded == 1
    # the newest come first: once a page is older than the overlap the third is not asked for
    pages = [request.query.get("page", "1") for request in bank.asked if "a%2F1" in request.path]
    assert pages == ["1", "2"]


async def test_a_row_that_cannot_be_read_is_put_aside_and_not_lost(
    database: Database, organization: Organization, payments: Payments
) -> None:
    payments.add("p7", "2026-03-06", -100, "No amount", amount="about a pound")
    payments.add("p8", "2026-03-06", -100, "No day", created="soon")
    mapped = payments.mapping(incremental={})
    payments.entries = [each for each in payments.entries if each["id"] in ("p1", "p7", "p8")]
    payments._answer = lambda _: (200, {}, {"data": payments.entries, "paging": {}})  # type: ignore[method-assign]
    payments.answer = payments._answer
    synced = await connected(database, organization, mapped, TOKEN)
    first = await synced.run()
    assert (first.rows_in, first.rows_loaded, first.rows_quarantined) == (3, 1, 2)


async def test_a_mapping_is_tried_without_anything_being_kept(
    database: Database, organization: Organization, payments: Payments
) -> None:
    shown = await third_party.preview(database, settings=payments.mapping(), secret=TOKEN)
    assert (shown.first_page_rows, shown.has_more) == (3, True)
    first = shown.rows[0]
    assert first.original == payments.entries[0]
    assert first.line is not None
    assert (str(first.line["amount"]), first.line["date"], first.line["merchant"]) == (
        "1200.00", "2026-03-01", "Takings Ltd",
    )  # fmt: skip
    async with database.transaction(organization.organization_id) as db:
        assert await service.count(db, organization.organization_id) == 0


def test_a_mapping_that_makes_nothing_of_what_is_there_is_not_connected(payments: Payments) -> None:
    fields = {"date": {"path": "no.where"}, "amount": {"path": "amount"}}
    with pytest.raises(mapping.MappingDoesNotHold) as refused:
        fetching.connect(session(payments.mapping(fields=fields), TOKEN))
    assert [error.field for error in refused.value.errors] == ["settings.fields.date.path"]


def test_a_token_that_ends_in_the_middle_is_renewed(bank: OpenBank) -> None:
    pages = fetching.pages(session(bank.mapping("a/1"), CLIENT))
    next(pages)
    bank.tokens = dict.fromkeys(bank.tokens, 0.0)
    documents, _ = brought(pages)
    assert documents[0].content.count(b"\n") == 7
    assert len(bank.tokens) == 2


def test_a_page_that_comes_again_and_again_is_told(payments: Payments) -> None:
    ignored = payments.mapping(paging={"type": "page", "parameter": "page"})
    with pytest.raises(PagesRepeat):
        brought(fetching.pages(session(ignored, TOKEN)))
    by_offset = payments.mapping(paging={"type": "none"}, query={"limit": "100"})
    documents, _ = brought(fetching.pages(session(by_offset, TOKEN)))
    assert documents[0].content.count(b"\n") == 4


@pytest.mark.parametrize(("kind", "numbers"), [("page", [1, 2, 3]), ("offset", [0, 3, 5])])
def test_pages_are_had_by_their_number_in_the_address_or_in_the_body(
    payments: Payments, kind: str, numbers: list[int]
) -> None:
    for place in ("query", "body"):
        asked: list[Any] = []

        def answer(request: Any, place: str = place, asked: list[Any] = asked) -> Any:
            said = json.loads(request.body) if place == "body" else request.query
            asked.append(said["from" if kind == "offset" else "n"])
            begin = int(asked[-1]) if kind == "offset" else (int(asked[-1]) - 1) * 3
            assert int(said["limit"]) == 3
            return 200, {}, {"data": payments.entries[begin : begin + 3]}

        payments.answer = answer
        paging = {"type": kind, "parameter": "from" if kind == "offset" else "n", "size_parameter": "limit", "size": 3}
        how = {"method": "POST", "parameters_in": place, "body": {"what": "entries"}} if place == "body" else {}
        documents, _ = brought(fetching.pages(session(payments.mapping(paging=paging, **how), TOKEN)))
        assert documents[0].content.count(b"\n") == 4
        # in a body numbers are numbers
        assert asked == (numbers if place == "body" else [str(number) for number in numbers])


@pytest.mark.parametrize("kind", ["link", "next_url"])
def test_a_next_page_elsewhere_is_not_asked_for(payments: Payments, kind: str) -> None:
    """The control: at the same server the next page is had."""
    with Payments() as elsewhere:
        strange = [(host, False) for host in ("http://169.254.169.254", "//10.0.0.1", "//[::1", "file://", "gopher:x")]
        for host, is_followed in ((elsewhere.url, False), *strange, (payments.url, True), ("", True)):
            to = f"{host}/v1/entries?after=p3"
            payments.answer = _first_leads_to(payments, to)
            paging = {"type": kind} | ({"path": "next_url"} if kind == "next_url" else {})
            pages = fetching.pages(session(payments.mapping(paging=paging), TOKEN))
            if is_followed:
                assert b'"p5"' in brought(pages)[0][0].content
            else:
                with pytest.raises(AnswerNotUnderstood, match=r"another server|no address"):
                    brought(pages)
        assert elsewhere.asked == []


def _first_leads_to(payments: Payments, to: str) -> Any:
    def answer(request: Any) -> Any:
        status, headers, body = payments._answer(request)
        if "after" not in request.query:
            headers, body = {"Link": f'<{to}>; rel="next"'}, {**body, "next_url": to}
        return status, headers, body

    return answer


class TestRefusals:
    def test_a_short_pause_is_waited_for(self, payments: Payments, monkeypatch: pytest.MonkeyPatch) -> None:
        waited: list[float] = []
        monkeypatch.setattr(calls.time, "sleep", waited.append)
        payments.faults = [(429, {"Retry-After": "3"}), (503, {})]
        documents, _ = brought(fetching.pages(session(payments.mapping(), TOKEN)))
        assert waited == [3, 4]
        assert documents[0].content.count(b"\n") == 4

    def test_a_long_pause_ends_the_run(self, payments: Payments) -> None:
        payments.faults = [(429, {"Retry-After": "3600"})]
        with pytest.raises(ProviderBusy) as busy:
            brought(fetching.pages(session(payments.mapping(), TOKEN)))
        assert busy.value.retry_after_s == 3600

    def test_a_server_that_breaks_is_tried_again_later(self, payments: Payments) -> None:
        payments.faults = [(500, {})]
        with pytest.raises(ProviderDown):
            fetching.connect(session(payments.mapping(), TOKEN))

    @pytest.mark.parametrize("body", [b"<html>", b'{"data": [NaN]}', b"[" * 100_000, b"\xff\xfe", b""])
    def test_an_answer_that_is_no_json_is_told(self, payments: Payments, body: bytes) -> None:
        payments.answer = lambda _: (200, {}, body)
        with pytest.raises(AnswerNotUnderstood):
            fetching.connect(session(payments.mapping(), TOKEN))

    async def test_wrong_credentials_are_told_in_our_words(
        self, database: Database, organization: Organization, payments: Payments, bank: OpenBank
    ) -> None:
        """The provider's own words repeat the key."""
        canary = {"token": "canary-3f"}
        with pytest.raises(CredentialsRefused) as refused:
            await connected(database, organization, payments.mapping(), canary)
        assert "canary" not in repr(refused.value) + str(vars(refused.value))
        with pytest.raises(CredentialsRefused):
            await connected(database, organization, bank.mapping("b"), {**CLIENT, "client_secret": "canary"})

    def test_a_token_that_would_add_a_header_is_refused(self, payments: Payments) -> None:
        with pytest.raises(CredentialsRefused):
            fetching.connect(session(payments.mapping(), {"token": "token\r\nX-Evil: 1"}))
        assert payments.asked == []

    @pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1/", "https://a..b/", "https://2130706433/x"])
    def test_an_address_in_this_network_is_refused(self, payments: Payments, url: str) -> None:
        for mapped in (payments.mapping(url=url), payments.mapping()):
            with pytest.raises((AddressNotAllowed, AnswerNotUnderstood)):
                fetching.connect(session(mapped, TOKEN, allows_private=False))
        assert payments.asked == []


def test_letters_that_are_halves_of_others_are_mended(payments: Payments) -> None:
    payments.answer = lambda _: (
        200,
        {},
        b'{"data": [{"id": "\\ud83d", "created": 1772409600, "amount": 1, "type": ""}]}',
    )
    (document,), _ = brought(fetching.pages(session(payments.mapping(), TOKEN)))
    assert "\ufffd" in document.content.decode()
    assert asking._whole({"a": ["\ud83d\ude00", "\ud83d"]}) == {"a": ["😀", "\ufffd"]}
