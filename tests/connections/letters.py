"""Letters: mails as shops and banks send them, for tests."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

SENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STATEMENT = b"Date,Description,Amount\n2026-03-02,Bakery,-4.20\n2026-03-03,Wages,1200.00\n"


def letter(
    *,
    number: int = 1,
    sender: str = "Shop <orders@shop.example>",
    subject: str = "Your receipt",
    text: str = "Total: 12.50 GBP",
    html: str | None = None,
    attached: dict[str, bytes] | None = None,
    checked_by: str | None = None,
    found: str = "dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example",
) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "ana@example.com", subject
    made["Date"], made["Message-ID"] = format_datetime(SENT), f"<{number}@shop.example>"
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    for name, content in (attached or {}).items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    told = f"Authentication-Results: {checked_by}; {found}\r\n".encode() if checked_by else b""
    return told + made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
