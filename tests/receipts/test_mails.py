"""Mails: read within bounds whoever wrote them, the same by whichever way they came, and believed of nobody."""

import email
import json
import time
from base64 import b64encode
from email import policy
from email.message import EmailMessage
from typing import cast

import pytest

from ai2.receipts.mails import attachments, mime, posted, senders
from ai2.receipts.mails.posted import Field
from tests.connections.letters import STATEMENT, letter

PAGE, PDF = "<p>Grüße, Total: 12.50 GBP</p>", b"%PDF-1.7 a receipt \xff\x00"
LONG_S = 8


def apart(raw: bytes) -> list[Field]:
    """As SendGrid takes a mail apart."""
    read = cast(EmailMessage, email.message_from_bytes(raw, policy=policy.default))
    text, page = read.get_body(("plain",)), read.get_body(("html",))
    files = [
        Field(f"attachment{number}", part.get_content(), part.get_filename(), part.get_content_type())
        for number, part in enumerate(read.iter_attachments(), 1)
    ]
    return [
        Field("headers", raw.partition(b"\r\n\r\n")[0]),
        Field("text", text.get_content().encode("latin-1") if text else b""),
        Field("html", page.get_content().encode() if page else b""),
        Field("charsets", json.dumps({"text": "iso-8859-1", "html": "utf-8"}).encode()),
        Field("envelope", json.dumps({"to": ["A@in.example"], "from": "bounce@shop.example"}).encode()),
        Field("dkim", b"{@shop.example : pass}"),
        Field("SPF", b"softfail"),
        *files,
    ]


def test_a_mail_has_its_body_once_and_its_attachments_without_a_way_to_them() -> None:
    read = mime.read(letter(html=PAGE, attached={"../../etc/receipt.pdf": PDF}))
    assert [(part.name, part.media_type, part.is_body) for part in read.parts] == [
        ("part-3.html", "text/html", True),
        ("receipt.pdf", "application/octet-stream", False),
    ]
    assert read.parts[0].content.decode().strip() == PAGE
    assert read.parts[1].content == PDF


def test_the_same_mail_by_two_ways_is_one_and_another_of_its_id_is_another() -> None:
    raw = letter(html=PAGE, text="Grüße\n\nTotal 12.50", attached={"receipt.pdf": PDF})
    carried = b"Received: from a by b; Mon, 2 Mar 2026 10:00:00 +0000\r\nX-Forwarded-To: c@d.example\r\n" + raw
    taken_apart = posted.arrived(apart(raw))
    twins = {mime.read(each).twin_digest for each in (raw, carried, raw.replace(b"\r\n", b"\n"), taken_apart.raw)}
    assert len(twins) == 1
    others = [letter(text="Total: 1.00"), letter(sender="Shop <orders@shop2.example>"), letter(number=2)]
    assert len({mime.read(each).twin_digest for each in [*others, letter()]}) == 4


def test_a_mail_of_a_page_alone_and_names_of_files_are_the_same_taken_apart() -> None:
    whole = EmailMessage(policy=policy.SMTP)
    whole["From"], whole["Subject"] = "Shop <orders@shop.example>", "Rechnung"
    whole.set_content(PAGE, subtype="html")
    named = {'Rechnung "März"; 1/2.pdf': b"1", "領収書.pdf": b"2", "x" * 150 + ".csv": b"3", "a=?utf-8?q?b?=.txt": b"4"}
    for name, content in named.items():
        whole.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    raw = whole.as_bytes()
    read, again = mime.read(raw), mime.read(posted.arrived(apart(raw)).raw)
    assert again.twin_digest == read.twin_digest
    assert [(part.name[-40:], part.content) for part in again.parts[1:3]] == [
        (part.name[-40:], part.content) for part in read.parts[1:3]
    ]
    assert [part.content for part in again.parts] == [part.content for part in read.parts]


def test_who_hands_a_mail_over_says_what_it_found_of_the_sender() -> None:
    fields = apart(letter(sender="Shop <orders@news.shop.example>"))
    arrived = posted.arrived(fields)
    assert posted.recipients(fields) == ["a@in.example"]
    found = senders.judged(list(arrived.found), by="sendgrid", domain="news.shop.example")
    assert (found.dkim, found.spf, found.is_verified) == ("pass", "softfail", True)
    assert not senders.judged(list(arrived.found), by="sendgrid", domain="bank.example").is_verified


RESULTS, GMAIL = "Authentication-Results", "mx.google.com"
PASS = (
    "spf=pass (google.com: permitted) smtp.mailfrom=bounce@shop.example; dmarc=pass (p=REJECT) header.from=shop.example"
)


@pytest.mark.parametrize(
    ("headers", "sender", "trusted", "is_verified"),
    [
        (f"{RESULTS}: {GMAIL}; {PASS}", "a@shop.example", GMAIL, True),
        (f"{RESULTS}: {GMAIL} 1; dkim=pass header.i=@shop.example", "a@mail.shop.example", GMAIL, True),
        (f"{RESULTS}: spf=fail; dkim=pass header.d=shop.example", "a@shop.example", "", True),
        # nobody is believed
        (f"{RESULTS}: {GMAIL}; {PASS}", "a@shop.example", None, False),
        (f"{RESULTS}: mx.evil.example; {PASS}", "a@shop.example", GMAIL, False),
        # its own is below, whoever wrote it
        (f"{RESULTS}: {GMAIL}; dmarc=fail\n{RESULTS}: {GMAIL}; {PASS}", "a@shop.example", GMAIL,
         False),
        (f"{RESULTS}: mx.evil.example;\n{RESULTS}: {GMAIL}; {PASS}", "a@shop.example", GMAIL,
         False),
        # it passed, for another domain
        (f"{RESULTS}: {GMAIL}; dkim=pass header.d=evil.example", "a@shop.example", GMAIL, False),
        (f"{RESULTS}: {GMAIL}; dkim=pass header.d=example", "a@shop.example", GMAIL, False),
        (f"{RESULTS}: {GMAIL}; dmarc=pass header.from=evil.example", "a@shop.example", GMAIL, False),
        (f"{RESULTS}: {GMAIL}; dkim=pass header.d=shop.example.evil.example", "a@shop.example", GMAIL, False),
        # said in a comment, or by a sender's name
        (f"{RESULTS}: {GMAIL}; dkim=fail (x; dmarc=pass (; dkim=pass) header.d=shop.example)",
         "a@shop.example", GMAIL, False),
        (f"{RESULTS}: {GMAIL}; dmarc=pass header.from=evil.example", "a@shop.example <x@evil.example>", GMAIL,
         False),
        (f"{RESULTS}: {GMAIL}; dmarc=pass", "a@shop.example", GMAIL, False),
        # two senders
        (f"From: b@evil.example\n{RESULTS}: {GMAIL}; {PASS}", "a@shop.example", GMAIL, False),
        (f"{RESULTS}: {GMAIL}; {PASS}", "a@shop.example, b@evil.example", GMAIL, False),
    ],
)  # fmt: skip
def test_a_sender_is_who_a_believed_server_found_them_to_be(
    headers: str, sender: str, trusted: str | None, is_verified: bool
) -> None:
    message = mime.read(f"{headers}\nFrom: {sender}\nSubject: x\n\nbody".encode())
    found = senders.authentication(message, trusted)
    assert found.is_verified is is_verified, (found, message.senders)


def nested(depth: int) -> bytes:
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return b"From: a@b.example\n" + opened + b"Content-Type: text/plain\n\nx\n"


@pytest.mark.parametrize(
    ("raw", "is_read"),
    [
        (nested(20), True),
        (nested(5_000), False),
        (b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000, False),
        (b"From: a@b.example\n\n" + b"\n" * 6_000_000, False),
        (b"From: " + b"a@b.example, " * 100_000 + b"\n\nx", False),
        (b"From: " + b"(" * 200_000 + b"\n\nx", True),
        (b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\n\nx", True),
        (b'Content-Type: text/plain; name="' + b'"<(' * 60_000 + b"\n\nx", True),
        (b"Content-Type: text/plain; charset=no-such\n\n\xff\xfe", True),
        (b"Content-Type: text/plain; charset=\x00\n\n\xff", True),
        (b"Content-Transfer-Encoding: base64\n\n" + b64encode(b"\n" * 3_000_000), False),
        (b"Content-Type: text/plain; charset=punycode\n\n" + b"a" * 500_000 + b"-" + b"b9" * 500_000, True),
        (b"Content-Type: text/plain; charset=idna\n\n" + b"xn--" + b"a" * 1_000_000, True),
        (b"Content-Type: multipart/mixed; boundary=\n\n--\n\nx", True),
        (b"Content-Type: message/rfc822\n\n" * 400 + b"x", False),
        (b"Content-Transfer-Encoding: base64\n\n%%%%", True),
        (b"Date: Mon, 99 Foo 99999 99:99:99 +9999999\nMessage-ID: <" + b"x" * 9000 + b"\n\nx", True),
        (b"\x00" * 1000, True),
        (b"", True),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_what_means_harm_is_read_as_far_as_it_goes_or_not_at_all(raw: bytes, is_read: bool) -> None:
    begun = time.process_time()
    try:
        message = mime.read(raw)
        senders.authentication(message, "mx.example.com")
        assert is_read
        assert "\x00" not in f"{message.subject}{message.senders}{message.message_id}"
        assert all("\x00" not in part.name and "/" not in part.name for part in message.parts)
    except mime.TooComplex:
        assert not is_read
    assert time.process_time() - begun < LONG_S


def test_statements_are_told_by_what_they_are_and_a_mail_itself_is_none() -> None:
    camt = b'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt/>'
    read = mime.read(
        letter(text=STATEMENT.decode(), attached={"a.csv": STATEMENT, "b": camt, "c.pdf": PDF, "d.xml": b"<Invoice/>"})
    )
    assert [part.name for part in read.parts if attachments.is_statement(part)] == ["a.csv", "b"]


@pytest.mark.parametrize(
    ("sender", "is_named"),
    [
        ("a@bank.example", True),
        ("a@mail.bank.example", True),
        ("a@evilbank.example", False),
        ("a@bank.example.evil.example", False),
        ("me@other.example", True),
        ("you@other.example", False),
        (None, False),
    ],
)
def test_statements_are_taken_from_whom_somebody_named(sender: str | None, is_named: bool) -> None:
    assert attachments.is_named(sender, ["Bank.example", "me@other.example"]) is is_named
