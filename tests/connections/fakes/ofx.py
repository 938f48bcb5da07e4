"""A bank that speaks OFX Direct Connect: it knows its users and their accounts, and takes only what the standard has.

That is the elements of a sign-on in their order, a message set for each kind of account, the header of the version.
"""

import re
from datetime import UTC, datetime
from typing import Any

from tests.connections.fakes.rest import Request, Server

SIGN_ON = [
    "DTCLIENT", "USERID", "USERPASS", "LANGUAGE", "FI", "ORG", "FID", "APPID", "APPVER", "CLIENTUID",
]  # fmt: skip
SEVERITY = {0: "INFO"}


class OfxBank(Server):
    """`accounts`: number to (kind, currency, transactions), each (id, day, amount, name)."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.user, self.password, self.version = "shop", "s3cret <&>", 102
        self.accounts: dict[str, tuple[str, str, list[tuple[str, str, str, str]]]] = {}
        # what it says in place of 0: to the sign-on, and to what is asked for
        self.sign_on_code, self.code = 0, 0
        self.clients: set[str] | None = None

    def _answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        text = request.body.decode("cp1252" if self.version < 200 else "utf-8")
        if request.headers.get("content-type") != "application/x-ofx" or not self._is_whole(text):
            return 400, {}, b"what is this"
        values = {tag: _plain(value) for tag, value in re.findall(r"<([A-Z0-9]+)>([^<\r\n]+)", text)}
        code = self._signs_on(text, values)
        head = self._head() + f"<OFX><SIGNONMSGSRSV1><SONRS>{_status(code, values.get('USERPASS', ''))}"
        head += f"<DTSERVER>{datetime.now(UTC):%Y%m%d%H%M%S%f}<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>"
        body = "" if code else self._granted(text, values)
        return 200, {"Content-Type": "application/x-ofx"}, (head + body + "</OFX>").encode("cp1252")

    def _head(self) -> str:
        return (
            "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
            "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n"
        )

    def _is_whole(self, text: str) -> bool:
        if self.version >= 200:
            is_head = text.startswith("<?xml ") and f'<?OFX OFXHEADER="200" VERSION="{self.version}"' in text
            tags = re.findall(r"<([A-Z0-9]+)>", text)
            return is_head and sorted(tags) == sorted(re.findall(r"</([A-Z0-9]+)>", text))
        return text.startswith("OFXHEADER:100\r\n") and f"VERSION:{self.version}\r\n" in text

    def _signs_on(self, text: str, values: dict[str, str]) -> int:
        inside = re.search(r"<SONRQ>(.*?)</SONRQ>", text, re.DOTALL)
        tags = re.findall(r"<([A-Z]+)>", inside[1]) if inside else []
        if tags != [tag for tag in SIGN_ON if tag in tags] or not {"DTCLIENT", "USERID", "LANGUAGE"} <= set(tags):
            return 2000
        if (values["USERID"], values["USERPASS"]) != (self.user, self.password):
            return 15500
        if self.clients is not None and values.get("CLIENTUID") not in self.clients:
            return 15510
        return self.sign_on_code

    def _granted(self, text: str, values: dict[str, str]) -> str:
        if "<ACCTINFORQ>" in text:
            told = "".join(self._told(number) for number in self.accounts)
            return (
                f"<SIGNUPMSGSRSV1><ACCTINFOTRNRS><TRNUID>{values['TRNUID']}{_status(self.code)}<ACCTINFORS>"
                f"<DTACCTUP>20260101{told}</ACCTINFORS></ACCTINFOTRNRS></SIGNUPMSGSRSV1>"
            )
        kind, currency, entries = self.accounts.get(values.get("ACCTID", ""), ("", "", []))
        is_card = "<CCSTMTRQ>" in text
        code = self.code or (0 if kind and is_card == (kind == "CREDITCARD") else 2003)
        sort, message = ("CC", "CREDITCARD") if is_card else ("", "BANK")
        whose = f"<ACCTID>{values.get('ACCTID')}"
        whose = f"<CCACCTFROM>{whose}</CCACCTFROM>" if is_card else self._bank(whose, kind)
        shown = [each for each in entries if each[1].replace("-", "") >= values["DTSTART"]]
        listed = "".join(
            f"<STMTTRN><TRNTYPE>{'DEBIT' if amount.startswith('-') else 'CREDIT'}<DTPOSTED>{day.replace('-', '')}"
            f"<TRNAMT>{amount}<FITID>{key}<NAME>{name}</STMTTRN>"
            for key, day, amount, name in shown
        )
        statement = (
            f"<{sort}STMTRS><CURDEF>{currency}{whose}<BANKTRANLIST><DTSTART>{values['DTSTART']}<DTEND>20261231{listed}"
            f"</BANKTRANLIST><LEDGERBAL><BALAMT>0<DTASOF>20261231</LEDGERBAL></{sort}STMTRS>"
        )
        return (
            f"<{message}MSGSRSV1><{sort}STMTTRNRS><TRNUID>{values['TRNUID']}{_status(code)}"
            f"{'' if code else statement}</{sort}STMTTRNRS></{message}MSGSRSV1>"
        )

    def _told(self, number: str) -> str:
        kind = self.accounts[number][0]
        if kind == "CREDITCARD":
            inner = f"<CCACCTINFO><CCACCTFROM><ACCTID>{number}</CCACCTFROM><SUPTXDL>Y<SVCSTATUS>ACTIVE</CCACCTINFO>"
        else:
            inner = f"<BANKACCTINFO>{self._bank(f'<ACCTID>{number}', kind)}<SUPTXDL>Y<SVCSTATUS>ACTIVE</BANKACCTINFO>"
        return f"<ACCTINFO><DESC>Tom &amp; Co {kind.lower()}{inner}</ACCTINFO>"

    def _bank(self, account: str, kind: str) -> str:
        return f"<BANKACCTFROM><BANKID>021000021{account}<ACCTTYPE>{kind}</BANKACCTFROM>"


def _status(code: int, says: str = "") -> str:
    message = f"<MESSAGE>No: {says.replace('&', '&amp;').replace('<', '&lt;')}" if code else ""
    return f"<STATUS><CODE>{code}<SEVERITY>{'ERROR' if code else 'INFO'}{message}</STATUS>"


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
