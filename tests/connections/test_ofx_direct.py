"""OFX Direct Connect: a bank's accounts and what is new in them; what it refuses is told with what to do."""

from collections.abc import Iterator
from typing import Any

import pytest

from ai2 import flows
from ai2.connections import service, syncing
from ai2.identity.organizations import Organization
from ai2.ingest.sources.asking import AnswerNotUnderstood, ProviderRefuses
from ai2.ingest.sources.ofx_direct import answers, fetching
from ai2.ingest.sources.problems import CredentialsRefused, Permanent, Transient
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings
from tests.connections.fakes.ofx import OfxBank
from tests.connections.sessions import brought, session

CARD = "4111111111111111"


@pytest.fixture
def bank() -> Iterator[OfxBank]:
    with OfxBank() as made:
        booked = [("f1", "2026-03-02", "-4.20", "Bakery"), ("f2", "2026-03-03", "1200.00", "Wages")]
        made.accounts = {
            "12345678": ("CHECKING", "GBP", booked),
            CARD: ("CREDITCARD", "USD", [("c1", "2026-03-04", "-9.99", "Books")]),
            "555": ("SAVINGS", "GBP", []),
        }
        yield made


def wanted(bank: OfxBank, **more: Any) -> dict[str, Any]:
    return {"url": f"{bank.url}/ofx", "version": bank.version, "org": "B1", "fid": "10898", "first_days": 3650, **more}


def secret(bank: OfxBank) -> dict[str, Any]:
    return {"username": bank.user, "password": bank.password}


def connected(bank: OfxBank, **more: Any) -> dict[str, Any]:
    """The credentials after a connect."""
    given = {**secret(bank), **more}
    return {**given, **fetching.connect(session(wanted(bank), given)).credentials}


async def test_its_accounts_come_into_the_books_each_in_its_currency(
    database: Database, organization: Organization, bank: OfxBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "connect_private", True)
    owner = organization.organization_id
    connection, _ = await service.connect(
        database, owner, provider="ofx_direct", kind="bank", name="B1", settings=wanted(bank), secret=secret(bank),
        created_by="test",
    )  # fmt: skip
    for _ in range(2):
        await syncing.sync(database, owner, connection.connection_id, trigger="person")
    async with database.transaction(owner) as db:
        again, first = await service.history(db, owner, connection.connection_id, before=None, limit=9)
        linked = await service.accounts(db, owner, connection.connection_id)
        assert CARD not in repr((connection, linked))  # a card's number is kept with the credentials only
    assert (len(first.batches), again.batches) == (2, [])
    assert {(each.kind, each.currency, each.number) for each in linked} == {
        ("bank", "GBP", "12345678"), ("card", "USD", None), ("savings", "GBP", "555"),
    }  # fmt: skip
    for batch_id in first.batches:
        await flows.run_import(database, owner, batch_id)
    async with database.transaction(owner) as db:
        found = await rows(db, "select amount, currency from published.transactions order by booked_on")
    assert [(str(row["amount"]), row["currency"]) for row in found] == [
        ("-4.20", "GBP"), ("1200.00", "GBP"), ("-9.99", "USD"),
    ]  # fmt: skip


@pytest.mark.parametrize("version", [102, 103, 203])
def test_each_version_is_written_as_it_is(bank: OfxBank, version: int) -> None:
    bank.version = version
    known = connected(bank)
    documents, cursor = brought(fetching.pages(session(wanted(bank), known)))
    assert [each.kind for each in documents] == ["file", "file"]
    assert (b"CLIENTUID" in bank.asked[-1].body) == (version >= 103)
    assert brought(fetching.pages(session(wanted(bank), known, cursor)))[0] == []


def test_only_what_is_near_or_new_is_asked_for(bank: OfxBank) -> None:
    known = connected(bank)
    _, cursor = brought(fetching.pages(session(wanted(bank), known)))
    bank.accounts["12345678"][2].append(("f3", "2026-03-05", "-1.00", "Fee"))
    bank.asked.clear()
    (document,), _ = brought(fetching.pages(session(wanted(bank), known, cursor)))
    assert b"<DTSTART>20260221<" in bank.asked[0].body
    assert b"f3" in document.content


def test_a_bank_that_tells_of_no_accounts_is_asked_for_those_that_are_named(bank: OfxBank) -> None:
    bank.accounts = {"12345678": bank.accounts["12345678"]}
    named = [{"number": "12345678", "bank_id": "021000021"}]
    known = connected(bank, accounts=named)
    assert not any(b"ACCTINFORQ" in request.body for request in bank.asked)
    assert len(brought(fetching.pages(session(wanted(bank), known)))[0]) == 1


def test_the_client_is_the_same_each_time(bank: OfxBank) -> None:
    bank.version, bank.clients = 103, {"known-client"}
    with pytest.raises(answers.ClientNotKnown):
        connected(bank)
    assert connected(bank, client_uid="known-client")["client_uid"] == "known-client"
    bank.clients = None
    first = connected(bank)
    assert connected(bank, client_uid=first["client_uid"])["client_uid"] == first["client_uid"]


@pytest.mark.parametrize(
    ("where", "code", "problem", "becomes"),
    [
        ("sign_on_code", 15500, CredentialsRefused, "error"), ("sign_on_code", 15502, answers.LockedOut, "error"),
        ("sign_on_code", 15000, answers.PasswordToBeChanged, "needs_consent"),
        ("sign_on_code", 15510, answers.ClientNotKnown, "needs_consent"),
        ("sign_on_code", 3000, answers.ClientNotKnown, "needs_consent"),
        ("sign_on_code", 2000, answers.BankBusy, None), ("sign_on_code", 15501, answers.BankBusy, None),
        ("sign_on_code", 99999, answers.RequestRefused, "error"),
        ("code", 2000, answers.BankBusy, None), ("code", 2003, answers.AccountRefused, "error"),
    ],
)  # fmt: skip
def test_each_code_says_what_to_do(
    bank: OfxBank, where: str, code: int, problem: type[Transient | Permanent], becomes: str | None
) -> None:
    setattr(bank, where, code)
    with pytest.raises(problem) as refused:
        connected(bank)
    assert str(code) in refused.value.detail
    assert getattr(refused.value, "becomes", None) == becomes


def test_what_the_bank_says_in_words_is_not_repeated(bank: OfxBank) -> None:
    """It repeats the password, as the control sees."""
    bank.sign_on_code = 15502
    with pytest.raises(answers.LockedOut) as refused:
        connected(bank)
    assert bank.password not in repr(refused.value) + str(vars(refused.value))
    assert "s3cret" in str(bank._answer(bank.asked[-1])[2])


@pytest.mark.parametrize(
    "said", [b"", b"<html>Busy</html>", b"<OFX></OFX>", b"<!DOCTYPE x><OFX>", b"<A>" * 100_000, b"\xff\xfe<OFX>"]
)
def test_an_answer_that_is_no_ofx_is_told(bank: OfxBank, said: bytes) -> None:
    bank.answer = lambda _: (200, {}, said)
    with pytest.raises(AnswerNotUnderstood):
        connected(bank)


def test_a_request_of_a_version_that_the_bank_does_not_take_is_told(bank: OfxBank) -> None:
    with pytest.raises(ProviderRefuses):
        fetching.connect(session(wanted(bank, version=220), secret(bank)))
