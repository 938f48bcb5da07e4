"""Statements as banks write them: the same transactions as MT940, camt.053 or OFX of either generation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape

ACCOUNT = "DE89370400440532013000"


@dataclass(frozen=True)
class Paid:
    """A transaction: the day it was booked and that from which it counts, who was paid, and for what."""

    booked_on: date
    value_on: date
    amount: Decimal
    name: str
    text: str


def mt940(paid: Sequence[Paid]) -> bytes:
    """With sub-fields of 27 and lines of 65 letters."""
    fields = [":20:STARTUMSE", f":25:{ACCOUNT}", ":28C:00001/001", ":60F:C200101EUR1000,00"]
    for number, each in enumerate(paid):
        mark, size = "D" if each.amount < 0 else "C", str(abs(each.amount)).replace(".", ",")
        fields.append(f":61:{each.value_on:%y%m%d}{each.booked_on:%m%d}{mark}R{size}NTRFNONREF//{number:014}")
        purpose = "".join(f"?{20 + place}{piece}" for place, piece in enumerate(_cut(f"SVWZ+{each.text}", 27)))
        name = "".join(f"?{32 + place}{piece}" for place, piece in enumerate(_cut(each.name, 27)))
        fields.append(":86:" + "\r\n".join(_cut(f"166?00UMSATZ?109310{purpose}{name}", 65)))
    closing = 1000 + sum(each.amount for each in paid)
    return "\r\n".join(
        [*fields, f":62F:{'D' if closing < 0 else 'C'}200131EUR{abs(closing):.2f}".replace(".", ","), "-", ""]
    ).encode()


def camt(paid: Sequence[Paid]) -> bytes:
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">{abs(each.amount)}</Amt><CdtDbtInd>{"DBIT" if each.amount < 0 else "CRDT"}</CdtDbtInd>'
        f"<Sts>BOOK</Sts><BookgDt><Dt>{each.booked_on}</Dt></BookgDt><ValDt><Dt>{each.value_on}</Dt></ValDt>"
        f"<AcctSvcrRef>{number:014}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties>"
        f"<{_role(each)}><Nm>{escape(each.name)}</Nm></{_role(each)}></RltdPties>"
        f"<RmtInf>{''.join(f'<Ustrd>{escape(piece)}</Ustrd>' for piece in _cut(each.text, 140))}</RmtInf>"
        f"</TxDtls></NtryDtls></Ntry>\n"
        for number, each in enumerate(paid)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{entries}</Stmt></BkToCstmrStmt>"
        "</Document>"
    ).encode()


def ofx1(paid: Sequence[Paid]) -> bytes:
    return _ofx(paid, header="OFXHEADER:100\nDATA:OFXSGML\nCHARSET:1252\n\n", close=lambda tag: "")


def ofx2(paid: Sequence[Paid]) -> bytes:
    header = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n'
    return _ofx(paid, header=header, close=lambda tag: f"</{tag}>")


def _ofx(paid: Sequence[Paid], *, header: str, close: Callable[[str], str]) -> bytes:
    def value(tag: str, text: str) -> str:
        return f"<{tag}>{escape(text, quote=False)}{close(tag)}\n"

    entries = "".join(
        "<STMTTRN>"
        + value("TRNTYPE", "OTHER")
        + value("DTPOSTED", f"{each.booked_on:%Y%m%d}235959.999[-11:SST]")
        + value("DTAVAIL", f"{each.value_on:%Y%m%d}")
        + value("TRNAMT", str(each.amount))
        + value("FITID", f"{number:014}")
        + value("NAME", each.name)
        + value("MEMO", each.text)
        + "</STMTTRN>\n"
        for number, each in enumerate(paid)
    )
    return (
        f"{header}<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS>{value('CURDEF', 'EUR')}<BANKACCTFROM>"
        f"{value('ACCTID', ACCOUNT)}</BANKACCTFROM><BANKTRANLIST>"
        f"{value('DTSTART', '20200101')}{value('DTEND', '20200131')}{entries}"
        "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


def _role(paid: Paid) -> str:
    return "Cdtr" if paid.amount < 0 else "Dbtr"


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


WRITERS = {"mt940": mt940, "camt": camt, "ofx1": ofx1, "ofx2": ofx2}
