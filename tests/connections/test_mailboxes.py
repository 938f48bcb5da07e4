"""Mailboxes: what comes into a real one is kept once, and read; nothing in it is changed, and nobody is believed."""

import ssl
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.transactions import attachments
from ai2.connections import mailing, service, syncing
from ai2.identity.organizations import Organization
from ai2.ingest.sources.mailboxes import fetching, wire
from ai2.kit import outside
from ai2.kit.database import Database, rows
from ai2.kit.errors import Problem
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from ai2.receipts import looking
from ai2.receipts import service as receipts
from ai2.receipts.mails import service as mails
from tests.connections import dovecot
from tests.connections.dovecot import PASSWORD, Dovecot
from tests.connections.letters import STATEMENT, letter
from tests.receipts.test_receipts import book

BANK = "Bank <statements@bank.example>"
OF_BANK = "dmarc=pass header.from=bank.example"
SERVER = "mx.example.com"


@pytest.fixture(scope="module")
def mailhost() -> Iterator[Dovecot]:
    with dovecot.running() as running, pytest.MonkeyPatch.context() as patch:
        context = running.authority.trusting()
        patch.setattr(outside, "trusted", lambda: context)
        patch.setattr(settings(), "connect_private", True)
        yield running


@pytest.fixture
def user(mailhost: Dovecot) -> str:
    name = f"u{new_id().hex}"
    mailhost.maildir(name)
    return name


async def connected(database: Database, who: Organization, settings_: dict[str, Any], **more: Any) -> UUID:
    connection, link = await service.connect(
        database, who.organization_id, provider="imap", kind="email", name="Post", settings=settings_,
        secret={"password": more.pop("password", PASSWORD)}, created_by="test", **more,
    )  # fmt: skip
    assert link is None
    return connection.connection_id


async def synced(database: Database, who: Organization, connection_id: UUID) -> str | None:
    """Sync and read; the code of what went wrong."""
    await syncing.sync(database, who.organization_id, connection_id, trigger="person")
    await mailing.read_waiting(database, who.organization_id)
    async with database.transaction(who.organization_id) as db:
        last, *_ = await service.history(db, who.organization_id, connection_id, before=None, limit=1)
    return last.error["code"] if last.error else None


async def kept(database: Database, who: Organization) -> list[mails.Mail]:
    async with database.transaction(who.organization_id) as db:
        return await mails.page(db, who.organization_id, before=None, limit=1000)


async def test_a_mail_is_kept_encrypted_once_and_nobody_sees_that_it_was_read(
    database: Database, organization: Organization, mailhost: Dovecot, user: str
) -> None:
    mailhost.put(user, letter(checked_by=SERVER))
    connection_id = await connected(database, organization, mailhost.settings(user, trusted_server=SERVER))
    for _ in range(2):
        assert await synced(database, organization, connection_id) is None
    [mail] = await kept(database, organization)
    assert (mail.sender, mail.subject, mail.state) == ("orders@shop.example", "Your receipt", "read")
    assert mail.is_sender_verified
    async with database.transaction(organization.organization_id) as db:
        [row] = await rows(db, "select blob_key from receipts.mails")
        assert await mails.raw(db, organization.organization_id, row["blob_key"]) == letter(checked_by=SERVER)
    assert b"receipt" not in (settings().home / "blobs" / row["blob_key"]).read_bytes()
    lies = [path.name for name in ("cur", "new") for path in (mailhost.maildir(user) / name).iterdir()]
    assert len(lies) == 1
    assert "S" not in lies[0].partition(":2,")[2], "still unseen"


RECEIPT = """
<html><head><script type="application/ld+json">
{"@context": "https://schema.org", "@type": "Order", "orderNumber": "SH-20417", "orderDate": "2026-03-02",
 "merchant": {"@type": "Organization", "name": "Harbour Tea Rooms"}, "price": "12.40", "priceCurrency": "GBP"}
</script></head><body><h1>Harbour Tea Rooms</h1><p>2 March 2026</p><p>Total paid: £12.40</p></body></html>
"""


@pytest.mark.parametrize(("found", "is_beside"), [("dmarc=pass header.from=shop.example", True), ("dmarc=fail", False)])
async def test_a_mailed_receipt_comes_to_lie_beside_what_was_paid_where_its_sender_is_known(
    database: Database, organization: Organization, mailhost: Dovecot, user: str, found: str, *, is_beside: bool
) -> None:
    owner = organization.organization_id
    paid = await book(database, owner, "-12.40", "HARBOUR TEA ROOMS 0123 LONDON", date(2026, 3, 3))
    await book(database, owner, "-12.40", "CORNER GARAGE", date(2026, 3, 3))
    mailhost.put(user, letter(html=RECEIPT, checked_by=SERVER, found=found))
    connection_id = await connected(database, organization, mailhost.settings(user, trusted_server=SERVER))
    assert await synced(database, organization, connection_id) is None
    await looking.look(database, owner)
    async with database.transaction(owner) as db:
        documents = await rows(db, "select document_id, supplier, order_number, total from receipts.documents")
        [document] = [row for row in documents if row["supplier"] == "Harbour Tea Rooms" and row["order_number"]]
        matches = await receipts.matches(db, owner, document["document_id"])
        files = await attachments.list_of(db, owner, paid)
    assert (document["order_number"], document["total"]) == ("SH-20417", Decimal("12.40"))
    wanted = "applied" if is_beside else "proposed"
    assert next(match.transaction_id for match in matches if match.state == wanted) == paid, "the likeliest first"
    assert bool(files) == is_beside


async def test_new_numbers_bring_no_mail_twice_and_other_folders_are_read_too(
    database: Database, organization: Organization, mailhost: Dovecot, user: str
) -> None:
    mailhost.put(user, letter(number=1))
    mailhost.put(user, letter(number=2), folder="Bills")
    wanted = mailhost.settings(user, folders=["INBOX", "Bills"])
    connection_id = await connected(database, organization, wanted)
    assert await synced(database, organization, connection_id) is None
    mailhost.renumber(user)
    mailhost.put(user, letter(number=3))
    assert await synced(database, organization, connection_id) is None
    found = await kept(database, organization)
    assert sorted((mail.message_id, mail.folder) for mail in found) == [
        ("1@shop.example", "INBOX"), ("2@shop.example", "Bills"), ("3@shop.example", "INBOX"),
    ]  # fmt: skip


async def test_a_server_that_is_killed_while_it_sends_loses_nothing(
    database: Database,
    organization: Organization,
    mailhost: Dovecot,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(30):
        mailhost.put(user, letter(number=number, text="12.50 EUR\n" * 4_000))
    monkeypatch.setattr(fetching, "BATCH", 5)
    connection_id = await connected(database, organization, mailhost.settings(user))
    reads, read = 0, wire._Imap.read

    def dies(imap: Any, size: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 13:
            mailhost.kill()
        return read(imap, size)

    with monkeypatch.context() as patch:
        patch.setattr(wire._Imap, "read", dies)
        assert await synced(database, organization, connection_id) == "mail_server_down"
    before = len(await kept(database, organization))
    assert before in range(5, 30), "some were safe, and some were not"
    mailhost.start()
    assert await synced(database, organization, connection_id) is None
    assert len({mail.message_id for mail in await kept(database, organization)}) == 30
    async with database.transaction(organization.organization_id) as db:
        history = await service.history(db, organization.organization_id, connection_id, before=None, limit=9)
    assert [sync.mails for sync in history] == [30 - before, before], "it went on where it was"


async def test_a_mail_that_is_too_large_is_told_and_left(
    database: Database, organization: Organization, mailhost: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "mail_bytes", 10_000)
    mailhost.put(user, letter(number=1, subject="Huge", text="line\n" * 5_000))
    mailhost.put(user, letter(number=2))
    assert (
        await synced(database, organization, await connected(database, organization, mailhost.settings(user))) is None
    )
    small, huge = await kept(database, organization)
    assert (small.state, huge.state, huge.subject) == ("read", "too_large", "Huge")
    assert huge.size_bytes > 25_000


async def statements(
    database: Database, who: Organization, mailhost: Dovecot, user: str, **of_letter: Any
) -> tuple[mails.Mail, int]:
    """The mail with a statement from the bank, and how many rows it brought."""
    named = mailhost.settings(user, trusted_server=SERVER, statements_from=["bank.example"])
    mailhost.put(user, letter(**{"sender": BANK, "attached": {"march.csv": STATEMENT}, **of_letter}))
    async with database.transaction(who.organization_id) as db:
        from ai2.books.accounts import service as accounts

        account = await accounts.create(db, who.organization_id, name="Current", currency="GBP")
    connection_id = await connected(database, who, named, account_id=account.account_id)
    assert await synced(database, who, connection_id) is None
    [mail] = await kept(database, who)
    return mail, len(mail.batches)


async def test_a_statement_of_a_named_and_verified_sender_is_imported(
    database: Database, organization: Organization, mailhost: Dovecot, user: str
) -> None:
    mail, batches = await statements(database, organization, mailhost, user, checked_by=SERVER, found=OF_BANK)
    assert (batches, mail.held) == (1, [])


@pytest.mark.parametrize(
    ("of_letter", "reason"),
    [
        ({"checked_by": SERVER, "sender": "Shop <a@shop.example>"}, "sender_not_named"),
        ({"checked_by": SERVER, "found": "dmarc=fail header.from=bank.example"}, "sender_not_verified"),
        # whoever wrote this wrote it into the mail themselves
        ({"checked_by": "mx.elsewhere.example", "found": OF_BANK}, "sender_not_verified"),
        ({}, "sender_not_verified"),
    ],
)
async def test_a_statement_of_anybody_else_waits_for_a_person(
    database: Database,
    organization: Organization,
    mailhost: Dovecot,
    user: str,
    of_letter: dict[str, Any],
    reason: str,
) -> None:
    mail, batches = await statements(database, organization, mailhost, user, **of_letter)
    assert (batches, mail.held) == (0, [{"name": "march.csv", "reason": reason}])


async def test_a_statement_that_waits_is_imported_once_a_person_says_whose_it_is(
    database: Database, organization: Organization, mailhost: Dovecot, user: str
) -> None:
    mail, _ = await statements(database, organization, mailhost, user)
    async with database.transaction(organization.organization_id) as db:
        [account] = await rows(db, "select account_id from books.accounts")
        known = (organization.organization_id, mail.mail_id, account["account_id"], "user:ana")
        assert len(await mailing.import_held(db, *known)) == 1
        with pytest.raises(mailing.NothingHeld):
            await mailing.import_held(db, *known)


async def test_a_wrong_password_asks_for_another(
    database: Database, organization: Organization, mailhost: Dovecot, user: str
) -> None:
    with pytest.raises(Problem) as refused:
        await connected(database, organization, mailhost.settings(user), password="another canary")
    assert refused.value.code == "sign_in_refused"
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"folders": ["Nowhere"]}, "folder_not_there"),
        ({"host": "127.0.0.1"}, "provider_down"),  # the certificate is for localhost
        ({"security": "starttls"}, "mail_server_down"),
        ({"host": "169.254.169.254"}, "address_not_allowed"),
    ],
)
async def test_what_does_not_hold_is_refused_when_it_is_connected(
    database: Database,
    organization: Organization,
    mailhost: Dovecot,
    user: str,
    change: dict[str, Any],
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "READ_S", 2.0)
    with pytest.raises(Problem) as refused:
        await connected(database, organization, mailhost.settings(user, **change))
    assert refused.value.code == code


async def test_a_server_in_this_network_is_refused_where_the_operator_does_not_allow_it(
    database: Database, organization: Organization, mailhost: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connected(database, organization, mailhost.settings(user))
    monkeypatch.setattr(settings(), "connect_private", False)
    with pytest.raises(Problem) as refused:
        await connected(database, organization, mailhost.settings(user))
    assert refused.value.code == "address_not_allowed"


async def test_starttls_is_as_good_and_nobody_else_is_believed(
    database: Database, organization: Organization, mailhost: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = mailhost.settings(user, security="starttls", port=mailhost.plain_port)
    mailhost.put(user, letter())
    assert await synced(database, organization, await connected(database, organization, plain)) is None
    assert len(await kept(database, organization)) == 1
    monkeypatch.setattr(outside, "trusted", lambda: strangers)
    strangers = ssl.create_default_context()
    with pytest.raises(Problem):
        await connected(database, organization, plain)
