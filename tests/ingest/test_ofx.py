"""OFX: both generations, the bank's own ids kept, every transaction a line or rejected."""

import json
from decimal import Decimal

import pytest

from ai2.ingest import problems
from ai2.kit.errors import Problem
from tests.ingest.reading import lines, read, reasons

SGML = """OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP<BANKACCTFROM><BANKID>1<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20240101<DTEND>20240131
{entries}
</BANKTRANLIST><LEDGERBAL><BALAMT>382.34<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
TEA = (
    "<STMTTRN><TRNTYPE>POS<DTPOSTED>20240113120000.000[-5:EST]<TRNAMT>-6.60<FITID>A1"
    "<NAME>Tea &amp; Co<SIC>5812</STMTTRN>"
)
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE OFX [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
TRADES = "<INVSTMTRS><INVTRANLIST><BUYSTOCK><UNITS>1</BUYSTOCK></INVTRANLIST>"
BUS = "<STMTTRN>\n<TRNTYPE>CHECK\n<DTPOSTED>20240114\n<TRNAMT>-2,50\n<FITID>A2\n<CHECKNUM>0\n<MEMO>Bus\n</STMTTRN>"


def ofx(*entries: str) -> str:
    return SGML.format(entries="\n".join(entries))


def xml(text: str) -> str:
    """The same with every value's tag closed, and without a header of OFX 1."""
    import re

    closed = re.sub(r"<([A-Z]+)>([^<\s][^<\n]*)", r"<\1>\2</\1>", text[text.index("<OFX>") :])
    return '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n' + closed


class TestRead:
    @pytest.mark.parametrize("dress", [str, xml])
    def test_both_generations_read_alike(self, dress: "type[str]") -> None:
        found = read(dress(ofx(TEA, BUS)), name="a.ofx")
        assert lines(found) == [("2024-01-13", "-6.6", "Tea & Co"), ("2024-01-14", "-2.5", "Bus")]
        assert (found.format, found.account_number) == ("ofx", "12345678")
        assert [(stated.amount, stated.kind) for stated in found.balances] == [(Decimal("382.34"), "closing")]

    def test_keeps_the_banks_id_code_and_the_rest(self) -> None:
        [tea, bus] = read(ofx(TEA, BUS)).lines.to_pylist()
        assert (tea["provider_id"], tea["mcc"], tea["merchant"]) == ("A1", "5812", "Tea & Co")
        assert json.loads(tea["attributes"]) == {"TRNTYPE": "POS"}
        assert bus["reference"] is None  # 0 is no cheque

    def test_a_memo_that_repeats_the_name_is_said_once(self) -> None:
        entry = TEA.replace("</STMTTRN>", "<MEMO>Tea &amp; Co London</STMTTRN>")
        assert lines(read(ofx(entry)))[0][2] == "Tea & Co London"

    def test_without_name_and_memo_the_kind_describes_it(self) -> None:
        assert lines(read(ofx(TEA.replace("<NAME>Tea &amp; Co", ""))))[0][2] == "POS"

    def test_is_utf8_where_it_is_whatever_the_header_says(self) -> None:
        text = ofx(TEA.replace("Tea &amp; Co", "Café"))
        assert lines(read(text.encode("utf-8")))[0][2] == "Café"
        assert lines(read(text.encode("cp1252")))[0][2] == "Café"

    def test_line_numbers_differ_even_where_all_stands_in_one_line(self) -> None:
        found = read(ofx(TEA + TEA.replace("A1", "A3") + BUS).replace("\n", " ")).lines.to_pylist()
        assert len({line["line_number"] for line in found}) == 3


class TestRejected:
    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("<DTPOSTED>20240113120000.000[-5:EST]", "", "no_date"),
            ("20240113120000.000[-5:EST]", "20240230", "bad_date"),
            ("-6.60", "$6", "bad_amount"),
            ("<TRNAMT>-6.60", "", "no_amount"),
            ("-6.60", "-6.605", "too_precise"),
            ("<SIC>5812", "<CURRENCY><CURRATE>1.2<CURSYM>EUR</CURRENCY>", "other_currency"),
        ],
    )
    def test_says_why(self, old: str, new: str, reason: str) -> None:
        found = read(ofx(TEA.replace(old, new), BUS))
        assert [code for _, code in reasons(found)] == [reason]
        assert (found.rows_in, len(found.lines)) == (2, 1)
        assert "<STMTTRN>" in found.rejected[0].original

    def test_an_amount_that_was_converted_is_the_accounts(self) -> None:
        entry = TEA.replace("<SIC>5812", "<ORIGCURRENCY><CURRATE>1.2<CURSYM>EUR</ORIGCURRENCY>")
        assert len(read(ofx(entry)).lines) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (DOCTYPE + ofx(TEA), problems.UnsafeMarkup),
            ("OFXHEADER:100\n\n<OFX></OFX>", problems.NoStatement),
            ("<OFX><SONRS><STATUS><CODE>15500<SEVERITY>ERROR</STATUS></SONRS></OFX>", problems.BankReportsError),
            (ofx(TEA).replace("<STMTRS>", TRADES), problems.SecuritiesTrades),
            (ofx(TEA).replace("<CURDEF>GBP", "<CURDEF>EUR"), problems.OtherCurrency),
            (ofx(TEA) + ofx(TEA).replace("12345678", "87654321"), problems.SeveralAccounts),
        ],
    )  # fmt: skip
    def test_says_why(self, content: str, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content)

    def test_of_several_accounts_the_one_with_the_number_is_read(self) -> None:
        both = ofx(TEA) + ofx(BUS).replace("12345678", "87654321")
        assert [line[2] for line in lines(read(both, number="00-87654321"))] == ["Bus"]

    def test_another_accounts_file(self) -> None:
        with pytest.raises(problems.OtherAccount):
            read(ofx(TEA), number="99999999")
