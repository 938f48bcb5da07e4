"""Plaid as a source: what it fetches of a bank, exactly as the bank wrote it, and what it makes of every refusal."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from ai2.ingest.sources.model import Page, Session
from ai2.ingest.sources.names import source
from ai2.ingest.sources.plaid import SOURCE, client, problems, transactions
from ai2.ingest.sources.problems import ConsentExpired, Transient
from ai2.kit.logs import way
from ai2.kit.settings import settings
from tests.connections.fakes import plaid_described
from tests.connections.fakes.plaid import CLIENT_ID, SECRET, Plaid, serving, written
from tests.connections.fakes.plaid_bank import Item, account, error, row

SYNC = "/transactions/sync"


@pytest.fixture
def plaid(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plaid]:
    """Plaid, whose every question and answer of the test was as described."""
    with serving(Plaid()) as fake:
        known = settings()
        monkeypatch.setattr(known, "plaid_client_id", CLIENT_ID)
        monkeypatch.setattr(known, "plaid_secret", SecretStr(SECRET))
        monkeypatch.setattr(known, "plaid_url", fake.url)
        monkeypatch.setattr(transactions, "WAITS_S", (0.01,) * 3)
        yield fake
    assert fake.wrong == []


def session(**credentials: Any) -> Session:
    return Session(settings={}, credentials=credentials, cursor=None, pace=lambda *_: None, keep=lambda _: None)


@pytest.fixture
def item(plaid: Plaid) -> Item:
    """An Item with two accounts, connected."""
    link = SOURCE.connect(session())
    assert link.link_token
    plaid.consent(link.link_token, [account(1), account(2, type_="credit", subtype="credit card")])
    return next(iter(plaid.items.values()))


def of(item: Item, cursor: Any = None, **more: Any) -> Session:
    known = session(access_token=item.access_token, item_id=item.item_id)
    return replace(known, cursor=cursor, **more)


def add(item: Item, amount: str, name: str = "Shop", kind: str = "added", place: int = 0, **more: Any) -> Any:
    told = row(item.accounts[place]["account_id"], amount, more.pop("date", "2026-03-02"), name, **more)
    item.history.append((kind, told))
    return told


def rows(pages: list[Page], kind: str = "added") -> list[Any]:
    documents = [document for page in pages for document in page.documents]
    return [each for document in documents for each in json.loads(document.content, parse_float=str)[kind]]


def fetched(known: Session) -> list[Page]:
    """What a run keeps: a restart makes void what came before it."""
    kept: list[Page] = []
    for page in SOURCE.pages(known):
        kept = [page] if page.restarts else [*kept, page]
    return kept


def test_it_is_there() -> None:
    assert source("plaid") is SOURCE


def test_amounts_are_the_digits_that_the_bank_wrote(plaid: Plaid, item: Item) -> None:
    written = ["12.30", "-0.10", "9007199254740993.01", "1E+2", "7"]
    for amount in written:
        add(item, amount, "Café “Zoë” \\ 漢字")
    [page] = fetched(of(item))
    assert [each["amount"] for each in rows([page])] == [*written[:4], 7]
    assert {each["name"] for each in rows([page])} == {"Café “Zoë” \\ 漢字"}


def test_each_account_has_its_document(plaid: Plaid, item: Item) -> None:
    add(item, "1.00", "One")
    add(item, "2.00", "Two", place=1)
    [page] = fetched(of(item))
    told = {document.account_key: json.loads(document.content)["added"][0]["name"] for document in page.documents}
    assert told == {item.accounts[0]["account_id"]: "One", item.accounts[1]["account_id"]: "Two"}
    assert [(each.kind, each.balance, each.currency) for each in page.accounts] == [
        ("bank", Decimal("110.10"), "USD"),
        ("card", Decimal("-110.10"), "USD"),  # what is owed
    ]


def test_a_cursor_leads_to_what_was_added_changed_and_taken_back_since(plaid: Plaid, item: Item) -> None:
    first, second = add(item, "1.00"), add(item, "2.00")
    [page] = fetched(of(item))
    item.history += [("modified", {**first, "amount": Decimal("1.50")}), ("removed", second)]
    add(item, "3.00")
    [page] = fetched(of(item, page.cursor))
    assert [rows([page], kind)[0]["transaction_id"] for kind in ("modified", "removed")] == [
        first["transaction_id"], second["transaction_id"],
    ]  # fmt: skip
    assert [each["amount"] for each in rows([page])] == ["3.00"]
    assert fetched(of(item, page.cursor))[0].documents == ()


def test_only_the_last_page_is_a_safe_point(plaid: Plaid, item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "COUNT", 2)
    for number in range(5):
        add(item, f"{number}.00")
    pages = fetched(of(item))
    assert [page.cursor is not None for page in pages] == [False, False, True]
    assert len(rows(pages)) == 5


def test_rows_that_change_between_two_pages_are_read_again_from_where_the_run_began(
    plaid: Plaid, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "COUNT", 2)
    gone, *_ = [add(item, f"{number}.00") for number in range(5)]
    [*_, former] = fetched(of(item))
    for number in range(3):
        add(item, f"{number}.50")
    plaid.meanwhile = [(item, "removed", gone)]
    every = list(SOURCE.pages(of(item, former.cursor)))
    assert [page.restarts for page in every] == [False, True, False]
    pages = fetched(of(item, former.cursor))
    assert [each["amount"] for each in rows(pages)] == ["0.50", "1.50", "2.50"]
    assert [each["transaction_id"] for each in rows(pages, "removed")] == [gone["transaction_id"]]


def test_rows_that_never_stand_still_are_left_for_later(plaid: Plaid, item: Item) -> None:
    plaid.faults[SYNC] = ["mutated"] * 99
    with pytest.raises(problems.ChangedMeanwhile):
        fetched(of(item))
    assert plaid.asked.count(SYNC) == transactions.RESTARTS + 1


def test_a_cursor_of_another_item_is_not_used(plaid: Plaid, item: Item) -> None:
    add(item, "1.00")
    [page] = fetched(of(item))
    assert len(rows(fetched(of(item, {**(page.cursor or {}), "item_id": "of another"})))) == 1


def test_the_first_rows_of_a_new_item_are_waited_for(plaid: Plaid, item: Item) -> None:
    item.status = "NOT_READY"
    assert fetched(of(item))[0].documents == ()
    assert plaid.asked.count(SYNC) == 4


def test_days_are_fetched_once_more(plaid: Plaid, item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "COUNT", 2)
    for day in range(1, 9):
        add(item, f"{day}.00", date=f"2026-03-0{day}")
    late = row(item.accounts[0]["account_id"], "4.40", "2026-03-04", "Late")
    plaid.meanwhile = [(item, "added", late)]
    pages = fetched(of(item, since=date(2026, 3, 3), until=date(2026, 3, 6)))
    assert sorted(each["amount"] for each in rows(pages)) == ["3.00", "4.00", "4.40", "5.00", "6.00"]


FAULTS = [
    ("429", problems.PlaidBusy, 17),
    ("500", problems.PlaidUnreachable, None),
    ("502", problems.PlaidUnreachable, None),
    ("slow", problems.PlaidUnreachable, None),
    ("reset", problems.PlaidUnreachable, None),
    ("half", problems.PlaidUnreachable, None),
    ("moved", problems.PlaidUnreachable, None),
    ("broken", problems.AnswerNotUnderstood, None),
    ("other", problems.AnswerNotUnderstood, None),
]


@pytest.mark.parametrize(("fault", "kind", "wait_s"), FAULTS, ids=[fault for fault, _, _ in FAULTS])
def test_a_fault_is_tried_again_later_and_loses_nothing(
    plaid: Plaid, item: Item, monkeypatch: pytest.MonkeyPatch, fault: str, kind: type[Transient], wait_s: int | None
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", (0.5, 0.5))
    add(item, "1.00")
    plaid.faults[SYNC] = [fault]
    with pytest.raises(kind) as refused:
        fetched(of(item))
    assert isinstance(refused.value, Transient)
    assert refused.value.retry_after_s == wait_s
    assert len(rows(fetched(of(item)))) == 1


LASTING = [
    ("ITEM_LOGIN_REQUIRED", None, problems.SignInNeeded, "needs_consent"),
    ("ITEM_LOGIN_REQUIRED", "OAUTH_CONSENT_EXPIRED", ConsentExpired, "expired"),
    ("USER_PERMISSION_REVOKED", None, problems.AccessEnded, "needs_consent"),
    ("NO_ACCOUNTS", None, problems.BankNotSupported, "error"),
]


@pytest.mark.parametrize(
    ("code", "reason", "kind", "becomes"), LASTING, ids=[str(each[2].__name__) for each in LASTING]
)
def test_what_somebody_has_to_do_is_said(
    plaid: Plaid, item: Item, code: str, reason: str | None, kind: type[Exception], becomes: str
) -> None:
    item.error = error(code, reason)
    with pytest.raises(kind) as refused:
        fetched(of(item))
    assert refused.value.becomes == becomes  # type: ignore[attr-defined]
    assert "nobody is to repeat" not in str(refused.value)


def test_what_plaid_still_gives_of_an_item_with_an_error_is_taken(plaid: Plaid, item: Item) -> None:
    """Plaid may answer with rows that it had before it noticed."""
    add(item, "1.00")
    item.error = error("ITEM_LOGIN_REQUIRED")
    plaid.healthy = plaid.item  # type: ignore[method-assign]
    pages = SOURCE.pages(of(item))
    assert len(rows([next(pages)])) == 1
    with pytest.raises(problems.SignInNeeded):
        next(pages)


def test_an_installation_without_keys_says_so(plaid: Plaid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "plaid_secret", SecretStr("another"))
    with pytest.raises(problems.KeysRefused):
        SOURCE.connect(session())
    monkeypatch.setattr(settings(), "plaid_secret", None)
    with pytest.raises(problems.PlaidNotSetUp, match="PLAID_CLIENT_ID"):
        SOURCE.connect(session())


def test_a_public_token_is_exchanged_once(plaid: Plaid) -> None:
    link = SOURCE.connect(session())
    with pytest.raises(problems.NotFinished):
        SOURCE.finish(session(**link.credentials), {})  # type: ignore[misc]
    public = plaid.consent(str(link.link_token))
    made = SOURCE.finish(session(**link.credentials), {"public_token": public})  # type: ignore[misc]
    assert made.external_id == plaid.items[made.credentials["access_token"]].item_id
    with pytest.raises(problems.PublicTokenRefused):
        SOURCE.finish(session(**link.credentials), {"public_token": public})  # type: ignore[misc]


def test_where_the_browser_brings_nothing_the_link_is_asked(plaid: Plaid) -> None:
    link = SOURCE.connect(session())
    plaid.consent(str(link.link_token))
    made = SOURCE.finish(session(**link.credentials), {})  # type: ignore[misc]
    assert made.credentials["access_token"] in plaid.items


def test_an_item_is_repaired_in_update_mode(plaid: Plaid, item: Item) -> None:
    item.error, item.expires_at = error("ITEM_LOGIN_REQUIRED"), datetime.now(UTC) + timedelta(days=1)
    kept = {"access_token": item.access_token, "item_id": item.item_id, "user": "u1"}
    link = SOURCE.connect(session(**kept))
    kept |= link.credentials
    assert plaid.links[str(link.link_token)].asked["access_token"] == item.access_token
    with pytest.raises(problems.NotFinished):
        SOURCE.finish(session(**kept), {})  # type: ignore[misc]
    public = plaid.consent(str(link.link_token))
    made = SOURCE.finish(session(**kept), {"public_token": public})  # type: ignore[misc]
    assert (made.credentials["access_token"], made.external_id) == (item.access_token, item.item_id)
    assert made.consent_expires_at
    assert made.consent_expires_at > datetime.now(UTC) + timedelta(days=80)
    assert public in plaid.public  # it was not exchanged


def test_where_nothing_is_left_to_repair_a_new_item_takes_its_place(plaid: Plaid, item: Item) -> None:
    item.is_removed = True
    kept = {"access_token": item.access_token, "item_id": item.item_id, "user": "u1"}
    kept |= SOURCE.connect(session(**kept)).credentials
    with pytest.raises(problems.NotFinished):
        SOURCE.finish(session(**kept), {})  # type: ignore[misc]
    plaid.consent(kept["link_token"], item.accounts)
    made = SOURCE.finish(session(**kept), {})  # type: ignore[misc]
    assert made.external_id != item.item_id
    assert "/item/remove" in plaid.asked


def test_parting_removes_the_item_and_once_is_enough(plaid: Plaid, item: Item) -> None:
    for _ in range(2):
        SOURCE.disconnect(of(item))  # type: ignore[misc]
    assert item.is_removed


def test_no_token_is_in_an_error_or_a_log(plaid: Plaid, item: Item, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")  # the SDK has it say less
    told = ""
    for fault in ("429", "502", "reset", "broken"):
        plaid.faults[SYNC] = [fault]
        with pytest.raises(Transient) as refused:
            fetched(of(item))
        error: BaseException | None = refused.value
        while error is not None:
            told += f"{error!r} {error} {way(error)} {vars(error)}"
            error = error.__cause__ or error.__context__
    assert "PlaidBusy" in told
    for secret in (item.access_token, SECRET):
        assert secret not in told + caplog.text
    assert "transactions/sync" in caplog.text  # something was logged


def test_the_fake_is_held_to_the_sdk_and_to_the_description(plaid: Plaid, item: Item) -> None:
    right = add(item, "1.00")
    asked = {"access_token": item.access_token}
    plaid.check(SYNC, 200, written(plaid.answer(SYNC, asked)))
    item.history.append(("added", {name: value for name, value in right.items() if name != "pending"}))
    with pytest.raises(Exception, match="pending"):
        plaid.check(SYNC, 200, written(plaid.answer(SYNC, asked)))


def test_the_description_is_at_hand_and_asked(plaid: Plaid, item: Item) -> None:
    described = plaid_described.plaid()
    if described is None:
        pytest.skip("no contracts beside AI2_TEST_DATA")
    described.check_request(SYNC, {"access_token": "a", "count": 500})
    with pytest.raises(Exception, match="500"):
        described.check_request(SYNC, {"access_token": "a", "count": 501})
    with pytest.raises(Exception, match="is a required property"):
        described.check_answer(SYNC, 200, {"added": []})
