"""Three layouts as banks write them: a British CSV, a German CSV and a card's OFX."""

import csv
import io
from datetime import date

from ai2.sample.ledger import BankAccount

UK_HEADER = (
    "Transaction Date", "Transaction Type", "Sort Code", "Account Number", "Transaction Description",
    "Debit Amount", "Credit Amount", "Balance",
)  # fmt: skip
GERMAN_HEADER = (
    "Auftragskonto", "Buchungstag", "Valutadatum", "Buchungstext", "Verwendungszweck",
    "Beguenstigter/Zahlungspflichtiger", "Betrag", "Waehrung", "Saldo nach Buchung",
)  # fmt: skip


def uk_csv(account: BankAccount) -> bytes:
    """Comma, day first, debit and credit in columns of their own, a running balance."""
    sort_code, number = account.number.split()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(UK_HEADER)
    for entry, balance in account.sorted_with_balances():
        day, amount = f"{entry.booked_on:%d/%m/%Y}", _point(abs(entry.amount_minor))
        columns = (amount, "") if entry.amount_minor < 0 else ("", amount)
        writer.writerow([day, entry.kind, sort_code, number, entry.description, *columns, _point(balance)])
    return table.getvalue().encode("utf-8")


def german_csv(account: BankAccount) -> bytes:
    """Semicolon, decimal comma, dots in dates, Windows' encoding, everything quoted, a running balance."""
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(GERMAN_HEADER)
    for entry, balance in account.sorted_with_balances():
        day = f"{entry.booked_on:%d.%m.%Y}"
        amounts = (_comma(entry.amount_minor), "EUR", _comma(balance))
        writer.writerow([account.number, day, day, entry.kind, entry.description, entry.counterparty, *amounts])
    return table.getvalue().encode("cp1252")


def ofx_card(account: BankAccount) -> bytes:
    """OFX 1.02 (SGML: leaves are not closed), each entry with the bank's own id and the merchant's code."""
    rows = account.sorted_with_balances()
    lines = [
        "OFXHEADER:100", "DATA:OFXSGML", "VERSION:102", "SECURITY:NONE", "ENCODING:USASCII", "CHARSET:1252",
        "COMPRESSION:NONE", "OLDFILEUID:NONE", "NEWFILEUID:NONE", "",
        "<OFX>", "<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>",
        f"<DTSERVER>{_stamp(rows[-1][0].booked_on)}<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>",
        "<CREDITCARDMSGSRSV1><CCSTMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>",
        f"<CCSTMTRS><CURDEF>GBP<CCACCTFROM><ACCTID>{account.number}</CCACCTFROM>",
        f"<BANKTRANLIST><DTSTART>{_stamp(rows[0][0].booked_on)}<DTEND>{_stamp(rows[-1][0].booked_on)}",
    ]  # fmt: skip
    for number, (entry, _) in enumerate(rows, start=1):
        lines += [
            f"<STMTTRN><TRNTYPE>{entry.kind}<DTPOSTED>{_stamp(entry.booked_on)}<TRNAMT>{_point(entry.amount_minor)}",
            f"<FITID>{entry.booked_on:%Y%m%d}{number:06d}" + (f"<SIC>{entry.mcc}" if entry.mcc else ""),
            f"<NAME>{entry.description.replace('&', '&amp;')}</STMTTRN>",
        ]
    lines += [
        f"</BANKTRANLIST><LEDGERBAL><BALAMT>{_point(rows[-1][1])}<DTASOF>{_stamp(rows[-1][0].booked_on)}</LEDGERBAL>",
        "</CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1>", "</OFX>", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode("cp1252")


def _point(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def _comma(minor: int) -> str:
    whole = f"{abs(minor) // 100:,}".replace(",", ".")
    return f"{'-' if minor < 0 else ''}{whole},{abs(minor) % 100:02d}"


def _stamp(day: date) -> str:
    return f"{day:%Y%m%d}120000"
